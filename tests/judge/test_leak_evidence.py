"""A LEAK of the target names its cause, from whatever else was read beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from loadstone.judge.leak_cause import Cause
from loadstone.judge.verdict import Status
from loadstone.measure.snapshot import SETTLE, Gauge, Series, Snapshot

Judge = Callable[..., list]  # type: ignore[type-arg]
LEAK = "leak(target.memory) = none"
SECONDS = 200
OUTSIDE, INSIDE = (("probe", "backend"),), (("probe", "inside"),)
MB_PER_S = 2e5


def run(**rates: float) -> list[Snapshot]:
    """Seconds in which memory leaks, and every other named level of the inside rises at its rate."""
    noise = np.random.default_rng(3).normal(0, 2e4, SECONDS)

    def gauges(at: int) -> dict[Series, Gauge]:
        found = {Series("target.memory", OUTSIDE): Gauge.of(5e7 + MB_PER_S * at + noise[at])}
        for name, rate in rates.items():
            found[Series(f"target.{name}", INSIDE)] = Gauge.of((1e5 if name in {"heap", "allocated_blocks"} else 20.0) + rate * at)
        return found

    return [Snapshot(at, float(at), at + 1.0, gauges=gauges(at)) for at in range(SECONDS)]


def settled(**stages: float) -> Snapshot:
    """The moment after the rest, in bytes."""
    gauges = {Series("target.retained_memory", (*INSIDE, ("stage", stage))): Gauge.of(level) for stage, level in stages.items()}
    return Snapshot(SECONDS, SECONDS + 5.0, SECONDS + 5.0, phase=SETTLE, gauges=gauges)


@pytest.mark.parametrize(
    ("rates", "cause"),
    [
        ({"heap": 100.0, "allocated_blocks": 500.0}, Cause.PYTHON_OBJECTS),
        ({"heap": MB_PER_S, "allocated_blocks": 0.0}, Cause.NATIVE),
        ({"heap": 0.0, "allocated_blocks": 0.0}, Cause.MAPPED),
        ({"heap": 0.0, "threads": 5.0}, Cause.THREADS),
        ({"heap": 0.0, "tasks": 5.0}, Cause.TASKS),
        ({"heap": 0.0, "descriptors": 5.0}, Cause.DESCRIPTORS),
        ({}, Cause.UNKNOWN),
    ],
    ids=lambda value: value.name if isinstance(value, Cause) else "",
)
def test_the_cause_follows_from_the_levels_beside_it(judge: Judge, rates: dict[str, float], cause: Cause) -> None:
    (verdict,) = judge(run(**rates), LEAK)
    assert verdict.status is Status.FAIL
    assert verdict.cause.cause is cause
    assert str(cause) in verdict.reason


def test_a_few_more_descriptors_do_not_explain_much_memory(judge: Judge) -> None:
    snapshots = run(heap=MB_PER_S, allocated_blocks=0.0, descriptors=0.5)
    assert judge(snapshots, LEAK)[0].cause.cause is Cause.NATIVE
    assert judge(snapshots, "leak(target.descriptors) = none")[0].cause.cause is Cause.DESCRIPTORS


def test_a_level_that_does_not_leak_has_no_cause(judge: Judge) -> None:
    flat = [Snapshot(at, float(at), at + 1.0, gauges={Series("target.memory", OUTSIDE): Gauge.of(5e7)}) for at in range(SECONDS)]
    (verdict,) = judge(flat, LEAK)
    assert (verdict.status, verdict.cause) == (Status.PASS, None)


@pytest.mark.parametrize(
    ("stages", "cause"),
    [
        ({"rest": 9e7, "collected": 5.2e7, "trimmed": 5.2e7}, Cause.CYCLES),
        ({"rest": 9e7, "collected": 9e7, "trimmed": 5.2e7}, Cause.FRAGMENTATION),
    ],
)
def test_what_comes_back_at_rest_was_no_reachable_object(judge: Judge, stages: dict[str, float], cause: Cause) -> None:
    snapshots = [*run(heap=MB_PER_S, allocated_blocks=0.0, heap_free=MB_PER_S), settled(**stages)]
    assert judge(snapshots, LEAK)[0].cause.cause is cause


def test_a_collection_that_empties_the_heap_found_cycles_though_the_process_keeps_its_pages(judge: Judge) -> None:
    kept = settled(rest=9e7, collected=9e7, trimmed=5.2e7)
    heap = {
        Series("target.retained_heap", (*INSIDE, ("stage", stage))): Gauge.of(size) for stage, size in (("rest", 4e7), ("collected", 1e6))
    }
    last = Snapshot(kept.seq, kept.start_s, kept.end_s, phase=SETTLE, gauges={**kept.gauges, **heap})
    assert judge([*run(heap=MB_PER_S, allocated_blocks=0.0), last], LEAK)[0].cause.cause is Cause.CYCLES


def test_the_first_three_types_and_lines_and_the_process_are_named(judge: Judge) -> None:
    grown = {f"app.Kind{number}": 1000.0 * number for number in (5, 1, 4, 2)}
    last = {Series("target.objects_more", (*INSIDE, ("type", name))): Gauge.of(more) for name, more in grown.items()}
    last |= {Series("target.site_more", (*INSIDE, ("site", f"app.py:{line}"))): Gauge.of(1e6 if line < 2 else 1e3) for line in range(5)}
    both = [{"api": 5e7 + at, "worker": 5e7 + MB_PER_S * at} for at in range(SECONDS)]
    snapshots = [
        Snapshot(
            each.seq,
            each.start_s,
            each.end_s,
            gauges={
                **each.gauges,
                **{Series("target.process_memory", (*OUTSIDE, ("process", name))): Gauge.of(v) for name, v in of.items()},
            },
        )
        for each, of in zip(run(heap=0.0), both, strict=True)
    ]
    before = Snapshot(998, 200.0, 201.0, gauges={Series("target.objects_more", (*INSIDE, ("type", "app.Gone"))): Gauge.of(9e9)})
    cause = judge([*snapshots, before, Snapshot(999, 205.0, 205.0, phase=SETTLE, gauges=last)], LEAK)[0].cause
    assert cause.types == ("app.Kind5", "app.Kind1", "app.Kind4")
    assert cause.sites == ("app.py:0", "app.py:1")
    assert cause.process == "worker"


def test_the_first_of_two_readers_of_a_level_is_kept(judge: Judge) -> None:
    snapshots = run(heap=MB_PER_S, allocated_blocks=0.0, threads=0.0)
    other = Series("target.threads", OUTSIDE)
    mixed = [Snapshot(s.seq, s.start_s, s.end_s, gauges={**s.gauges, other: Gauge.of(1000.0 + s.seq)}) for s in snapshots]
    assert judge(mixed, LEAK)[0].cause.cause is Cause.NATIVE

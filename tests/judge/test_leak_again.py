"""The same load twice: what the second part adds decides what one part cannot."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from loadstone.judge.leak import MEMORY, Answer
from loadstone.judge.leak_again import FEWEST, compare_parts
from loadstone.judge.level_history import Course
from loadstone.judge.panel import Panel
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import GateLine
from loadstone.plan.repeated import AGAIN, KIND

MB = 1e6
SECONDS = 120  # of each part
LEVEL = Series("generator.memory")
Level = Callable[[float], float]


def leak(at_s: float) -> float:
    return 200 * MB + 0.2 * MB * at_s


def cache(at_s: float) -> float:
    """Full at the end of the first part, after which a leak is not told from it by then."""
    return 200 * MB + min(at_s, SECONDS) * MB / 2


def flat(at_s: float) -> float:
    return 200 * MB + 0 * at_s


def parts(level: Level, seconds: int = SECONDS) -> tuple[Course, Course]:
    rng, found = np.random.default_rng(3), (Course(), Course())
    for at in range(2 * seconds):
        found[at >= seconds].add(float(at), level(at) + 0.1 * MB * float(rng.normal()))
    return found


@pytest.mark.parametrize(("level", "answer"), [(leak, Answer.LEAK), (cache, Answer.NO_LEAK), (flat, Answer.NO_LEAK)])
def test_a_leak_adds_as_much_again_and_a_full_cache_nothing(level: Level, answer: Answer) -> None:
    assert compare_parts(*parts(level), MEMORY).answer is answer


def test_what_each_part_added_is_told() -> None:
    twice = compare_parts(*parts(leak), MEMORY)
    assert twice.first == pytest.approx(0.2 * MB * 108, rel=0.05)  # from the first tenth to the last
    assert twice.second == pytest.approx(0.2 * MB * 120, rel=0.05)


def test_less_the_second_time_that_still_matters_is_not_known() -> None:
    slowing = compare_parts(*parts(lambda at_s: 200 * MB + 12 * MB * math.log1p(at_s / 15)), MEMORY)
    assert slowing.answer is Answer.CANNOT_TELL
    assert 0 < slowing.second < slowing.first


@pytest.mark.parametrize("seconds", [0, FEWEST - 1])
def test_a_part_with_too_few_readings_says_nothing(seconds: int) -> None:
    assert compare_parts(*parts(flat, seconds), MEMORY).answer is Answer.CANNOT_TELL


def verdict_of(level: Level, **settings: Any) -> Verdict:
    """The gate's answer after both parts; a warm-up of ten seconds stands before each."""
    panel = Panel([GateLine(gate="leak(generator.memory) = none", kind=KIND, settings=settings)], Catalogue())
    total = Aggregate()
    for at in range(2 * SECONDS):
        name = "shop" if at < SECONDS else f"shop{AGAIN}"
        gauges = {LEVEL: Gauge.of(level(at)), Series("load.users", (("scenario", name),)): Gauge.of(5)}
        snapshot = Snapshot(at, at, at + 1.0, judged=at % SECONDS >= 10, gauges=gauges)
        panel.see(snapshot)
        if snapshot.judged:
            total.add(snapshot)
    return panel.verdicts(total)[0]


@pytest.mark.parametrize(
    ("level", "status", "said"),
    [
        (leak, Status.FAIL, "LEAK: the same load added 24 MB the second time"),
        (flat, Status.PASS, "NO LEAK: the same load added 0 B the second time, and 0 B the first"),
    ],
)
def test_the_gate_tells_the_parts_by_their_scenarios(level: Level, status: Status, said: str) -> None:
    verdict = verdict_of(level)
    assert (verdict.status, str(verdict.gate)) == (status, "leak(generator.memory) = none")
    assert verdict.reason.startswith(said)


def test_a_second_part_that_never_came_is_no_data() -> None:
    panel = Panel([GateLine(gate="leak(generator.memory) = none", kind=KIND)], Catalogue())
    seconds: Sequence[Snapshot] = [Snapshot(at, at, at + 1.0, gauges={LEVEL: Gauge.of(2e8)}) for at in range(200)]
    for snapshot in seconds:
        panel.see(snapshot)
    assert panel.verdicts(Aggregate(seconds))[0].status is Status.NO_DATA

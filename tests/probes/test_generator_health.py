"""The generator's own figures are true, under a clock and counters that the test sets."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from loadstone.clock import MILLISECOND, SECOND
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.recorder import NO_SCENARIO, Recorder
from loadstone.measure.snapshot import LOAD
from loadstone.probes import generator
from loadstone.probes.generator import GeneratorHealth, resident_bytes
from loadstone.testing.clock import run_simulated, simulated_loop


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """`begin` tunes the garbage collector of its process, which is ours here."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def reads(total: int = 0, coalesced: int = 0, unstamped: int = 0) -> SimpleNamespace:
    return SimpleNamespace(reads=total, coalesced=coalesced, unstamped=unstamped)


def taken(recorder: Recorder) -> Aggregate:
    return Aggregate(recorder.take(0, 0.0, 1.0, LOAD))


def test_the_processor_time_is_a_share_of_the_time_that_passed_since_the_last_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu_s = [10.0, 10.5, 10.6]
    monkeypatch.setattr("loadstone.probes.generator.time.process_time", lambda: cpu_s.pop(0))

    async def sample() -> list[float]:
        loop, recorder = simulated_loop(), Recorder()
        health = GeneratorHealth(recorder, loop.timers(), 3, reads())
        found = []
        for seconds in (1, 2):
            loop.spend(seconds * SECOND)
            health.sample(descriptors=7)
            level = taken(recorder).gauge("generator.cpu", {"worker": "3"})
            assert level is not None
            found.append(level.last)
        return found

    assert run_simulated(sample()) == [pytest.approx(50.0), pytest.approx(5.0)]


def test_a_sample_without_time_since_the_last_one_says_nothing_of_the_processor() -> None:
    async def sample() -> Aggregate:
        recorder = Recorder()
        GeneratorHealth(recorder, simulated_loop().timers(), 0, reads()).sample(descriptors=7)
        return taken(recorder)

    assert run_simulated(sample()).gauge("generator.cpu") is None


def test_memory_and_descriptors_are_levels_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([5_000_000, 3_000_000, 0])
    monkeypatch.setattr(generator, "resident_bytes", lambda: next(sizes))

    async def sample() -> Aggregate:
        recorder = Recorder()
        health = GeneratorHealth(recorder, simulated_loop().timers(), 0, reads())
        for descriptors in (7, 9, 8):
            health.sample(descriptors)
        return taken(recorder)

    view = run_simulated(sample())
    memory, descriptors = view.gauge("generator.memory"), view.gauge("generator.descriptors")
    assert memory is not None
    assert descriptors is not None
    # Where the system does not say, the size is left out: it is not 0.
    assert (memory.least, memory.greatest, memory.count) == (3_000_000, 5_000_000, 2)
    assert (descriptors.last, descriptors.greatest) == (8, 9)


def test_reads_are_counted_once_however_often_they_are_sampled() -> None:
    counters = reads(10, 2, 0)

    async def sample() -> Aggregate:
        recorder = Recorder()
        health = GeneratorHealth(recorder, simulated_loop().timers(), 0, counters)
        health.sample(1)
        health.sample(1)
        counters.reads, counters.unstamped = 15, 4
        health.sample(1)
        return taken(recorder)

    view = run_simulated(sample())
    counts = [view.count(f"generator.{name}") for name in ("reads", "coalesced_reads", "unstamped_reads")]
    assert counts == [15, 2, 4]


def test_the_loops_lag_is_what_the_timer_was_late_and_a_long_stop_counts_once() -> None:
    async def watch() -> Aggregate:
        loop, recorder = simulated_loop(), Recorder()
        timers = loop.timers()
        GeneratorHealth(recorder, timers, 0, reads()).begin()
        began = loop.now_ns()
        # Held from 50 ms to 85 ms: the look that was due at 60 ms comes 25 ms late, the one due at 80 ms not at all.
        timers.at(began + 50 * MILLISECOND, lambda: loop.spend(35 * MILLISECOND))
        await timers.wait_until(began + 110 * MILLISECOND)
        return taken(recorder)

    lag = run_simulated(watch()).distribution("generator.loop_lag")
    assert lag is not None
    assert (lag.count, lag.min, lag.max) == (4, 0, 25 * MILLISECOND)


def test_resident_memory_is_what_the_system_says_and_0_only_where_it_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert 5_000_000 < resident_bytes() < 10**11
    monkeypatch.setattr(generator, "_STATM", tmp_path / "none")
    assert resident_bytes() == 0


def test_the_health_of_the_generator_belongs_to_no_scenario() -> None:
    async def sample() -> Aggregate:
        recorder = Recorder()
        recorder.judge(NO_SCENARIO, judged=False)
        GeneratorHealth(recorder, simulated_loop().timers(), 0, reads(3)).sample(1)
        return Aggregate(snapshot for snapshot in recorder.take(0, 0.0, 1.0, LOAD) if snapshot.judged)

    assert run_simulated(sample()).count("generator.reads") is None

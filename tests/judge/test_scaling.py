"""Auto-scalers whose reaction is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.judge.recovery import Recovery
from loadstone.judge.scaling import ScalingWatch, scaling
from loadstone.measure.snapshot import Gauge, Series, Snapshot


def steps(*parts: tuple[int, int]) -> tuple[list[float], list[float]]:
    """A reading a second, from parts of (seconds, instances)."""
    values = [float(count) for seconds, count in parts for _ in range(seconds)]
    return [at + 0.5 for at in range(len(values))], values


def test_the_reaction_the_time_to_scale_and_the_overshoot_are_told() -> None:
    times, ready = steps((30, 2), (10, 2), (5, 4), (5, 8), (20, 6), (30, 2))
    found = scaling(times, ready, 30.0, 70.0, 100.0)
    assert found is not None
    assert (found.before, found.most, found.enough) == (2, 8, 6)
    assert (found.reacted_s, found.scaled_s) == (10.5, 15.5)
    assert (found.overshoot, found.undershoot) == (2, 4)


def test_instances_that_are_taken_away_too_soon_are_an_undershoot() -> None:
    times, ready = steps((30, 2), (25, 6), (5, 1), (25, 6), (35, 2))
    found = scaling(times, ready, 30.0, 85.0, 119.0)
    assert found is not None
    assert (found.overshoot, found.undershoot) == (0, 5)


def test_a_scaler_that_never_gets_there_has_no_time_to_scale() -> None:
    times, ready = steps((30, 2), (30, 3), (30, 2))
    found = scaling(times, ready, 30.0, 60.0, 90.0, [2.0] * 30 + [9.0] * 30 + [2.0] * 30)
    assert found is not None
    assert (found.enough, found.reacted_s, found.scaled_s) == (9, 0.5, None)


def test_without_readings_before_the_spike_there_is_no_answer() -> None:
    times, ready = steps((30, 2))
    assert scaling(times, ready, 0.0, 10.0, 30.0) is None
    assert scaling([], [], 5.0, 10.0, 30.0) is None


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 19), st.integers(0, 5))
def test_a_step_after_a_delay_is_found_as_it_is(before: int, more: int, delay: int, over: int) -> None:
    enough = before + more
    times, ready = steps((20, before), (delay, before), (20, enough + over), (41 - delay, enough), (20, before))
    found = scaling(times, ready, 20.0, 81.0, 101.0)
    assert found is not None
    assert found.reacted_s == found.scaled_s == delay + 0.5
    assert (found.overshoot, found.undershoot, found.enough) == (over, more, enough)


@pytest.mark.parametrize("metric", ["target.instances", "target.loadstone_reference_instances", "target.web_replicas"])
def test_the_watch_finds_what_counts_instances_and_what_was_needed(metric: str) -> None:
    watch = ScalingWatch()
    for at in range(60):
        ready, needed = (1.0, 1.0) if at < 20 else (4.0 if at >= 32 else 1.0, 4.0)
        gauges = {Series(metric): Gauge.of(ready), Series(f"{metric}_needed"): Gauge.of(needed), Series("target.cpu"): Gauge.of(9.0)}
        watch.see(Snapshot(at, float(at), at + 1.0, gauges=gauges))
    (found,) = watch.answers([Recovery(20.0, 55.0, 3.0, 10.0)])
    assert found is not None
    assert (found.before, found.enough, found.scaled_s) == (1, 4, 12.5)

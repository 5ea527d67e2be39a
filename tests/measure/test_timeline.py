"""A run over time in bounded memory: nothing lost, phases never mixed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.measure.snapshot import Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.testing.samples import make_snapshot

PHASES = [("warm-up", False), ("load", True), ("wind-down", True), ("settle", False)]


def second(at: int, phase: str = "load", *, judged: bool = True) -> Snapshot:
    made = make_snapshot(at)
    return Snapshot(at, float(at), at + 1.0, judged, phase, made.distributions, made.counts, made.gauges, made.failures)


def requests(timeline: Timeline) -> int:
    return sum(stretch.aggregate().count("http.requests") or 0 for stretch in timeline.so_far())


@pytest.mark.parametrize("seconds", [1, 8, 9, 100, 5000])
def test_any_length_fits_and_nothing_is_lost(seconds: int) -> None:
    timeline = Timeline(most=8)
    for at in range(seconds):
        timeline.snapshot(second(at))
    stretches = timeline.so_far()
    assert len(stretches) <= 8
    assert requests(timeline) == seconds * (make_snapshot(0).counts[next(iter(make_snapshot(0).counts))])
    assert (stretches[0].start_s, stretches[-1].end_s) == (0.0, seconds)
    assert all(one.end_s == other.start_s for one, other in pairwise(stretches))


@given(st.lists(st.tuples(st.sampled_from(PHASES), st.integers(1, 15)), min_size=1, max_size=6))
def test_a_stretch_is_of_one_phase(parts: list[tuple[tuple[str, bool], int]]) -> None:
    timeline, at = Timeline(most=6), 0
    places = []
    for (phase, judged), length in parts:
        for _ in range(length):
            timeline.snapshot(second(at, phase, judged=judged))
            places.append((phase, judged))
            at += 1
    for stretch in timeline.so_far():
        assert set(places[int(stretch.start_s) : int(stretch.end_s)]) == {(stretch.phase, stretch.judged)}
    assert len(timeline.so_far()) <= 6 + 2 * len(parts)


def test_without_a_second_there_is_no_stretch() -> None:
    assert Timeline().so_far() == ()

"""The second's cut: its values, and when they are told, in simulated time."""

import math
from typing import Any

import pytest

from loadstone.clock import SECOND
from loadstone.load.engine import LATEST_NS, SLICE_NS
from loadstone.measure.snapshot import Snapshot
from loadstone.testing.client import constant
from loadstone.testing.clock import START_NS, simulated_loop
from loadstone.testing.simulation import simulate


def told_at(told: list[tuple[float, Snapshot]]) -> Any:
    return lambda snapshot: told.append(((simulated_loop().now_ns() - START_NS) / SECOND, snapshot))


@pytest.mark.parametrize("rate", [1, 50, 4_000, 20_000])
def test_each_second_has_its_own_arrivals_however_late_it_is_told(make_plan: Any, rate: int) -> None:
    told: list[tuple[float, Snapshot]] = []
    simulate(make_plan({"rate": f"{rate}/s", "duration": "4s"}), constant(0.004), sink=told_at(told))
    arrivals = [sum(n for series, n in snapshot.counts.items() if series.metric == "load.arrivals") for _, snapshot in told]
    assert [each for each in arrivals if each] == [rate] * 4
    lateness = [at_s - snapshot.end_s for at_s, snapshot in told]
    assert min(lateness) >= 0
    assert max(lateness) <= (LATEST_NS + 2 * SLICE_NS) / SECOND


def test_a_second_is_not_folded_while_an_arrival_is_about_to_be_due(make_plan: Any) -> None:
    told: list[tuple[float, Snapshot]] = []
    # Each arrival is due 0.1 ms after a tick: too soon for a slice of folding in between.
    simulate(make_plan({"rate": "1/s", "duration": "3s"}, start="0.1ms"), constant(0.0), sink=told_at(told))
    (at_s,) = (at_s for at_s, snapshot in told if math.isclose(snapshot.end_s, 1.0))
    assert at_s == pytest.approx(1.0 + (100_000 + SLICE_NS) / SECOND, abs=1e-9)


def test_the_last_values_are_told_at_the_end_of_the_run(make_plan: Any) -> None:
    told: list[tuple[float, Snapshot]] = []
    run = simulate(make_plan({"rate": "10/s", "duration": "2s"}), constant(0.35), sink=told_at(told))
    assert run.ended_s == pytest.approx(2.25)
    assert told[-1][0] == pytest.approx(2.25)
    requests = sum(n for _, snapshot in told for series, n in snapshot.counts.items() if series.metric == "http.requests")
    assert requests == 20
    assert [snapshot.seq for _, snapshot in told] == sorted(snapshot.seq for _, snapshot in told)
    assert not any(math.isclose(snapshot.start_s, snapshot.end_s) and not snapshot.counts for _, snapshot in told)

"""What a connection costs a target: known costs are found, and too little to tell says so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from loadstone.errors import UsageError
from loadstone.judge.panel import Panel
from loadstone.judge.per_connection import CONNECTIONS, DESCRIPTORS, ConnectionMemory
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import GateLine
from loadstone.plan.per_connection_text import per_connection_settings

COST, BASE = 12_300.0, 50e6
PROBE = ("probe", "pid 7")
GATE = "per_connection(target.memory) < 20kB"
Number = Callable[[int], int]


def ramp(second: int) -> int:
    """Two hundred connections in forty seconds; then they stay."""
    return min(5 * second, 200)


def seconds(number: Number = ramp, cost: float = COST, metric: str = CONNECTIONS) -> list[Snapshot]:
    rng, found = np.random.default_rng(5), []
    tags = (PROBE, ("state", "established")) if metric == CONNECTIONS else (PROBE,)
    for at in range(60):
        memory = BASE + cost * number(at) + 20e3 * float(rng.normal())
        gauges = {Series("target.memory", (PROBE,)): Gauge.of(memory), Series(metric, tags): Gauge.of(number(at))}
        found.append(Snapshot(at, at, at + 1.0, judged=at > 40, gauges=gauges))
    return found


def verdict(gate: str, snapshots: list[Snapshot]) -> Verdict:
    panel = Panel([GateLine.model_validate(gate)], Catalogue())
    for snapshot in snapshots:
        panel.see(snapshot)
    return panel.verdicts(Aggregate())[0]


@pytest.mark.parametrize(("metric", "counted"), [(CONNECTIONS, "connections"), (DESCRIPTORS, "descriptors")])
def test_the_known_cost_lies_in_a_narrow_interval(metric: str, counted: str) -> None:
    memory = ConnectionMemory()
    for snapshot in seconds(metric=metric):
        memory.see(snapshot)
    found = memory.finding()
    assert found is not None
    assert found.low < COST < found.high
    assert found.high - found.low < 0.05 * COST
    assert (found.least, found.most, found.counted) == (0, 200, counted)
    assert str(found).endswith(f"from 0 to 200 {counted}")


def test_what_is_kept_after_connections_closed_changes_nothing() -> None:
    up, down = ConnectionMemory(), ConnectionMemory()
    for snapshot in seconds():
        up.see(snapshot)
        down.see(snapshot)
    for snapshot in seconds(lambda second: 150 - second, cost=-5e6):
        down.see(snapshot)
    assert up.finding() == down.finding()


@pytest.mark.parametrize(("limit", "status"), [("20kB", Status.PASS), ("12.3kB", Status.NO_DATA), ("5kB", Status.FAIL)])
def test_the_gate_is_decided_by_the_whole_interval(limit: str, status: Status) -> None:
    found = verdict(f"per_connection(target.memory) < {limit}", seconds())
    assert found.status is status
    assert found.low is not None
    assert found.high is not None
    assert found.low < COST < found.high


@pytest.mark.parametrize("number", [lambda _: 200, lambda second: second // 5, lambda _: 0])
def test_connections_that_came_all_at_once_or_hardly_are_no_data(number: Number) -> None:
    found = verdict(GATE, seconds(number))
    assert (found.status, found.value) == (Status.NO_DATA, None)
    assert "--ramp" in found.reason


def test_other_gates_are_left_alone_and_a_mistake_is_told() -> None:
    assert per_connection_settings("growth(target.memory) < 20kB") is None
    assert per_connection_settings(GATE) == {"limit_bytes": 20_000}
    with pytest.raises(UsageError, match="is no limit for a connection's memory"):
        per_connection_settings("per_connection(target.cpu) < 20kB")

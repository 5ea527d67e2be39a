"""Memory of a language-model service, part by part: which parts are watched, and what is asked of them."""

from __future__ import annotations

from typing import Any

import pytest

from loadstone.judge.panel import Panel
from loadstone.judge.verdict import Status
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.measure.snapshot import Gauge, Snapshot
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.testing.samples import make_series


def planned(**flags: Any) -> Plan:
    return load(["llm"], Overrides({name: str(value) for name, value in flags.items()}, (), (), {}))[0]


def watched(plan: Plan) -> list[str]:
    return [each.name for each in plan.scenarios if each.name.startswith("memory of ")]


def test_transformations_are_watched_from_their_beginning_to_their_end() -> None:
    plan = planned(duration="20s")
    scenarios = {each.name: each for each in plan.scenarios}
    beside, part = scenarios["memory of transform"], scenarios["transform"]
    assert watched(plan) == ["memory of transform"]
    assert (beside.after, beside.start_s, beside.profile.duration_s) == (part.after, part.start_s, part.profile.duration_s)
    assert [line.gate for line in plan.gates if line.requirement == "memory_stability"] == ["max(service.growth{part=transform}) < 100MB"]


def test_every_part_is_judged_for_leaks_where_that_is_asked_for_and_it_lasts() -> None:
    plan = planned(duration="60s", leaks=1, max_growth=20)
    asked = [line.gate for line in plan.gates if line.requirement == "memory_stability"]
    assert len(watched(plan)) == 5
    assert "max(service.growth{part=flow}) < 20MB" in asked
    assert {gate for gate in asked if gate.startswith("leak")} == {
        f"leak(service.memory{{part={part}}}) = none" for part in ("llm", "cache", "api", "flow")
    }  # transformations last half as long: too short for an answer


def test_memory_that_cannot_be_read_is_not_judged() -> None:
    assert not watched(planned(url="http://127.0.0.1:9", model="m", leaks=1, duration="60s"))


@pytest.mark.parametrize(("kb_per_s", "status"), [(0, Status.PASS), (900, Status.FAIL)])
def test_a_part_that_leaks_is_told_from_one_beside_it_that_does_not(kb_per_s: float, status: Status) -> None:
    plan = planned(duration="4m", parts="transform,flow", leaks=1)
    gates = [line for line in plan.gates if line.gate.startswith("leak(service.memory{part=flow}")]
    panel = Panel(gates, Catalogue(declared(plan.metrics)))
    snapshots = []
    for at in range(240):
        levels = {"transform": 80.0 + at, "flow": 80.0 + at * kb_per_s / 1e3 + 0.05 * (at % 3)}
        gauges = {make_series("service.memory", part=part): Gauge.of(level) for part, level in levels.items()}
        snapshots.append(Snapshot(at, float(at), at + 1.0, gauges=gauges))
        panel.see(snapshots[-1])
    (verdict,) = panel.verdicts(Aggregate(snapshots))
    assert verdict.status is status

"""The stress part of `workflow`, in simulated time against servers of known capacity."""

from __future__ import annotations

from functools import cache

import pytest

from loadstone.judge.panel import Panel
from loadstone.judge.score import without_pressure
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.plan.steps import Step
from loadstone.testing.client import capacity
from loadstone.testing.simulation import simulate


def plan_of(**flags: str) -> Plan:
    plan, _ = load(["workflow"], Overrides({"only": "stress", "duration": "20s", **flags}))
    return plan


@cache
def verdicts_at(per_s: float) -> dict[str, Verdict]:
    """Of the whole part, with a request of no consequence for each step."""
    plan = plan_of(stress_connections="80")
    plain = [each.model_copy(update={"steps": (Step.model_validate({"get": "/"}),)}) for each in plan.scenarios]
    plan = plan.model_copy(update={"target": "http://127.0.0.1:1", "embedded": False, "scenarios": tuple(plain), "pressure": None})
    panel, total = Panel(plan.gates, Catalogue()), Aggregate()
    for snapshot in simulate(plan, capacity(per_s)).snapshots:
        panel.see(snapshot)
        total.add(snapshot)
    return {str(verdict.gate): verdict for verdict in panel.verdicts(total)}


def test_a_server_of_100_a_second_breaks_at_the_step_beyond() -> None:
    found = verdicts_at(100.0)
    assert (found["breaking point > 40/s"].value, found["breaking point > 40/s"].status) == (80.0, Status.PASS)
    assert found["connections > 19"].value == 80.0


def test_a_queue_that_outlasts_the_time_after_the_ramp_is_no_recovery() -> None:
    # 60, 220 and 540/s more than are served, for 5 s each: the queue takes 51 s to drain beside the usual 20/s, and 20 s are looked at.
    assert verdicts_at(100.0)["recovery(http.response_time{scenario=breaking point}) < 30s"].status is Status.FAIL
    assert verdicts_at(5000.0)["recovery(http.response_time{scenario=breaking point}) < 30s"].value == 0.0


def test_every_kind_of_stress_has_a_requirement_and_a_recovery() -> None:
    plan = plan_of()
    names = {line.requirement for line in plan.gates}
    assert names == {"stress_breaking_point", "stress_connections", "stress_pool", "stress_pressure", "stress_recovery"}
    recovered = {line.settings["scenario"] for line in plan.gates if line.kind == "recovery"}
    assert recovered == {"breaking point", "connections", "pool"}


def test_pressure_is_on_the_first_scenario_and_only_for_a_backend_of_this_machine() -> None:
    plan = plan_of()
    assert plan.pressure is not None
    assert (plan.pressure.scenario, plan.pressure.start_s) == (plan.scenarios[0].name, 0.0)
    assert plan_of(url="http://elsewhere:8000").pressure is None
    assert plan_of(without_pressure="true").pressure is None


@pytest.mark.parametrize(("scenario", "lacking"), [("", 2), ("under pressure", 1)])
def test_pressure_that_was_not_there_is_about_its_own_scenario(scenario: str, lacking: int) -> None:
    specs = [line.spec() for line in plan_of().gates]
    chosen = [next(each for each in specs if dict(each.tags)["scenario"] == name) for name in ("under pressure", "pool")]
    passed = [Verdict(spec, Status.PASS, 0.0, 1.0, "%", 100, "fine") for spec in chosen]
    found = without_pressure(passed, "no stress-ng", scenario)
    assert sum(each.status is Status.NO_DATA for each in found) == lacking
    assert found[0].status is Status.NO_DATA

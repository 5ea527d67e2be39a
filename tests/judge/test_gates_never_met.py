from __future__ import annotations

import pytest

from loadstone.errors import PlanError
from loadstone.judge.fitting import panel_of
from loadstone.judge.never_met import unknown_steps
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.model import Plan

SCENARIOS = {
    "browse": {"profile": {"users": 1, "duration": "1s"}, "steps": [{"get": "/api/items", "name": "items"}]},
    "ask": {"profile": {"users": 1, "duration": "1s"}, "steps": [{"post": "/api/ask", "name": "ask"}]},
}


def plan(*gates: object) -> Plan:
    return Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": SCENARIOS, "gates": list(gates)})


def test_a_gate_on_a_scenario_that_is_not_there_is_a_mistake_with_the_nearest_name() -> None:
    with pytest.raises(PlanError, match=r"no scenario of this plan is called 'brwose'; did you mean 'browse'\?"):
        panel_of(plan("p95(http.response_time{scenario=brwose}) < 2s"), Catalogue())


def test_a_gate_on_a_step_that_is_not_there_is_found_with_the_nearest_name() -> None:
    (text,) = unknown_steps(plan("p95(http.response_time{step=item}) < 2s"))
    assert "did you mean 'items'?" in text
    (text,) = unknown_steps(plan("p95(http.response_time{scenario=ask,step=items}) < 2s"))
    assert "no step is called 'items'" in text


@pytest.mark.parametrize(
    "gate",
    [
        "p95(http.response_time{scenario=browse,step=items}) < 2s",
        "p95(http.response_time{step=items (redirected)}) < 2s",
        "p95(http.response_time{city=Oslo}) < 2s",
        {"gate": "p95(http.response_time{step=later}) < 2s", "needs": "that step"},
    ],
)
def test_gates_that_may_have_data_or_say_what_they_need_are_let_be(gate: object) -> None:
    panel_of(plan(gate), Catalogue())
    assert unknown_steps(plan(gate)) == []

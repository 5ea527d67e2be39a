"""A plan whose load comes twice: when the second time begins, and which gates compare."""

from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.plan.model import Plan
from loadstone.plan.repeated import AGAIN, KIND, repeated
from loadstone.testing.simulation import simulate

STEPS = [{"get": "/"}]


def plan_of(scenarios: dict[str, Any], gates: tuple[str, ...] = ()) -> Plan:
    return Plan.model_validate({"name": "shop", "target": "http://127.0.0.1:1", "gates": gates, "scenarios": scenarios})


def test_the_second_time_begins_after_the_first_has_ended_and_makes_the_same_load() -> None:
    plan = repeated(plan_of({"a": {"profile": {"rate": 5, "duration": "20s"}, "steps": STEPS}}))
    assert plan.name == "shop (twice)"
    assert plan.scenarios[1].after == "a"
    run = simulate(plan)
    assert run.everything.count("http.requests", {"scenario": "a"}) == 100
    assert run.everything.count("http.requests", {"scenario": f"a{AGAIN}"}) == 100


def test_order_and_late_starts_stay_as_they_were() -> None:
    plan = repeated(
        plan_of(
            {
                "first": {"profile": {"users": 1, "duration": "20s"}, "steps": STEPS},
                "then": {"profile": {"users": 1, "duration": "30s"}, "after": "first", "steps": STEPS},
                "late": {"profile": {"users": 1, "duration": "10s"}, "start": "5s", "steps": STEPS},
            }
        )
    )
    again = {scenario.name.removesuffix(AGAIN): scenario for scenario in plan.scenarios[3:]}
    assert again["first"].after == "then"
    assert again["then"].after == f"first{AGAIN}"
    assert (again["late"].after, again["late"].start_s) == (None, 55.0)


@pytest.mark.parametrize(
    ("gates", "kinds"),
    [
        ((), {"leak(target.memory) = none": KIND}),
        (
            ("leak(generator.memory) = none", "rate(http.errors) < 1%"),
            {"leak(generator.memory) = none": KIND, "rate(http.errors) < 1%": "statement"},
        ),
    ],
)
def test_gates_on_leaks_compare_the_two_and_others_stay(gates: tuple[str, ...], kinds: dict[str, str]) -> None:
    plan = repeated(plan_of({"a": {"profile": {"users": 1, "duration": "20s"}, "steps": STEPS}}, gates))
    assert {line.gate: line.kind for line in plan.gates} == kinds


def test_what_never_ends_cannot_come_twice() -> None:
    with pytest.raises(UsageError, match="has no end"):
        repeated(plan_of({"a": {"profile": {"rate": 5}, "steps": STEPS}}))

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from loadstone.plan.describe import describe
from loadstone.plan.model import Plan
from loadstone.plan.pressure import PressurePlan


def plan(pressure: Any) -> Plan:
    scenario = {"profile": {"rate": "1/s", "duration": "1s"}, "steps": [{"get": "/"}]}
    return Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"a": scenario}, "pressure": pressure})


def test_pressure_is_read_told_and_travels() -> None:
    made = plan({"cpu": 2, "memory": "500MB", "for": "30s", "start": "5s"})
    assert made.pressure == PressurePlan.model_validate({"cpu": 2, "memory": 500_000_000, "for": 30.0, "start": 5.0})
    assert "pressure on this machine: 2 cores and 500 MB for 30 s from 5 s on" in list(describe(made))
    assert Plan.from_wire(made.wire()) == made
    assert plan(None).pressure is None


@pytest.mark.parametrize(
    "wrong", [{"for": "30s"}, {"cpu": 1}, {"cpu": -1, "for": 1}, {"cpu": 1, "for": 0}, {"memory": 0, "for": 1}, {"disk": 1}]
)
def test_pressure_that_cannot_be_is_a_mistake(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plan(wrong)

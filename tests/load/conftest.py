from collections.abc import Callable
from typing import Any

import pytest

from loadstone.plan.model import Plan

MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan() -> MakePlan:
    """A plan with one scenario called `main`: profile first, then settings of the scenario; `plan` holds those of the plan."""

    def make(profile: dict[str, Any], *, plan: dict[str, Any] | None = None, others: dict[str, Any] | None = None, **scenario: Any) -> Plan:
        main = {"profile": profile, **({} if "steps" in scenario else {"steps": [{"get": "/"}]}), **scenario}
        return Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"main": main, **(others or {})}, **(plan or {})})

    return make

"""What the suites make of --variants and --spike."""

from collections.abc import Mapping
from typing import Any

import pytest

from loadstone.errors import PlanError, UsageError
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides

URLS = "http://127.0.0.1:8001,http://127.0.0.1:8002/"


def plan_of(suite: str, **flags: str) -> Plan:
    plan, _ = load([suite], Overrides(dict(flags)))
    return plan


def test_two_variants_take_turns_and_the_saving_is_judged_over_whole_cycles() -> None:
    plan = plan_of("llm", variants=URLS, duration="8s")
    assert [each.name for each in plan.scenarios][:3] == ["before 1", "after 1", "before 2"]
    assert len(plan.scenarios) == 16
    assert all(each.after == before.name for before, each in zip(plan.scenarios, plan.scenarios[1:], strict=False))
    assert plan.scenarios[1].settings["url"] == "http://127.0.0.1:8002"
    saving = next(line for line in plan.gates if line.kind == "saving")
    assert (saving.settings["least"], saving.settings["each_s"], saving.requirement) == (0.3, 5.0, "memory_optimization")


def test_anything_but_two_urls_is_a_mistake() -> None:
    with pytest.raises((UsageError, PlanError), match="two URLs"):
        plan_of("llm", variants="http://127.0.0.1:8001")


def test_spikes_are_alone_and_each_kind_has_its_gate() -> None:
    plan = plan_of("workflow", preset="spike")
    assert [each.name for each in plan.scenarios] == ["spikes 10x", "spikes 100x", "gradual 10x"]
    assert [getattr(each.profile, "peak", None) for each in plan.scenarios] == [10, 100, 10]
    assert "recovery" in {line.kind for line in plan.gates}


def test_two_variants_that_are_the_same_save_nothing(runs: Mapping[str, Any]) -> None:
    run = runs["variants"]
    assert run.requirements()["memory_optimization"] == "fail"
    saving = next(gate for gate in run.document["gates"] if gate["name"] == "memory saving")
    assert abs(saving["value"]) < 10
    assert saving["samples"] >= 6

"""The llm suite against a service of another make, whose paths and memory the suite does not know."""

import os
from collections.abc import Mapping
from typing import Any

import pytest

from loadstone.errors import PlanError, UsageError
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.suites.llm.memory import resident_mb


def plan_of(**flags: str) -> Plan:
    return load(["llm"], Overrides({"url": "http://127.0.0.1:1", "model": "other", **flags}))[0]


def steps(run: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for step in run.document["steps"]:
        found.setdefault(step["scenario"], set()).add(step["step"])
    return found


def test_every_part_has_something_to_ask_of_another_service(runs: Mapping[str, Any]) -> None:
    run = runs["llm elsewhere"]
    assert run.document["load"]["errors"] == 0
    found = steps(run)
    assert {"streamed answer", "whole answer"} <= found["llm"]
    assert found["transform"] == {"transform"}
    assert found["parallel"] == {"one after another", "side by side"}
    assert found["api"] == {"GET /v1/models"}
    assert {"look", "search", "draft", "facts", "second turn"} <= found["flow"]
    assert not {check["check"]: check["failures"] for check in run.document["checks"] if check["failures"]}


def test_what_another_service_is_known_to_do_is_measured_of_it(runs: Mapping[str, Any]) -> None:
    run = runs["llm elsewhere"]
    metrics = run.document["metrics"]
    # Its cache keeps whole answers, of which three in a hundred are new; it counts its tokens; four words make an answer.
    gates = {gate["name"]: gate for gate in run.document["gates"]}
    assert gates["cache"]["value"] == pytest.approx(97, abs=3)
    assert metrics["cache.lookups"]["count"] > metrics["cache.hits"]["count"] > 0
    assert metrics["llm.answer_tokens"]["max"] == 4
    assert run.document["token_counting"]["counted_by"] == "server"
    assert gates["memory"]["value"] > 10
    assert gates["memory"]["status"] == "pass"


def test_a_variant_that_does_without_its_ballast_saves_what_it_weighs(runs: Mapping[str, Any]) -> None:
    run = runs["variants elsewhere"]
    saving = next(gate for gate in run.document["gates"] if gate["name"] == "memory saving")
    assert saving["status"] == "pass"
    assert saving["low"] > 30
    assert saving["value"] < 95
    assert run.requirements()["memory_optimization"] == "pass"


def test_paths_of_its_own_are_asked_where_they_are_named() -> None:
    plan = plan_of(api_path="/health, /v2/things", transform_path="/summaries")
    scenarios = {each.name: each for each in plan.scenarios}
    assert scenarios["api"].settings["api_paths"] == ["/health", "/v2/things"]
    assert scenarios["transform"].settings["transform_path"] == "/summaries"
    assert "memory" not in scenarios


def test_the_memory_of_a_process_is_read_and_one_that_is_gone_has_none() -> None:
    assert (resident_mb(os.getpid()) or 0) > 1
    assert resident_mb(2**22 + 1) is None


@pytest.mark.parametrize("pids", ["1", "1,two", "1,2,3", "0,1"])
def test_anything_but_two_processes_is_a_mistake(pids: str) -> None:
    with pytest.raises((UsageError, PlanError), match="two processes"):
        plan_of(variants="http://127.0.0.1:1,http://127.0.0.1:2", variant_pids=pids)

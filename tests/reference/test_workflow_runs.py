from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest


def nodes(run: dict[str, Any]) -> dict[str, Any]:
    return {node["name"]: node for node in run["nodes"]}


def start_run(backend: Any, name: str = "triage", **body: Any) -> dict[str, Any]:
    answer = backend.ask("POST", f"/api/workflows/{name}/runs", {"text": "my report export is fine, thanks", **body})
    assert answer.status == 201
    run: dict[str, Any] = answer.json
    return run


def test_the_workflows_are_listed_with_their_graphs(backend: Any) -> None:
    listed = {flow["name"]: [node["name"] for node in flow["nodes"]] for flow in backend.ask("GET", "/api/workflows").json["workflows"]}
    assert listed["triage"] == ["fetch", "classify", "branch", "keywords", "mood", "estimate", "escalate", "summarize"]
    assert "tagging" in listed


def test_a_calm_text_is_estimated_and_not_escalated(backend: Any) -> None:
    run = start_run(backend)
    assert run["state"] == "done"
    assert {name: node["state"] for name, node in nodes(run).items()} == {
        **dict.fromkeys(("fetch", "classify", "branch", "keywords", "mood", "estimate", "summarize"), "done"),
        "escalate": "skipped",
    }
    assert nodes(run)["classify"]["output"]["topic"] == "product"
    assert "about" in run["output"]["summary"]


def test_an_urgent_text_is_escalated_and_not_estimated(backend: Any) -> None:
    run = start_run(backend, text="urgent: refund my invoice")
    assert nodes(run)["escalate"]["state"] == "done"
    assert nodes(run)["estimate"]["state"] == "skipped"
    assert "billing" in run["output"]["summary"]


def test_the_same_text_gives_the_same_output(backend: Any) -> None:
    assert start_run(backend)["output"] == start_run(backend)["output"]


def test_a_run_can_be_read_back_as_it_was_answered(backend: Any) -> None:
    run = start_run(backend)
    assert backend.ask("GET", f"/api/workflows/runs/{run['id']}").json == run


def test_nodes_end_before_those_that_need_them_start(backend: Any) -> None:
    run = nodes(start_run(backend))
    order = ("fetch", "classify", "branch", "keywords", "summarize")
    for before, after in pairwise(order):
        assert run[before]["ended"] <= run[after]["started"]


def test_tools_wait_side_by_side(backend: Any) -> None:
    start_run(backend, tool_delay="100ms")
    assert backend.timer.now() == pytest.approx(1000.1)


def test_a_failing_tool_fails_the_run_and_what_depends_on_it_never_starts(backend: Any) -> None:
    run = start_run(backend, fail_at="mood")
    assert run["state"] == "failed"
    assert "asked to fail" in nodes(run)["mood"]["output"]["error"]
    assert nodes(run)["summarize"]["state"] == "pending"
    assert nodes(run)["keywords"]["state"] == "done"

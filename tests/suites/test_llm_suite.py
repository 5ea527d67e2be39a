"""The llm suite over real sockets, against what the reference backend is known to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from loadstone.errors import ExitCode
from loadstone.suites.llm.questions import SIDE_BY_SIDE
from loadstone.suites.llm.suite import POPULAR

Runs = Mapping[str, Any]
NAMED = ("response_time", "throughput", "memory", "cache", "error_rate")


def metric(run: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = run.document["metrics"][name]
    return found


def test_every_part_of_the_suite_holds_and_what_it_cannot_measure_is_no_pass(runs: Runs) -> None:
    run = runs["llm"]
    lacking = {gate["name"]: gate["reason"] for gate in run.document["gates"] if gate["status"] == "no_data"}
    assert set(lacking) == {"regression_check", "memory saving"}
    assert lacking["memory saving"].startswith("needs ")
    assert "nothing to compare with" in lacking["regression_check"]
    assert not run.gates("fail")
    assert run.code in {ExitCode.INCONCLUSIVE, ExitCode.UNTRUSTWORTHY}


def test_the_gates_of_the_whole_carry_their_names_and_make_the_score(runs: Runs) -> None:
    gates = {gate["name"]: gate for gate in runs["llm"].document["gates"]}
    assert {name: gates[name]["status"] for name in NAMED} == dict.fromkeys(NAMED, "pass")
    assert all(gates[name]["value"] is not None and gates[name]["limit"] is not None for name in NAMED)
    every = runs["llm"].document["gates"]
    passed = sum(gate["status"] == "pass" for gate in every)
    assert runs["llm"].document["score"] == pytest.approx(passed / len(every) * 100)


def test_answers_are_timed_as_the_simulated_model_gives_them(runs: Runs) -> None:
    run = runs["llm"]
    # Set in the simulator: 50 ms to the first token (sigma 0.2), 10 ms between tokens.
    assert metric(run, "llm.ttft")["p50"] == pytest.approx(50, rel=0.3)
    assert metric(run, "llm.tpot")["p50"] == pytest.approx(10, rel=0.15)
    assert run.document["load"]["errors"] == 0


def test_a_batch_a_hit_and_work_side_by_side_are_faster_by_what_is_known(runs: Runs) -> None:
    run = runs["llm"]
    # An embedding takes as long for sixteen texts as for one; a hit 2 ms instead of 400; eight waits of 20 ms side by side one wait
    # and some work.
    assert metric(run, "batch.speedup")["p50"] == pytest.approx(16, rel=0.5)
    assert metric(run, "cache.speedup")["p50"] > 20
    assert 2 < metric(run, "transform.speedup")["p50"] <= SIDE_BY_SIDE + 0.5


def test_the_hit_ratio_is_what_was_asked_before(runs: Runs) -> None:
    gates = {gate["name"]: gate for gate in runs["llm"].document["gates"]}
    # Three questions in a hundred are new.
    assert gates["cache"]["value"] == pytest.approx(97, abs=2)


def test_pressure_above_the_size_of_the_cache_evicts_everything_and_below_it_nothing(runs: Runs) -> None:
    above, below = runs["llm"], runs["llm cache"]
    assert metric(above, "cache.returns")["count"] == metric(below, "cache.returns")["count"] == POPULAR
    assert metric(above, "cache.evicted")["count"] == POPULAR
    assert not metric(below, "cache.evicted")["count"]


def test_a_part_alone_runs_alone_and_passes(runs: Runs) -> None:
    run = runs["llm cache"]
    assert {step["scenario"] for step in run.document["steps"]} == {
        "prepare",
        "first",
        "cache",
        "pairs",
        "pressure",
        "after pressure",
        "memory",
    }
    assert run.code in {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}


def test_load_alone_holds_its_rate_and_passes(runs: Runs) -> None:
    run = runs["llm load"]
    assert {step["scenario"] for step in run.document["steps"]} == {"api", "memory"}
    rate = sum(step["metrics"]["http.requests"]["rate"] for step in run.document["steps"] if step["scenario"] == "api")
    assert rate == pytest.approx(165, rel=0.05)
    assert run.requirements()["requests_per_second"] == "pass"
    assert run.code in {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}


def test_memory_is_what_the_backend_says(runs: Runs) -> None:
    memory = metric(runs["llm"], "service.memory")
    assert 15 < memory["min"] <= memory["last"] <= memory["max"] < 500

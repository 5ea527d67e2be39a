"""The bot suite from Python: queries side by side within limits, baselines of responses, regression tests, scenarios."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import LoadstoneError, StoreError, UsageError
from loadstone.suites.bot import (
    Response,
    Responses,
    SyntheticScenario,
    create_baseline,
    gather_responses,
    queries_of,
    read_baseline,
    run_queries,
    run_regression_tests,
)
from loadstone.suites.bot.scenarios import read_scenarios
from tests.suites.message_boards import BoardService, make_board, message_bot

QUERIES = [f"question {n}" for n in range(12)]


def echo(question: str) -> str:
    return f"so you ask {question}"


def by_hand(level_ms: float, *, seed: int = 0, slow: str = "", failed: int = 0) -> list[Response]:
    """Forty responses of two agents around a level; one agent may be three times as slow."""
    found = []
    for n in range(60):
        agent = ("search", "digest")[n % 2]
        ms = level_ms * (0.8 + 0.02 * ((n * 7 + seed * 3) % 20)) * (1 + 0.004 * seed) * (3 if agent == slow else 1)
        found.append(Response("q", ms, agent=agent, ok=n >= failed, first_ok=n >= failed))
    return found


def test_answers_come_back_in_the_order_of_the_queries() -> None:
    found = run_queries(echo, QUERIES, rate_limit=1000)
    assert [each.answer for each in found] == [echo(query) for query in QUERIES]
    assert found.success_rate == 1
    assert all(each.response_ms > 0 and each.by == "first" for each in found)


def test_no_more_are_under_way_at_once_than_is_allowed_and_as_many_as_that() -> None:
    lock, most, now = threading.Lock(), 0, 0
    three = threading.Barrier(3, timeout=120)

    def ask(question: str) -> str:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        three.wait()  # goes on only when three are here
        with lock:
            now -= 1
        return question

    assert run_queries(ask, QUERIES, max_concurrent=3, rate_limit=10_000).success_rate == 1
    assert most == 3


def test_no_more_are_sent_a_second_than_is_allowed() -> None:
    began = time.monotonic()
    run_queries(echo, QUERIES[:6], rate_limit=50)
    assert time.monotonic() - began >= 5 / 50


def test_a_callable_gets_its_agent_only_where_it_takes_one() -> None:
    async def ask(question: str, *, agent: str = "nobody") -> dict[str, str]:
        return {"answer": f"{agent}: {question}"}

    found = run_queries(ask, [("search", "where?"), "what?"], rate_limit=1000)
    assert [each.answer for each in found] == ["search: where?", "nobody: what?"]
    assert run_queries(echo, [("search", "where?")], rate_limit=1000)[0].answer == "so you ask where?"


def test_what_a_retry_or_a_fallback_saved_has_failed_at_first() -> None:
    calls: dict[str, int] = {}

    def flaky(question: str) -> str:
        calls[question] = calls.get(question, 0) + 1
        if question == "b" and calls[question] < 2:
            raise OSError("busy")
        if question in {"c", "d"}:
            raise RuntimeError("down") if question == "c" else ValueError("no question")
        return question

    found = run_queries(flaky, ["a", "b", "c", "d"], rate_limit=1000, retries=1, fallback=lambda _: "later")
    assert [(each.by, each.attempts, each.first_ok, each.answer) for each in found] == [
        ("first", 1, True, "a"),
        ("retry", 2, False, "b"),
        ("fallback", 3, False, "later"),
        ("fallback", 2, False, "later"),  # what was refused is not tried again
    ]
    assert found.success_rate == 0.25
    assert found.attempts == {"first": 4, "retry": 2, "fallback": 2, "unanswered": 0}


def test_a_query_that_fails_is_data_with_its_reason() -> None:
    def broken(question: str) -> str:
        raise RuntimeError(f"down at {question}")

    (found,) = run_queries(broken, ["a"], rate_limit=1000)
    assert not found.ok
    assert "RuntimeError: down at a" in found.reason
    assert found.by == found.answer == ""


def test_a_service_and_messages_of_others_are_asked_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = make_board(tmp_path / "board.db")
    monkeypatch.setenv("MESSAGE_BOT_DB", str(board))
    queries = queries_of(board, 10)
    with BoardService() as service:
        fields = {"question_field": "input.text", "answer_field": "result.text"}
        found = run_queries(f"{service.url}/ask", queries, rate_limit=500, **fields)
    here = run_queries(message_bot().ask, queries, rate_limit=500)
    assert (found.means, here.means) == ("http", "call")
    assert [each.answer for each in found] == [each.answer for each in here]
    for query, each in zip(queries, found, strict=True):
        assert all(fact.lower() in each.answer.lower() for fact in query.expect), query


def test_queries_can_be_run_where_an_event_loop_runs_already() -> None:
    async def inside() -> Responses:
        return await gather_responses(echo, QUERIES, rate_limit=1000)

    assert asyncio.run(inside()).success_rate == 1


@pytest.mark.parametrize(
    ("queries", "limits", "told"),
    [
        ([], {}, "there are no queries"),
        (["a"], {"max_concurrent": 0}, "must be more than 0"),
        (["a"], {"rate_limit": 0}, "must be more than 0"),
        (["a"], {"colour": "red"}, "no setting 'colour'"),
        ([7], {}, "7 is no query"),
    ],
)
def test_what_cannot_be_meant_is_told(queries: list[Any], limits: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        run_queries(echo, queries, **limits)


def filled(folder: Path, runs: int = 6) -> None:
    for seed in range(runs):
        create_baseline("release", by_hand(100, seed=seed), folder)


def test_the_same_is_not_worse_and_a_slower_agent_is(tmp_path: Path) -> None:
    filled(tmp_path)
    same = run_regression_tests("release", by_hand(100, seed=2), folder=tmp_path)
    slower = run_regression_tests("release", by_hand(100, seed=2, slow="digest"), folder=tmp_path)
    assert same.status == "pass", str(same)
    assert slower.status == "fail"
    assert any("agent=digest" in each.figure.replace('"', "") for each in slower.regressions)
    assert not any("agent=search" in each.figure.replace('"', "") for each in slower.regressions)


def test_fewer_answers_are_a_regression(tmp_path: Path) -> None:
    filled(tmp_path)
    found = run_regression_tests("release", by_hand(100, seed=2, failed=30), folder=tmp_path)
    assert [each.figure for each in found.regressions] == ["rate(call.errors)"]


def test_a_threshold_decides_how_much_worse_is_worse(tmp_path: Path) -> None:
    filled(tmp_path)
    slower = by_hand(130, seed=2)
    assert run_regression_tests("release", slower, folder=tmp_path).status == "fail"
    assert run_regression_tests("release", slower, folder=tmp_path, baseline_threshold=0.6).passed


def test_one_run_alone_is_no_pass(tmp_path: Path) -> None:
    baseline = create_baseline("release", by_hand(100), tmp_path)
    assert run_regression_tests(baseline, by_hand(100, seed=1)).status == "no data"


def test_only_what_is_not_worse_enters_by_itself(tmp_path: Path) -> None:
    filled(tmp_path)
    run_regression_tests("release", by_hand(300), folder=tmp_path, auto_update_baselines=True)
    assert len(read_baseline("release", tmp_path).runs) == 6
    run_regression_tests("release", by_hand(100, seed=2), folder=tmp_path, auto_update_baselines=True)
    assert len(read_baseline("release", tmp_path).runs) == 7


def test_other_queries_than_the_baselines_are_no_pass(tmp_path: Path) -> None:
    for _ in range(6):
        create_baseline("release", run_queries(echo, QUERIES, rate_limit=5000), tmp_path)
    found = run_regression_tests("release", run_queries(echo, QUERIES[:11], rate_limit=5000), folder=tmp_path)
    assert found.status == "no data"
    assert found.notices


def test_a_baseline_keeps_its_figures_and_its_latest_runs(tmp_path: Path) -> None:
    filled(tmp_path, 32)
    kept = read_baseline("release", tmp_path)
    assert len(kept.runs) == 30
    figures = json.loads((tmp_path / "release.json").read_text())["figures"]
    assert figures == json.loads(json.dumps(kept.figures()))
    assert figures["agent_usage"] == {"digest": 0.5, "search": 0.5}
    assert figures["success_rate"] == 1
    assert 80 <= figures["response_ms"]["p50"] <= figures["response_ms"]["p95"] <= figures["response_ms"]["p99"]


def test_nothing_answered_is_no_baseline_and_no_baseline_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no response was answered"):
        create_baseline("release", by_hand(100, failed=60), tmp_path)
    with pytest.raises(UsageError, match="no such baseline"):
        run_regression_tests("release", by_hand(100), folder=tmp_path)
    with pytest.raises(UsageError, match="no name of a baseline"):
        create_baseline("../release", by_hand(100), tmp_path)
    (tmp_path / "release.json").write_text('{"format": "loadstone.bot-baseline/1", "runs": [{}]}')
    with pytest.raises(StoreError, match="is no baseline of responses"):
        read_baseline("release", tmp_path)


@pytest.mark.parametrize(
    ("level", "users", "rate"), [("low", 2, 5.0), ("medium", 5, 10.0), ("high", 10, 20.0), ("extreme", 20, 40.0), (1.4, 7, 14.0)]
)
def test_a_stress_level_is_a_factor_of_users_and_rate(level: str | float, users: int, rate: float) -> None:
    scenario = SyntheticScenario("s", queries=["?"] * 50, stress_level=level)
    assert (scenario.users(5), scenario.rate(10)) == (users, rate)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "critical"}, "is a part of the suite"),
        ({"queries": []}, "has no queries"),
        ({"queries": "what?"}, "queries must be a list"),
        ({"stress_level": "hihg"}, "unknown stress_level 'hihg'"),
        ({"stress_level": 0}, "unknown stress_level 0"),
    ],
)
def test_a_scenario_that_cannot_be_meant_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        SyntheticScenario(**{"name": "codes", "queries": ["?"]} | given)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"scenarios": [{"name": "a", "queries": ["?"], "stress": 1}]}', "no key 'stress'"),
        ('{"scenarios": [{"name": "a", "queries": ["?"]}, {"name": "a", "queries": ["?"]}]}', "two scenarios are called 'a'"),
        ('{"scenarios": []}', "has no list of scenarios"),
        ('{"scenarios": ["a"]}', "'a' is no scenario"),
    ],
)
def test_a_file_of_scenarios_is_read_with_care(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "own.json").write_text(text)
    with pytest.raises(LoadstoneError, match=told):
        read_scenarios(str(tmp_path / "own.json"))
    with pytest.raises(UsageError, match="no such file"):
        read_scenarios("nowhere.json")

"""The bot suite: its plan for chosen options, its hard cases, and whole runs against the reference backend's bot."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import ExitCode, LoadstoneError
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.suites.bot.hard_cases import HARD_CASES, outcome
from loadstone.suites.bot.bot_client import found_at, placed
from loadstone.suites.bot.targets import PATHS, STRESS

Runs = Mapping[str, Any]
FINE = {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}


@pytest.fixture
def planned(tmp_path: Path) -> Any:
    def plan(**flags: Any) -> Plan:
        given = {"data": str(tmp_path), "messages": "400"} | {name: str(value) for name, value in flags.items()}
        return load(["bot"], Overrides(given, (), (), {}))[0]

    return plan


def schedule_s(plan: Plan) -> float:
    return sum(each.profile.duration_s for each in plan.scenarios if each.name != "prepare")


def test_the_critical_paths_and_the_queries_are_always_there(planned: Any) -> None:
    plan = planned(synthetic="true")
    assert [each.name for each in plan.scenarios] == ["prepare", "critical", "queries", "synthetic"]
    for path in PATHS:
        assert any(f"path={path}" in line.gate for line in plan.gates)


def test_without_a_choice_every_part_is_run_one_after_another(planned: Any) -> None:
    scenarios = planned().scenarios
    assert [each.name for each in scenarios][-4:] == [f"stress {kind}" for kind in STRESS]
    assert [each.after for each in scenarios[1:]] == [each.name for each in scenarios[:-1]]


@pytest.mark.parametrize("timeout", ["60", "300", "15m"])
def test_the_schedule_never_takes_longer_than_the_time_that_it_is_given(planned: Any, timeout: str) -> None:
    plan = planned(timeout=timeout)
    assert schedule_s(plan) <= {"60": 60, "300": 300, "15m": 900}[timeout]


@pytest.mark.parametrize("flags", [{"preset": "ci", "timeout": 60}, {"preset": "quick"}, {"rate_limit": "2/s", "timeout": 300}])
def test_every_part_has_time_for_its_last_query_and_the_answer(planned: Any, flags: Any) -> None:
    parts = [each for each in planned(**flags).scenarios if each.settings.get("once")]
    assert [each.name for each in parts] == ["critical", "queries", "synthetic"]
    for each in parts:
        assert each.profile.duration_s >= each.profile.iterations.count * each.pacing.every_s


def test_a_time_in_which_the_queries_cannot_be_asked_is_refused_with_what_they_take(planned: Any) -> None:
    with pytest.raises(LoadstoneError, match=r"40 s of 90 s are for queries, and at 1/s they take critical 80 s, queries 50 s") as caught:
        planned(timeout=90, rate_limit="1/s", stress_duration="10s")
    assert "--timeout" in str(caught.value)


def test_ci_fits_into_three_minutes(planned: Any) -> None:
    assert schedule_s(planned(preset="ci")) <= 180


def test_at_most_so_many_queries_are_made_and_so_many_a_second_are_asked(planned: Any) -> None:
    plan = planned(max_queries=10, max_concurrent=5, rate_limit="10/s")
    queries = next(each for each in plan.scenarios if each.name == "queries")
    assert len(queries.settings["queries"]) == 10
    assert queries.profile.max_users / queries.pacing.every_s == pytest.approx(10)


def test_a_baseline_is_gated_by_the_rules_of_bots_and_each_path_on_request(planned: Any) -> None:
    def compared(**flags: Any) -> list[Any]:
        return [line for line in planned(**flags).gates if line.kind in {"baseline", "regression"}]

    assert compared() == []
    (whole,) = compared(baseline="release")
    assert whole.settings == {"baseline": "release", "rules": "bot"}
    assert [line.kind for line in compared(baselines="true", regression="true")] == ["baseline", *["regression"] * 4]


def test_ones_own_messages_are_asked_about(planned: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("CREATE TABLE messages (user TEXT, channel TEXT, created_at REAL, text TEXT)")
        rows = [(f"user{n % 3}", f"room{n % 2}", 1.7e9 + n * 9e4, f"the zeppelin {n}") for n in range(60)]
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows)
    plan = planned(database=tmp_path / "own.db", query_count=20)
    texts = " ".join(query["text"] for query in next(each for each in plan.scenarios if each.name == "queries").settings["queries"])
    assert "zeppelin" in texts
    assert "#room" in texts
    assert "@user" in texts


def test_a_file_without_messages_is_told_before_anything_is_sent(planned: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("CREATE TABLE orders (id, price)")
    with pytest.raises(LoadstoneError, match="no table of messages"):
        planned(database=tmp_path / "own.db")


def test_a_bot_that_knows_other_messages_is_not_asked_for_facts(planned: Any) -> None:
    plan = planned(url="http://127.0.0.1:9")
    queries = [query for each in plan.scenarios for query in each.settings.get("queries", [])]
    assert all(query["expect"] == [] for query in queries if query)
    assert not any("facts" in line.gate or "target.memory" in line.gate for line in plan.gates)


@pytest.mark.parametrize(
    ("status", "body", "became"),
    [
        (200, '{"answer": "hello"}', "answered"),
        (422, '{"detail": "blank"}', "refused"),
        (500, "{}", "failed"),
        (0, "", "failed"),
        (500, "Traceback (most recent call last):", "leaked"),
        (400, "sqlite3.OperationalError: near x", "leaked"),
    ],
)
def test_what_became_of_a_hard_case(status: int, body: str, became: str) -> None:
    assert outcome(status, body) == became


def test_hard_cases_are_of_all_four_kinds_and_each_has_its_name() -> None:
    assert {case.kind for case in HARD_CASES} == {"long", "malformed", "unicode", "empty"}
    assert len({case.name for case in HARD_CASES}) == len(HARD_CASES)
    assert max(len(str(case.value).split()) for case in HARD_CASES) >= 1000


def test_fields_are_placed_and_found_at_any_depth() -> None:
    assert found_at(placed("input.message.text", "hello"), "input.message.text") == "hello"
    assert found_at({"choices": [{"text": "hello"}]}, "choices.0.text") == "hello"
    assert found_at({"choices": "none"}, "choices.0.text") is None


def test_a_run_passes_with_every_sample_tagged_by_its_agent(runs: Runs) -> None:
    run = runs["bot"]
    assert not run.gates("fail") | run.gates("no_data")
    assert run.code in FINE
    assert {*PATHS, "complete", "answer_quality", "parallel_execution", "edge_cases", "stress", "resources"} <= set(run.requirements())
    metrics = run.document["metrics"]
    assert metrics["bot.facts"]["count"] > 0
    assert metrics["bot.facts_missing"]["count"] == 0
    assert metrics["bot.hard_cases"]["count"] == len(HARD_CASES)
    assert "analysing, 5 of 5: topics" in run.stderr

"""The bot suite: its plan for chosen options, its hard cases, and whole runs against the reference backend's bot."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loadstone.cli.config import command as config
from loadstone.errors import ExitCode, LoadstoneError, PlanError
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.suites.bot.bot_client import Callee, Raised, caught, found_at, placed
from loadstone.suites.bot.hard_cases import HARD_CASES, outcome
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


def test_a_threshold_of_ones_own_is_that_of_every_comparison(planned: Any) -> None:
    gates = [
        line
        for line in planned(baseline="release", regression="true", baseline_threshold="0.3").gates
        if line.kind in {"baseline", "regression"}
    ]
    assert gates[0].settings == {"baseline": "release", "rules": "bot", "limit": 0.3}
    assert all(line.settings["limit"] == 0.3 for line in gates[1:])


def test_a_baseline_that_updates_itself_is_compared_with_as_well(planned: Any) -> None:
    plan = planned(auto_update_baselines="true")
    assert plan.baselines.auto_update
    assert plan.baselines.name == "production_baseline"
    assert [line.kind for line in plan.gates if line.kind == "baseline"] == ["baseline"]


def test_shapes_of_load_come_one_after_another_with_the_rate_of_stress_at_most(planned: Any) -> None:
    plan = planned(shapes="burst,gradual,spike,sustained", stress_rate="20/s", stress_duration="10s")
    shapes = {each.name: each.profile for each in plan.scenarios if each.name.startswith("shape ")}
    assert list(shapes) == ["shape gradual", "shape spike", "shape sustained", "shape burst"]
    assert {name: round(profile.expected_arrivals) for name, profile in shapes.items()} == {
        "shape gradual": 120,
        "shape spike": 72,
        "shape sustained": 200,
        "shape burst": 200,
    }
    assert all(profile.duration_s == pytest.approx(10) for profile in shapes.values())
    assert not any(each.name.startswith("stress") for each in plan.scenarios)


def test_half_of_the_time_at_most_is_for_stress_and_shapes(planned: Any) -> None:
    plan = planned(stress="true", shapes="spike,burst", stress_duration="60s", timeout="130")
    loads = [each for each in plan.scenarios if each.name.startswith(("stress ", "shape "))]
    assert len(loads) == 6
    assert sum(each.profile.duration_s for each in loads) == pytest.approx(60)
    assert schedule_s(plan) <= 130


def test_scenarios_of_ones_own_are_a_part_with_its_time_and_its_gates(planned: Any, tmp_path: Path) -> None:
    rows = [
        {"name": "codes", "queries": ["?"] * 40, "stress_level": "low"},
        {"name": "rush", "queries": ["?"] * 40, "stress_level": "high"},
    ]
    (tmp_path / "own.json").write_text(json.dumps({"scenarios": rows}))
    plan = planned(scenarios=tmp_path / "own.json", timeout="90")
    assert [each.name for each in plan.scenarios] == ["prepare", "critical", "queries", "codes", "rush"]
    codes, rush = (plan.scenarios[at] for at in (3, 4))
    assert codes.profile.max_users / codes.pacing.every_s == pytest.approx(5)
    assert rush.profile.max_users / rush.pacing.every_s == pytest.approx(20)
    assert schedule_s(plan) <= 90
    assert sum(line.requirement == "scenarios" for line in plan.gates) == 4


CONFIG = {
    "database_path": None,
    "query_count": 12,
    "save_intermediate_results": True,
    "parallel_execution": {"enabled": True, "max_concurrent": 3, "rate_limit_per_second": 6},
    "performance_baselines": {"enabled": True, "baseline_threshold": 0.2, "auto_update_baselines": True},
    "regression_testing": True,
    "synthetic_testing": False,
    "resource_monitoring": {"enabled": True, "interval": 0.5},
}


def test_every_key_of_a_configuration_does_something(planned: Any, tmp_path: Path) -> None:
    (tmp_path / "bot.json").write_text(json.dumps(CONFIG))
    plan = planned(config=tmp_path / "bot.json", url="http://127.0.0.1:8099")
    names = [each.name for each in plan.scenarios]
    assert names == ["critical", "queries", "parallel"]
    queries = plan.scenarios[1]
    assert len(queries.settings["queries"]) == 12
    assert queries.profile.max_users == 3
    assert queries.profile.max_users / queries.pacing.every_s == pytest.approx(6)
    assert plan.results.every_s == 10
    assert plan.baselines.auto_update
    assert [line.settings["limit"] for line in plan.gates if line.kind in {"baseline", "regression"}] == [0.2] * 5
    assert [(probe.kind, probe.watches, probe.every_s) for probe in plan.probes] == [("process", "port:8099", 0.5)]


def test_a_part_that_a_configuration_leaves_out_stays_out(planned: Any, tmp_path: Path) -> None:
    (tmp_path / "bot.json").write_text(json.dumps({"parallel_execution": False, "synthetic_testing": {"enabled": False, "stress": False}}))
    assert [each.name for each in planned(config=tmp_path / "bot.json").scenarios] == ["prepare", "critical", "queries"]


def test_every_mistake_of_a_configuration_is_told_with_its_line(planned: Any, tmp_path: Path) -> None:
    wrong = {
        "query_counts": 5,
        "query_count": True,
        "parallel_execution": {"max_concurent": 3},
        "regression_testing": "yes",
        "database_path": 7,
    }
    (tmp_path / "bot.json").write_text(json.dumps(wrong, indent=1))
    with pytest.raises(PlanError) as caught:
        planned(config=tmp_path / "bot.json")
    told = " | ".join(str(mistake) for mistake in caught.value.mistakes)
    for part in (
        "bot.json:2: unknown key 'query_counts'. Try: query_count",
        "bot.json:3 query_count: must be one number",
        "bot.json:5: unknown key 'max_concurent'. Try: max_concurrent",
        "bot.json:7: regression_testing must be a mapping",
        "bot.json:8 database_path: must be one text",
    ):
        assert part in told, told


def test_the_configuration_that_is_written_changes_nothing(planned: Any, tmp_path: Path) -> None:
    written = CliRunner().invoke(config, ["write", "bot", "--output", str(tmp_path / "bot.json")])
    assert written.exit_code == 0, written.output
    assert set(CONFIG) == set(json.loads((tmp_path / "bot.json").read_text()))
    assert planned(config=tmp_path / "bot.json") == planned()


def test_a_bot_is_a_url_or_a_callable_that_is_there(planned: Any) -> None:
    with pytest.raises(LoadstoneError, match="a bot is at a URL, or a callable"):
        planned(url="http://127.0.0.1:9", call="json:loads")
    with pytest.raises(LoadstoneError, match="cannot be called"):
        planned(call="json:nothing")
    assert not planned(call="json:loads").embedded


def test_a_callable_gets_what_it_takes() -> None:
    def plain(question: str) -> str:
        return question

    async def waits(question: str, agent: str) -> str:
        return f"{agent}: {question}"

    assert Callee.of(plain, "agent").keywords == ()
    assert Callee.of(plain, "agent").thread
    assert Callee.of(waits, "agent") == Callee(waits, ("agent",), thread=False)
    assert Callee.of(lambda **given: given, "part", "user").keywords == ("part", "user")


def test_what_a_callable_raises_at_a_hard_case_is_an_outcome() -> None:
    def refusing(_: object) -> str:
        raise ValueError("empty")

    async def breaking(_: object) -> str:
        raise KeyError("inside")

    assert caught(refusing)("") == Raised(422, "ValueError: empty")
    assert asyncio.run(caught(breaking)("")).status == 500
    assert caught(str)(5) == "5"


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

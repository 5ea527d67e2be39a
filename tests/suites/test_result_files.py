"""The files that suites leave: catalogued names and keys, shipped schemas, and numbers that are the run's own."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from loadstone.judge.story import Story
from loadstone.measure.timeline import Stretch, Timeline
from loadstone.plugins import BUILT_IN, installed
from loadstone.report.result_files import Evidence, ResultFile, shipped_schemas
from loadstone.report.told import Told
from loadstone.suites.llm.files import COLUMNS
from loadstone.testing.samples import make_snapshot, make_story

Runs = Mapping[str, Any]
SCHEMAS = files("loadstone.report") / "schema"
PAGE = (Path(__file__).parents[2] / "docs" / "result-files.md").read_text(encoding="utf-8")
STAMP = r"\d{8}_\d{6}"
NAMES = {
    "chat": (
        f"performance_suite_results_{STAMP}.json",
        f"load_test_results_{STAMP}.json",
        f"websocket_performance_results_{STAMP}.json",
        f"memory_monitoring_{STAMP}.json",
        f"concurrent_user_test_results_{STAMP}.json",
    ),
    "llm": (f"performance_report_{STAMP}.json", f"performance_summary_{STAMP}.csv"),
    "bot": (
        f"reports/performance_report_{STAMP}.json",
        f"reports/regression_report_{STAMP}.json",
        f"reports/trend_report_{STAMP}.json",
        f"cicd_results/ci_decision_{STAMP}.json",
        f"data/intermediate_results_{STAMP}.json",
    ),
}
CHAT_METRICS = [
    "avg_response_time",
    "p95_response_time",
    "p99_response_time",
    "max_response_time",
    "requests_per_second",
    "successful_requests",
    "error_rate",
    "memory_usage_mb",
    "cpu_usage_percent",
    "websocket_connections",
]


def table(suite: str) -> tuple[ResultFile, ...]:
    found: tuple[ResultFile, ...] = installed().get("result_file", suite)
    return found


def written(runs: Runs, suite: str, file: ResultFile) -> Path | None:
    found = list(runs[suite].folder.glob(file.pattern.replace("{stamp}", "*")))
    assert len(found) <= 1
    return found[0] if found else None


def chat(runs: Runs, name: str) -> dict[str, Any]:
    (path,) = runs["chat"].folder.glob(f"{name}_2*.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def told(story: Story, *, kept: bool = True) -> Told:
    timeline = Timeline()
    for seq in range(10) if kept else ():
        timeline.snapshot(make_snapshot(seq, scenario="users"))
    return Told.of(story, timeline.so_far())


def leaves(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from leaves(each)
    if not isinstance(value, dict | list):
        yield value


def test_the_shipped_schemas_are_those_of_the_types() -> None:
    for name, text in shipped_schemas().items():
        assert (SCHEMAS / name).read_text(encoding="utf-8") == text, f"python -m loadstone.report.result_files writes {name}"


@pytest.mark.parametrize("suite", NAMES)
def test_a_suite_leaves_exactly_the_files_of_the_catalogue(runs: Runs, suite: str) -> None:
    folder = runs[suite].folder
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    own = {name for name in found if not name.startswith(("result_", "summary_", "snapshots_"))} - {"performance_dashboard.html"}
    assert len(own) == len(NAMES[suite])
    for pattern in NAMES[suite]:
        assert [name for name in own if re.fullmatch(pattern, name)], pattern


@pytest.mark.parametrize(("suite", "file"), [(suite, file) for suite in BUILT_IN["result_file"] for file in table(suite) if file.model])
def test_every_document_is_of_its_shipped_schema(runs: Runs, suite: str, file: ResultFile) -> None:
    path = written(runs, suite, file)
    assert path is not None
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), json.loads((SCHEMAS / f"{file.schema}-1.json").read_text()))


@pytest.mark.parametrize("suite", NAMES)
def test_the_page_shows_only_when_the_report_for_it_is_there(runs: Runs, suite: str) -> None:
    asked = any(file.report == "html" for file in table(suite))
    there = (runs[suite].folder / "performance_dashboard.html").exists()
    assert there == (asked and "html" in installed().names("report"))


@pytest.mark.parametrize("name", ["performance_suite_results", "load_test_results", "memory_monitoring", "concurrent_user_test_results"])
def test_files_of_chat_have_the_keys_that_scripts_read(runs: Runs, name: str) -> None:
    found = chat(runs, name)
    assert list(found) == ["suite_info", "test_results", "performance_summary", "requirement_validation", "recommendations"]
    summary = found["performance_summary"]
    assert list(summary) == ["overall_metrics", "performance_highlights", "performance_concerns"]
    assert list(summary["overall_metrics"]) == CHAT_METRICS
    assert set(found["suite_info"]["units"]) == set(CHAT_METRICS)
    assert all(set(each) == {"status", "details"} for each in found["requirement_validation"].values())


def test_numbers_of_chat_are_those_of_the_run(runs: Runs) -> None:
    whole, document = chat(runs, "performance_suite_results"), runs["chat"].document
    overall, load = whole["performance_summary"]["overall_metrics"], document["load"]
    assert overall["p95_response_time"] == pytest.approx(document["metrics"]["http.response_time"]["p95"] / 1e3, abs=1e-6)
    assert overall["memory_usage_mb"] == pytest.approx(document["metrics"]["target.memory"]["max"] / 1e6)
    assert overall["successful_requests"] == load["requests"] - load["errors"]
    assert {name: each["status"] for name, each in whole["requirement_validation"].items()} == runs["chat"].requirements()
    parts = whole["test_results"]
    users, visitors = parts["concurrent_user_test"], parts["load_test"]
    assert users["users"] == 6
    sent = [part["metrics"]["successful_requests"] for part in (users, visitors)]
    assert sum(sent) == document["metrics"]["http.requests"]["count"] - document["metrics"]["http.errors"]["count"]
    assert sum(each["successful_requests"] for each in users["patterns"].values()) == sent[0]
    assert set(users["patterns"]) <= {"light", "mixed", "heavy"}
    assert parts["websocket_performance"]["connections_attempted"] == 60
    assert parts["websocket_performance"]["connection_limit"] == document["metrics"]["ws.connection_limit"]["last"]


def test_a_file_about_one_part_has_that_part_and_its_requirements_alone(runs: Runs) -> None:
    found = chat(runs, "websocket_performance_results")
    assert [name for name, each in found["test_results"].items() if each] == ["websocket_performance"]
    assert set(found["requirement_validation"]) == {"websocket_stability"}
    assert found["test_results"] | {"concurrent_user_test": None} == found["test_results"]


def test_memory_is_a_course_with_its_leaks_and_a_short_run_claims_nothing(runs: Runs) -> None:
    memory = chat(runs, "memory_monitoring")["test_results"]["memory_monitoring"]
    times = [each["at_seconds"] for each in memory["samples"]]
    assert len(times) > 3
    assert times == sorted(set(times))
    assert memory["status"] == "no_data"
    assert {each["status"] for each in memory["leaks"].values()} == {"no_data"}
    assert memory["peak_mb"] >= memory["average_mb"] > 1


def test_numbers_of_llm_are_those_of_the_run(runs: Runs) -> None:
    (path,) = runs["llm"].folder.glob("performance_report_*.json")
    found, document = json.loads(path.read_text(encoding="utf-8")), runs["llm"].document
    times = document["metrics"]["http.response_time"]
    assert [found["response_time"][name] for name in ("P50", "P90", "P95", "P99")] == [times[name] for name in ("p50", "p90", "p95", "p99")]
    assert found["gates"]["passed"] == sum(gate["status"] == "pass" for gate in document["gates"])
    assert (found["gates"]["total"], found["gates"]["score"]) == (len(document["gates"]), document["score"])
    assert set(found["parts"]) == {"llm", "cache", "transform", "api", "flow"}
    assert found["parts"]["api"]["throughput"]["requests_per_second"] == pytest.approx(165, rel=0.1)
    cache = found["cache"]
    assert cache["hits"] / cache["lookups"] == pytest.approx(cache["hit_ratio"], abs=1e-6)
    assert cache["steady_hit_ratio"] > cache["hit_ratio"]  # which has the first questions and the pressure in it, too
    assert found["network"]["bytes_received"] == document["metrics"]["http.bytes_in"]["count"]
    assert found["cpu"]["peak_percent"] >= found["cpu"]["average_percent"]


def test_the_table_of_llm_has_a_row_for_each_time_of_each_part(runs: Runs) -> None:
    (path,) = runs["llm"].folder.glob("performance_summary_*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert {row["part"] for row in rows} == {"all", "llm", "cache", "transform", "api", "flow"}
    assert all(float(row["P50"]) <= float(row["P90"]) <= float(row["P95"]) <= float(row["P99"]) for row in rows)


def test_numbers_of_bot_are_those_of_the_run(runs: Runs) -> None:
    def read(pattern: str) -> dict[str, Any]:
        (path,) = runs["bot"].folder.glob(pattern)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    report, document = read("reports/performance_report_*.json"), runs["bot"].document
    assert {path: each["queries"] for path, each in report["critical_paths"].items()} == dict.fromkeys(report["critical_paths"], 5)
    assert report["response_time"]["p99"] == document["metrics"]["http.response_time"]["p99"]
    assert sum(each["share"] for each in report["agent_usage"].values()) == pytest.approx(1, abs=1e-5)
    assert sum(each["calls"] for each in report["agent_usage"].values()) == document["metrics"]["bot.agent_calls"]["count"]
    assert sum(report["edge_cases"].values()) == document["metrics"]["bot.hard_cases"]["count"]
    decision = read("cicd_results/*.json")
    assert (decision["decision"], decision["exit_code"]) == (document["decision"]["answer"], document["exit_code"])
    regression = read("reports/regression_report_*.json")
    assert (regression["status"], regression["compared"]) == ("no_data", 0)  # nothing was compared, which is no pass
    assert read("reports/trend_report_*.json")["runs"] == 0  # the run is not kept


@pytest.mark.parametrize("suite", NAMES)
def test_of_a_run_without_anything_no_number_is_made_up(suite: str) -> None:
    for file in table(suite):
        content = file.content(Evidence(told(make_story([], unreachable=True, gates=()), kept=False)))
        if file.model is None or content is None:
            continue
        found = json.loads(content)
        jsonschema.validate(found, json.loads((SCHEMAS / f"{file.schema}-1.json").read_text()))
        head = next(iter(found))
        numbers = {each for key, part in found.items() if key != head for each in leaves(part) if isinstance(each, float)}
        assert numbers == set(), file.pattern  # counts of nothing are 0; a time, a rate or a share is null


def test_a_part_needs_the_run_over_time_and_is_null_without_it() -> None:
    (whole, *_) = table("chat")
    with_course, without = (json.loads(whole.content(Evidence(told(make_story(), kept=kept))) or b"") for kept in (True, False))
    assert with_course["test_results"]["concurrent_user_test"]["metrics"]["successful_requests"] == 1000
    assert without["test_results"]["concurrent_user_test"] is None
    assert without["performance_summary"]["overall_metrics"]["successful_requests"] == 1000


def test_time_of_scenarios_one_after_another_adds_up_and_side_by_side_does_not() -> None:
    seconds = [make_snapshot(seq, scenario="first" if seq < 4 else "second") for seq in range(10)]
    timeline = tuple(Stretch.of(each) for each in seconds)
    evidence = Evidence(Told.of(make_story(seconds), timeline))
    first, second, both = (evidence.part(*names) for names in (("first",), ("second",), ("first", "second")))
    assert first is not None
    assert second is not None
    assert both is not None
    assert evidence.part("third") is None
    assert (first.view.count("http.requests"), second.view.count("http.requests")) == (400, 600)
    assert both.view.count("http.requests") == 1000
    assert both.seconds == pytest.approx(first.seconds + second.seconds)
    assert both.seconds <= 10


@pytest.mark.parametrize("file", [file for suite in BUILT_IN["result_file"] for file in table(suite)], ids=lambda file: file.pattern)
def test_the_page_names_every_file(file: ResultFile) -> None:
    assert f"`{file.pattern.replace('{stamp}', 'TIME')}`" in PAGE


@pytest.mark.parametrize("name", shipped_schemas())
def test_the_page_explains_every_key(name: str) -> None:
    schema = json.loads(shipped_schemas()[name])
    shared = {
        "TrendDocument",
        "HistoryPart",
        "ChangePart",
        "OutlookPart",
        "AheadPart",
        "DifferencePart",
    }  # those of `loadstone trend --json`
    parts = [schema, *(part for title, part in schema.get("$defs", {}).items() if title not in shared)]
    keys = {key for part in parts for key in part.get("properties", {})}
    assert not [key for key in sorted(keys) if f"`{key}`" not in PAGE]

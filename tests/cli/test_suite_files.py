"""Where a suite's result files go, and what happens when they cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone.cli.main import cli
from loadstone.errors import PluginError, UsageError
from loadstone.plan.model import Plan
from loadstone.plugins import BUILT_IN, Plugins
from loadstone.probes.provenance import collect
from loadstone.testing.past_runs import make_seconds
from loadstone.testing.samples import make_story

Call = Callable[..., Result]
SUITE = {
    "name": "shop",
    "target": "http://127.0.0.1:9",
    "scenarios": {"home": {"profile": {"rate": "5/s", "duration": "2s"}, "steps": [{"get": "/"}]}},
    "gates": ["count(http.requests) > 1"],
    "results": {"files": "bot"},
}
OWN = """
from loadstone.report.result_files import ResultFile

def verdict(evidence) -> bytes:
    return evidence.told.document.verdict.encode()

FILES = (
    ResultFile("verdict_{stamp}.txt", verdict),
    ResultFile("performance_report.txt", report="text"),
    ResultFile("page.html", report="nowhere"),
    ResultFile("other_{stamp}.txt", verdict, about=frozenset({"another scenario"})),
)
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """`loadstone run shop.json …` in an empty folder, on made-up seconds; `checkpoint` of a run is called once in its midst."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOADSTONE_STORE")
    numbers = count()

    def made_up(plan: Plan, sinks: Any = (), *, checkpoint: Any = None, **_more: Any) -> Any:
        number = next(numbers)
        seconds = make_seconds(20.0, number)
        for snapshot in seconds:
            for sink in sinks:
                sink.snapshot(snapshot)
        story = make_story(seconds, gates=["count(http.requests) > 1"], plan_name=plan.name)
        here = collect(seed=plan.seed, command=[], plan="", event_loop="", kernel_clock=False)
        result = replace(story.result, provenance=here, started_at=datetime.now(UTC) + timedelta(seconds=number))
        story = replace(story, result=result)
        if checkpoint is not None:
            checkpoint.write(story)
            (found,) = Path("out/data").glob("*.json")
            Path("meanwhile.json").write_bytes(found.read_bytes())
        return story

    monkeypatch.setattr("loadstone.run.execute", made_up)
    Path("shop.json").write_text(json.dumps(SUITE))
    return lambda *words: CliRunner().invoke(cli, ["run", "shop.json", "--quiet", *words], standalone_mode=False)


@pytest.fixture
def own_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_result_files.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Plugins({**BUILT_IN, "result_file": {"own": "own_result_files:FILES"}}, {})
    monkeypatch.setattr("loadstone.plugins.installed", lambda: found)


def only(pattern: str) -> Any:
    (path,) = Path("out").glob(pattern)
    return json.loads(path.read_text())


def test_without_a_folder_no_file_is_written(call: Call) -> None:
    before = set(Path().iterdir())
    assert call("--no-store").return_value == 0
    assert set(Path().iterdir()) == before


def test_the_trend_has_the_runs_that_the_store_has_this_one_among_them(call: Call) -> None:
    for _ in range(9):
        assert call().return_value == 0
    ran = call("--out", "out")
    assert ran.return_value == 0, ran.output
    report = only("reports/trend_report_*.json")
    assert report["runs"] == 10
    assert [each["figure"] for each in report["trends"]][:1] == ["p50(http.response_time)"]
    assert report["trends"][0]["histories"][0]["runs"][-1] == report["report_info"]["run_id"]


def test_a_run_that_may_enter_a_baseline_leaves_one_that_can_be_imported(call: Call) -> None:
    assert call("--out", "out").return_value == 0
    (file,) = Path("out/baselines").glob("baseline_*.json")
    imported = CliRunner().invoke(cli, ["baseline", "import", str(file), "production_baseline"], standalone_mode=False)
    assert imported.exit_code == 0, imported.output


def test_a_run_that_is_not_kept_leaves_no_baseline_and_has_no_history(call: Call) -> None:
    assert call("--out", "out", "--no-store").return_value == 0
    assert not Path("out/baselines").exists()
    assert only("reports/trend_report_*.json")["runs"] == 0


def test_intermediate_results_are_written_only_on_request_and_while_the_run_goes_on(call: Call) -> None:
    assert call("--out", "out").return_value == 0
    assert not Path("out/data").exists()
    assert call("--out", "out", "--set", "results.every=10s").return_value == 0
    assert json.loads(Path("meanwhile.json").read_text())["response_time"]["queries"] > 0
    assert only("data/intermediate_results_*.json")["report_info"]["verdict"] == "pass"


def test_a_file_that_cannot_be_written_is_told_and_the_others_are_written(call: Call) -> None:
    Path("out").mkdir()
    Path("out/reports").write_text("a file where a folder should be")
    ran = call("--out", "out", "--no-store")
    assert ran.return_value == 2
    assert "out/reports" in ran.output
    assert "could not be written" in ran.output
    assert only("cicd_results/*.json")["decision"] == "deploy"


def test_a_folder_for_intermediate_results_that_cannot_be_made_is_refused_before_the_run(call: Call) -> None:
    Path("out").mkdir()
    Path("out/data").write_text("a file where a folder should be")
    ran = call("--out", "out", "--set", "results.every=10s")
    assert isinstance(ran.exception, UsageError)
    assert not list(Path("out").glob("result_*.json"))


def test_a_table_that_nobody_has_is_refused_before_the_run(call: Call) -> None:
    ran = call("--out", "out", "--set", "results.files=chatt")
    assert "chat" in str(getattr(ran.exception, "hint", ""))
    assert not list(Path("out").glob("result_*.json"))


@pytest.mark.usefixtures("own_table")
def test_a_table_of_ones_own_names_files_and_reports(call: Call) -> None:
    ran = call("--out", "out", "--no-store", "--set", "results.files=own")
    assert ran.return_value == 0, ran.output
    (verdict,) = Path("out").glob("verdict_*.txt")
    assert verdict.read_text() == "pass"
    assert "shop" in Path("out/performance_report.txt").read_text()
    assert not list(Path("out").glob("other_*"))  # the plan has no such scenario
    assert not Path("out/page.html").exists()
    assert "no report is called 'nowhere', so page.html is left out" in ran.output


def test_a_report_of_a_kept_run_writes_its_suites_files_with_the_history_until_then(call: Call) -> None:
    for _ in range(3):
        assert call().return_value == 0
    told = CliRunner().invoke(cli, ["report", "last~1", "--out", "out", "--format", "json"], standalone_mode=False)
    assert told.return_value == 0, told.output
    assert only("cicd_results/*.json")["decision"] == "deploy"
    assert only("reports/trend_report_*.json")["runs"] == 2, "a later run is no part of its history"
    assert not Path("out/data").exists()
    assert sorted(told.output.split()) == sorted(str(path) for path in Path("out").rglob("*.*"))


def test_another_view_of_a_run_leaves_its_suites_files_alone(call: Call) -> None:
    for _ in range(2):
        assert call().return_value == 0
    CliRunner().invoke(cli, ["report", "last", "--view", "decision", "--out", "out", "--format", "md"], standalone_mode=False)
    assert [path.suffix for path in Path("out").rglob("*.*")] == [".md"]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("FILES = 3", "the result_file 'own' is no tuple of ResultFile"),
        ("FILES = (3,)", "the result_file 'own' is no tuple of ResultFile"),
    ],
)
def test_a_table_of_another_package_that_is_none_is_told_before_the_run(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, why: str
) -> None:
    foreign(table, "broken_result_files", tmp_path, monkeypatch)
    done = call("--set", "results={files: own}", "--out", "out")
    assert isinstance(done.exception, PluginError)
    assert why in str(done.exception)


def test_a_file_of_another_package_that_breaks_costs_neither_the_verdict_nor_the_other_files(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign(
        OWN.replace('ResultFile("perf', 'ResultFile("torn.txt", lambda evidence: {}["p97"]),\n    ResultFile("perf'),
        "torn_files",
        tmp_path,
        monkeypatch,
    )
    done = call("--set", "results={files: own}", "--out", "out")
    assert done.return_value == 2
    assert "torn.txt could not be made: torn.txt: the result_file 'own' raised KeyError: 'p97'" in done.stderr
    assert "PASS" in done.stdout
    assert Path("out/performance_report.txt").exists()


def foreign(table: str, module: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package's table under the name `own`."""
    (folder / f"{module}.py").write_text(table)
    monkeypatch.syspath_prepend(str(folder))
    found = Plugins(BUILT_IN, {"result_file": [EntryPoint("own", f"{module}:FILES", "x")]})
    monkeypatch.setattr("loadstone.plugins.installed", lambda: found)

"""Runs that compare themselves with a baseline and make one at the same time, run after run; and causes told again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loadstone.cli.main import cli
from loadstone.judge.panel import Panel
from loadstone.judge.score import EXIT_CODES, Decision
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.model import Plan
from loadstone.probes.provenance import collect
from loadstone.testing.past_runs import make_seconds
from loadstone.testing.samples import make_story

Call = Callable[..., Result]
SUITE = {
    "name": "shop",
    "target": "http://127.0.0.1:9",
    "scenarios": {"home": {"profile": {"rate": "5/s", "duration": "2s"}, "steps": [{"get": "/"}]}},
    "gates": ["count(http.requests) > 1"],
}


@pytest.fixture
def level() -> list[float]:
    """The response times of the next run, in ms: its last item."""
    return [20.0]


@pytest.fixture
def coming() -> list[float]:
    """The response times of the next runs, in ms, each of one; after them, those of `level`."""
    return []


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: list[float], coming: list[float]) -> Call:
    """`loadstone …` in an empty folder with a `shop.json`; runs are made up of seconds at `level`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOADSTONE_STORE")
    Path(".loadstone").mkdir()  # the nearest one, whatever lies above
    numbers = count()

    def made_up(plan: Plan, sinks: Any = (), *, past: Any = None, **_more: Any) -> Any:
        number = next(numbers)
        seconds = make_seconds(coming.pop(0) if coming else level[-1], number)
        panel = Panel(plan.gates, Catalogue(), past=past)
        for snapshot in seconds:
            panel.see(snapshot)
            for sink in sinks:
                sink.snapshot(snapshot)
        story = make_story(seconds, gates=[], plan_name=plan.name)
        verdicts = tuple(panel.verdicts(story.result.total))
        statuses = {verdict.status.value for verdict in verdicts}
        decision = Decision.FAIL if "fail" in statuses else Decision.INCONCLUSIVE if "no_data" in statuses else Decision.PASS
        here = collect(seed=plan.seed, command=[], plan="", event_loop="", kernel_clock=False)
        result = replace(story.result, provenance=here, started_at=datetime.now(UTC) + timedelta(seconds=number))
        return replace(story, result=result, verdicts=verdicts, verdict=decision, exit_code=EXIT_CODES[decision])

    monkeypatch.setattr("loadstone.run.execute", made_up)
    Path("shop.json").write_text(json.dumps(SUITE))
    return lambda *words: CliRunner().invoke(cli, list(words), standalone_mode=False)


def run(call: Call, *flags: str) -> Result:
    return call("run", "shop.json", "--quiet", *flags)


def members(call: Call, name: str) -> int:
    return len(json.loads(call("baseline", "show", name, "--json").stdout)["members"])


def test_a_baseline_is_compared_with_and_collected_from_the_first_run_on_and_a_slower_run_is_kept_out(
    call: Call, level: list[float]
) -> None:
    both = ("--baseline", "main", "--update-baseline", "main")
    codes = [run(call, *both).return_value for _ in range(5)]
    assert codes == [4] * 5  # a baseline of fewer than five runs tells nothing
    assert members(call, "main") == 5
    level.append(60.0)
    slower = run(call, *both)
    assert slower.return_value == 1
    assert "stays as it is" in slower.output
    assert members(call, "main") == 5
    assert "flagged: regression_check" in call("runs", "show", "last").output
    assert "--accept" in str(getattr(call("baseline", "save", "main", "last").exception, "hint", ""))
    assert call("baseline", "save", "main", "last", "--accept").exit_code == 0
    assert members(call, "main") == 6


def test_a_baseline_that_nobody_made_is_refused_when_it_is_only_compared_with(call: Call) -> None:
    run(call)
    assert run(call, "--baseline", "main").exception is not None


def test_a_plan_updates_its_own_baseline_and_leaves_files_of_its_figures(call: Call) -> None:
    kept = run(call, "--set", "baselines.auto_update=true", "--set", "baselines.files=performance_baselines")
    assert kept.return_value == 0, kept.output
    assert members(call, "shop") == 1
    (file,) = Path("performance_baselines").glob("performance_baseline_*.json")
    assert json.loads(file.read_text())["figures"]["response_p50_ms"] == pytest.approx(20, rel=0.1)
    assert call("baseline", "import", str(file), "other").exit_code == 0
    assert run(call, "--no-store", "--set", "baselines.auto_update=true").return_value == 0
    assert members(call, "shop") == 1


def test_a_run_that_failed_leaves_no_file_of_a_baseline(call: Call) -> None:
    failed = run(call, "--set", "baselines.files=kept", "--set", 'gates=["count(http.requests) < 1"]')
    assert failed.return_value == 1
    assert "no file of a baseline is written" in failed.output
    assert not Path("kept").exists()


def test_the_threshold_and_the_rules_of_a_plan_are_those_of_its_gate(call: Call, level: list[float]) -> None:
    for _ in range(12):
        run(call, "--update-baseline", "main")
    level.append(28.0)
    assert run(call, "--set", "baselines.name=main").return_value == 1
    assert run(call, "--set", "baselines.name=main", "--set", "baselines.threshold=90%").return_value == 0
    assert run(call, "--set", "baselines.name=main", "--set", "baselines.rules=nobody").exception is not None


@pytest.fixture
def kept(call: Call) -> None:
    """A baseline `main` of twelve runs at 20 ms."""
    for _ in range(12):
        run(call, "--update-baseline", "main")


def stored(call: Call) -> list[str]:
    """The verdicts of all runs, in order of time."""
    return [each["verdict"] for each in json.loads(call("runs", "list", "--json").stdout)]


@pytest.mark.usefixtures("kept")
def test_a_run_that_is_worse_fails_when_one_more_is_worse_as_well(call: Call, coming: list[float]) -> None:
    coming += [28.0, 28.0, 20.0]
    confirmed = run(call, "--baseline", "main", "--confirm", "1")
    assert confirmed.return_value == 1
    assert "once more to confirm it" in confirmed.output
    assert coming == [20.0]
    assert stored(call)[-2:] == ["fail", "fail"]


@pytest.mark.usefixtures("kept")
def test_a_run_that_is_worse_by_itself_alone_fails_nothing_and_enters_nothing(call: Call, coming: list[float]) -> None:
    coming += [28.0, 20.0]
    doubted = call("run", "shop.json", "--quiet", "--json", "--baseline", "main", "--confirm", "1", "--update-baseline", "main")
    assert doubted.return_value == 4
    assert "12 + 2 runs" in doubted.stdout or "does not bear it out" in doubted.stdout
    assert stored(call)[-2:] == ["fail", "inconclusive"]
    assert members(call, "main") == 12


@pytest.mark.usefixtures("kept")
def test_a_run_that_is_not_worse_is_made_once(call: Call, coming: list[float]) -> None:
    coming += [20.0, 99.0]
    assert run(call, "--baseline", "main", "--confirm", "3").return_value == 0
    assert coming == [99.0]


@pytest.mark.usefixtures("kept")
def test_each_of_several_confirming_runs_has_to_bear_it_out(call: Call, coming: list[float]) -> None:
    coming += [28.0, 28.0, 20.0, 28.0]
    assert run(call, "--baseline", "main", "--confirm", "3").return_value == 4
    assert coming == [28.0]


@pytest.mark.usefixtures("kept")
def test_what_is_wrong_without_any_comparison_is_not_confirmed(call: Call, coming: list[float]) -> None:
    coming += [28.0, 20.0]
    both = 'gates=["p50(http.response_time) < 25ms", "regression(p50(http.response_time)) < 10%"]'
    assert run(call, "--baseline", "main", "--confirm", "1", "--set", both).return_value == 1
    assert coming == [20.0]


@pytest.mark.usefixtures("kept")
def test_with_json_only_the_last_of_the_runs_is_told(call: Call, coming: list[float]) -> None:
    coming += [28.0, 29.0]
    told = call("run", "shop.json", "--json", "--quiet", "--baseline", "main", "--confirm", "1")
    assert json.loads(told.stdout)["verdict"] == "fail"


def test_beside_one_earlier_run_the_confirming_run_has_to_be_worse_by_itself(call: Call, coming: list[float]) -> None:
    run(call, "--update-baseline", "main")
    coming += [60.0, 20.0]
    assert run(call, "--baseline", "main", "--confirm", "1").return_value == 4
    coming += [60.0, 60.0]
    assert run(call, "--baseline", "main", "--confirm", "1").return_value == 1


@pytest.mark.parametrize("flags", [("--confirm", "1"), ("--confirm", "0", "--baseline", "main"), ("--confirm", "x", "--baseline", "main")])
def test_a_confirmation_of_nothing_is_refused_before_the_run(call: Call, flags: tuple[str, ...]) -> None:
    assert "--confirm" in str(getattr(run(call, *flags).exception, "where", ""))

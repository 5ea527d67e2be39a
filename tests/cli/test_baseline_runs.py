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
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: list[float]) -> Call:
    """`loadstone …` in an empty folder with a `shop.json`; runs are made up of seconds at `level`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOADSTONE_STORE")
    numbers = count()

    def made_up(plan: Plan, sinks: Any = (), *, past: Any = None, **_more: Any) -> Any:
        number = next(numbers)
        seconds = make_seconds(level[-1], number)
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

"""Causes of whole runs: the reference backend with a known fault, real worker, real sockets; and the same again from the log."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.known_faults import ASK, HEALTH, ITEMS, KnownFault, is_kind, plan_of
from loadstone.cli.main import main
from loadstone.judge.cause import CauseKind
from loadstone.judge.story import Story
from loadstone.measure.snapshot import Snapshot
from loadstone.reference.process import ReferenceProcess
from loadstone.report.text import render_text
from loadstone.run import execute, judge_again

SHORT = {"rate": "20/s", "duration": "7s"}
SLOW, WRONG = "p95(http.response_time) < 80ms", "rate(http.errors) < 1%"
EXPLAINED = ("causes", "recommendations", "failure_patterns", "decision", "bands")
FAULTS = (
    KnownFault(
        "latency",
        ("--latency", "150ms", "--fault", "paths=/api/ask"),
        is_kind(CauseKind.PART, subject="step=ask"),
        (SLOW,),
        SHORT,
    ),
    KnownFault(
        "errors",
        ("--error-rate", "20%", "--fault", "paths=/api/items"),
        is_kind(CauseKind.PART, subject="step=items"),
        (WRONG,),
        SHORT,
        (ITEMS, ASK, HEALTH),
    ),
)


class Kept:
    def __init__(self) -> None:
        self.seen: list[Snapshot] = []

    def snapshot(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Told:
    """A run with a known fault: told at its end, and told again from its log."""

    story: Story
    again: Story


def run_with(fault: KnownFault) -> Told:
    kept = Kept()
    with ReferenceProcess(*fault.flags) as backend:
        plan = plan_of(fault, backend.url, backend.pid)
        story = execute(plan, [kept])
    return Told(story, judge_again(plan, kept.seen, datetime.now(UTC)))


@pytest.fixture(scope="module")
def runs() -> Mapping[str, Told]:
    """All at the same time: they wait far more than they work."""
    with ThreadPoolExecutor(len(FAULTS)) as room:
        return dict(zip((fault.name for fault in FAULTS), room.map(run_with, FAULTS), strict=True))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_known_fault_is_among_the_first_and_a_log_tells_the_same(fault: KnownFault, runs: Mapping[str, Told]) -> None:
    story, again = runs[fault.name].story, runs[fault.name].again
    blamed = [one for one in story.causes if one.kind is not CauseKind.GENERATOR]
    right = next(one for one in blamed[:2] if fault.right(one))
    assert any(one.cause is right.kind for one in story.recommendations)
    assert again.causes == story.causes
    assert again.failure_patterns == story.failure_patterns
    assert "WHY" in render_text(story, 100)


def test_the_report_of_a_log_and_the_store_tell_the_causes_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    suite, store = tmp_path / "suite.json", str(tmp_path / "runs.db")

    def told(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert found["exit_code"] == (ended.value.code or 0) or words[0] == "runs"
        return found

    fault = FAULTS[0]
    with ReferenceProcess(*fault.flags) as backend:
        suite.write_text(plan_of(fault, backend.url, backend.pid).model_dump_json(exclude={"source"}, by_alias=True, exclude_defaults=True))
        run = told("run", str(suite), "--json", "--out", "kept", "--store", store)
    assert "step=ask" in [one["subject"] for one in run["causes"]]
    for again in (told("report", "kept", "--json"), told("runs", "show", "--json", "--store", store)):
        assert [again[key] for key in EXPLAINED] == [run[key] for key in EXPLAINED]
    with pytest.raises(SystemExit):
        main(["runs", "show", "--store", store])
    page = capsys.readouterr().out
    assert "WHY" in page
    assert "step=ask" in page
    assert "blocked by" in page

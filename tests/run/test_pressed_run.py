"""A whole run with pressure on its machine, and without the program that makes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loadstone.errors import ExitCode, UsageError
from loadstone.judge.notices import NoticeCode
from loadstone.judge.story import Story
from loadstone.plan.model import Plan
from loadstone.run import execute


def run(target: str, gates: tuple[str, ...] = (), **pressure: object) -> Story:
    scenario = {"profile": {"rate": "20/s", "duration": "1s"}, "steps": [{"get": "/"}]}
    return execute(
        Plan.model_validate({"target": target, "scenarios": {"a": scenario}, "gates": gates, "pressure": {"for": "60s", **pressure}})
    )


def test_a_notice_says_what_was_taken(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "stress-ng"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    notices = {notice.code: notice.text for notice in run(target, cpu=1).notices}
    assert notices[NoticeCode.PRESSED] == (
        "pressure was put on this machine: 1 core for 1m 00s from 0 s on, cut short by the end of the load"
    )
    assert NoticeCode.NOT_PRESSED not in notices


def test_without_the_program_the_run_goes_on_but_nothing_passes(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    story = run(target, gates=("rate(http.errors) < 1%", "count(http.requests) < 1"), cpu=1)
    assert [verdict.status for verdict in story.verdicts] == ["no_data", "fail"]
    assert "stress-ng is not installed; without it, 0%" in story.verdicts[0].reason
    assert run(target, cpu=1).exit_code in {ExitCode.INCONCLUSIVE, ExitCode.UNTRUSTWORTHY}, "also without a gate"
    assert "stress-ng is not installed" in next(notice.text for notice in story.notices if notice.code is NoticeCode.NOT_PRESSED)


def test_memory_that_is_not_there_is_a_mistake_before_any_load(target: str) -> None:
    with pytest.raises(UsageError, match="that are free here"):
        run(target, memory="900TB")

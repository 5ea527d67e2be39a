"""`loadstone report` and `loadstone monitor` on the command line."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from loadstone.cli.streams import without_terminal
from loadstone.measure.sink import Watched
from loadstone.plan.model import Plan
from loadstone.report.series import snapshot_log
from loadstone.testing.samples import make_snapshot
from tests.cli.calls import called

PLAN = Plan.model_validate(
    {
        "target": "http://127.0.0.1:1",
        "http": {"headers": {"Authorization": "Bearer s3cret"}},
        "gates": ["p95(http.response_time) < 1s"],
        "scenarios": {"shop": {"profile": {"users": 5, "duration": "60s"}, "steps": [{"get": "/"}]}},
    }
)


def log_in(folder: Path, seconds: int) -> Path:
    log = snapshot_log(Watched(PLAN, 60.0, stream=sys.stderr, folder=folder, stamp="20260101_000000"))
    for at in range(seconds):
        log.snapshot(make_snapshot(at, phase="load"))
    log.close()
    return log.path


def test_a_report_is_made_from_the_log_of_a_killed_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_in(tmp_path, 40)
    assert called(["report", str(tmp_path), "--windows", "4", "--resume"]) == 130
    told = capsys.readouterr().out
    assert "over time" in told
    assert "last against first" in told
    assert json.loads((tmp_path / "result_20260101_000000.json").read_text())
    assert "INTERRUPTED" in (tmp_path / "summary_20260101_000000.txt").read_text()


def test_a_log_holds_no_secret(tmp_path: Path) -> None:
    assert "s3cret" not in log_in(tmp_path, 2).read_text()


def test_a_report_of_a_whole_run_has_its_exit_code(tmp_path: Path) -> None:
    log_in(tmp_path, 60)
    assert called(["report", str(tmp_path), "--json"]) == 0


def test_a_folder_without_a_log_is_a_mistake_of_the_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(["report", str(tmp_path)]) == 2
    assert "no log of a run" in capsys.readouterr().err


def test_a_terminal_that_is_closed_ends_nothing() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with without_terminal():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to watch"),
        (["http://127.0.0.1:1/", "--every", "0s"], "more than 0"),
        (["http://127.0.0.1:1/", "--window", "1s"], "5 s or more"),
        (["http://127.0.0.1:1/", "--alert", "p95(x"], "no level"),
        (["http://127.0.0.1:1/", "--webhook", "file:///x"], "not a URL"),
        (["http://127.0.0.1:1/", "--listen", "here"], "not HOST:PORT"),
        (["--pid", "99999999"], "no such process"),
        (["--history", "--store", "no-such-file"], "no such file"),
    ],
)
def test_what_a_monitor_cannot_do_is_said_at_once(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(["monitor", *words]) == 2
    assert said in capsys.readouterr().err

"""Output that cannot be written: said in one line, no traceback, and never a pass."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loadstone.cli import perform
from loadstone.cli.perform import Showing
from loadstone.plan.model import Plan
from loadstone.testing.samples import make_snapshot, make_story

FULL = Path("/dev/full")
PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
PLAN = Plan.model_validate({"target": "http://h", "scenarios": {"s": {"profile": {"users": 1, "duration": 1}, "steps": [{"get": "/"}]}}})
SAID = "standard output could not be written: No space left on device"
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs are made up: all well, or with a gate that fails."""

    def make(*gates: str) -> None:
        monkeypatch.setattr("loadstone.run.execute", lambda *_a, **_k: make_story([make_snapshot(n) for n in range(3)], gates=gates))

    return make


@pytest.mark.parametrize("words", [("metrics",), ("--help",), ("plugins",), ("config", "schema")])
def test_a_command_whose_output_has_no_room_says_so(words: tuple[str, ...]) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run([*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr == f"loadstone: {SAID}\n"


@pytest.mark.parametrize(("gate", "code"), [("count(http.requests) > 1", 2), ("count(http.requests) < 1", 1)])
def test_a_document_that_has_no_room_is_no_pass_and_a_failure_stays_one(
    made_up: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], gate: str, code: int
) -> None:
    made_up(gate)
    with os.fdopen(os.open(FULL, os.O_WRONLY), "w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert perform.perform(PLAN, Showing(json=True, quiet=True)) == code
        monkeypatch.undo()
    assert SAID in capfd.readouterr().err


def test_files_that_have_no_room_are_named_and_the_run_is_no_pass(
    made_up: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made_up("count(http.requests) > 1")
    real = Path.write_bytes

    def no_room(path: Path, data: bytes) -> int:
        return real(FULL if path.suffix == ".json" else path, data)

    monkeypatch.setattr(Path, "write_bytes", no_room)
    assert perform.perform(PLAN, Showing(quiet=True, out=str(tmp_path / "kept"))) == 2
    said = capfd.readouterr()
    assert ".json could not be written: No space left on device" in said.err
    assert "exit code 2: what was asked for could not be written" in said.err  # the page, made before, says 0
    assert "PASS" in said.out
    assert list((tmp_path / "kept").glob("summary_*.txt"))

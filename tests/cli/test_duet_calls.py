"""`loadstone duet --call`: two functions, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadstone.cli.duet_calls import RESTART_EVERY
from loadstone.cli.main import main

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
FUNCTIONS = """
def small():
    print("printed by a function")
    return sum(range(50))

def large():
    return sum(range(5000))

async def awaited():
    return sum(range(5000))

def broken():
    raise ValueError("not today")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where `pieces:small` and its like are to be found."""
    (tmp_path / "pieces.py").write_text(FUNCTIONS)
    return tmp_path


def duet_of(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "duet", "--call", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=folder, stdin=subprocess.DEVNULL)


def test_a_function_that_does_a_hundred_times_as_much_is_worse(folder: Path) -> None:
    done = duet_of(folder, "pieces:small", "pieces:large", "--pairs", "12", "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert (told["answer"], told["before"], told["after"]) == ("worse", "pieces:small", "pieces:large")
    (time,) = told["differences"]
    assert (time["figure"], time["unit"]) == ("p50(call.time)", "µs")
    assert time["ratio"] > 2
    assert told["instances"] == 12 / RESTART_EVERY


def test_coroutines_are_compared_with_functions(folder: Path) -> None:
    done = duet_of(folder, "pieces:awaited", "pieces:small", "--pairs", "12", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "B IS BETTER" in done.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["pieces:small", "pieces:broken"], "pieces:broken raised ValueError: not today"),
        (["pieces:small", "pieces:nowhere"], "has no attribute 'nowhere'"),
        (["pieces:small", "nowhere:small"], "nowhere"),
        (["pieces:small", "small"], "names no function"),
        (["pieces:small"], "takes two functions"),
        (["pieces:small", "pieces:large", "chat"], "takes two functions"),
    ],
)
def test_a_mistake_ends_with_2_and_says_what_to_do(
    folder: Path, words: list[str], text: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as end:
        main(["duet", "--call", *words])
    said = capfd.readouterr().err
    assert end.value.code == 2, said
    assert text in said
    assert "Traceback" not in said

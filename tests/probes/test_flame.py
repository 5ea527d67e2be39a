"""Flame graphs: py-spy is started beside a process and asked to end when the run has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loadstone.errors import LoadstoneError, UsageError
from loadstone.probes import flame

WRITES = """#!/bin/sh
for word; do [ "$last" = --output ] && file="$word"; last="$word"; done
trap 'echo "<svg/>" > "$file"; exit 0' INT
while :; do sleep 0.05; done
"""
REFUSED = """#!/bin/sh
echo "Error: Permission Denied: Try running again with elevated permissions" >&2
exit 1
"""
SILENT = """#!/bin/sh
trap 'echo "Error: no samples" >&2; exit 1' INT
while :; do sleep 0.05; done
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "py-spy"
    monkeypatch.setattr(flame, "program", lambda: str(file))
    return file


def scripted(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def test_the_graph_is_written_when_the_block_ends(program: Path, tmp_path: Path) -> None:
    scripted(program, WRITES)
    with flame.flame_graph(os.getpid(), tmp_path / "flame.svg"):
        assert not (tmp_path / "flame.svg").exists()
    assert (tmp_path / "flame.svg").read_text() == "<svg/>\n"


def test_a_process_that_may_not_be_looked_at_is_told_with_what_to_try(program: Path, tmp_path: Path) -> None:
    scripted(program, REFUSED)
    with (
        pytest.raises(LoadstoneError, match="may not be looked at: Error: Permission Denied"),
        flame.flame_graph(1, tmp_path / "flame.svg"),
    ):
        pytest.fail("there is nothing to run beside a profiler that is not there")


def test_a_graph_that_is_not_there_is_an_error_and_no_empty_file(program: Path, tmp_path: Path) -> None:
    scripted(program, SILENT)
    with pytest.raises(LoadstoneError, match="no samples"), flame.flame_graph(1, tmp_path / "flame.svg"):
        pass


def test_without_py_spy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="py-spy") as told:
        flame.program()
    assert "loadstone[profile]" in str(told.value)

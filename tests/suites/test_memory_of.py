"""Memory of a server for each connection: of a family of processes in which children come and go."""

import os
import subprocess
import sys

import psutil
import pytest

from loadstone.errors import UsageError
from loadstone.suites.ws.users import memory_of


def test_a_child_that_ends_while_memory_is_read_costs_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child = psutil.Process(gone.pid)
    gone.communicate()
    monkeypatch.setattr(psutil.Process, "children", lambda _self, recursive: [child] if recursive else [])
    own = psutil.Process().memory_info().rss
    assert memory_of(os.getpid()) == pytest.approx(own, rel=0.1)


def test_children_count_with_their_parent() -> None:
    before = memory_of(os.getpid())
    code = "held = bytearray(64_000_000); print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    grown = memory_of(os.getpid()) - before
    child.communicate(b"\n")
    assert grown > 64_000_000


def test_a_process_that_is_not_there_is_named() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with pytest.raises(UsageError, match="no memory to read"):
        memory_of(gone.pid)

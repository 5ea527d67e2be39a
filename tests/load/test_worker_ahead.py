"""A worker that a command forks: it behaves as one that was spawned."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from loadstone.load.spawn import Forked, discard, spawn_worker, worker_ahead

PROGRAM = """
import os, sys
from loadstone.load.spawn import Forked, discard, worker_ahead
worker = worker_ahead()
assert isinstance(worker, Forked), worker
print(worker.pid, flush=True)
{then}
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="NOT LINUX: workers are spawned")


def run(then: str) -> subprocess.CompletedProcess[str]:
    """A process without threads that forks a worker."""
    return subprocess.run([sys.executable, "-c", PROGRAM.format(then=then)], capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def child(code: str) -> Iterator[Forked]:
    """A forked child of this process that is no worker."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert process.stdin is not None
    assert process.stdout is not None
    forked = Forked(process.pid, process.stdin, process.stdout)  # type: ignore[arg-type]
    try:
        yield forked
    finally:
        discard(forked)
        process.returncode = forked.returncode  # so that Popen does not wait for it again


def test_it_ends_by_itself_when_its_stdin_is_closed() -> None:
    done = run("worker.stdin.close(); print(worker.wait(timeout=120))")
    assert (done.returncode, done.stdout.split()[1], done.stderr) == (0, "0", "")


def test_it_is_killed_with_the_command() -> None:
    done = run("os.kill(os.getpid(), 9)")
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    # The kernel sends the signal when the parent ends; it may still be on its way.
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.wait_procs([psutil.Process(pid)], timeout=120)[1] == []


def test_one_that_is_not_needed_is_ended_and_its_pipes_are_closed() -> None:
    done = run("discard(worker); discard(worker); print(worker.returncode, worker.stdin.closed, worker.stdout.closed)")
    assert done.stdout.split()[1:] == ["-9", "True", "True"]


def test_a_process_with_threads_spawns_instead() -> None:
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    try:
        worker = worker_ahead()
        assert isinstance(worker, subprocess.Popen)
        discard(worker)
    finally:
        waiting.set()
        thread.join()


def test_waiting_for_one_that_goes_on_ends_with_a_time_out() -> None:
    with child("input()") as forked:
        assert forked.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            forked.wait(timeout=0)


def test_the_exit_code_is_kept_and_a_signal_is_below_zero() -> None:
    with child("raise SystemExit(3)") as forked:
        assert (forked.wait(), forked.poll(), forked.returncode) == (3, 3, 3)
    with child("input()") as forked:
        forked.kill()
        assert forked.wait() == -signal.SIGKILL
        forked.kill()  # of one that has ended does nothing


def test_a_spawned_one_can_be_discarded_too() -> None:
    worker = spawn_worker()
    discard(worker)
    assert worker.returncode == -signal.SIGKILL
    discard(None)

"""Starting a worker process: forked from a command that has just begun, or spawned as a process of its own."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

LOOK_EVERY_S = 0.002


class Forked:
    """The part of subprocess.Popen that a fleet uses, for a child that was forked."""

    def __init__(self, pid: int, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code once it has ended; below 0 it is a signal."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended; raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(LOOK_EVERY_S)
        return code

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


WorkerProcess = subprocess.Popen[bytes] | Forked


def spawn_worker() -> WorkerProcess:
    """A worker process that waits for its plan; it ends by itself when its stdin is closed."""
    return subprocess.Popen(  # our own interpreter, our own module
        [sys.executable, "-m", "loadstone.load.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # Ctrl-C goes to us alone
    )


def worker_ahead() -> WorkerProcess:
    """The same for a command that has just begun: forked, so that what both need is imported once.

    Importing takes most of the time until the first request. A command has no threads, sockets or event loop yet, so
    nothing is doubled that a fork could break; where that does not hold, or the system does not fork well, it is spawned.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return spawn_worker()
    import loadstone.load.worker  # noqa: F401  before the fork: that is the point of it

    theirs, ours = os.pipe(), os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()  # what both have stays shared: the collector does not touch it
    pid = os.fork()
    if not pid:
        _become_worker(theirs, ours)
    gc.unfreeze()
    os.close(theirs[0])
    os.close(ours[1])
    return Forked(pid, os.fdopen(theirs[1], "wb", 0), os.fdopen(ours[0], "rb", 0))


@contextlib.contextmanager
def ahead() -> Iterator[WorkerProcess]:
    """The same, ended with the command, whatever becomes of that."""
    worker = worker_ahead()
    try:
        yield worker
    finally:
        discard(worker)


def _become_worker(stdin: tuple[int, int], stdout: tuple[int, int]) -> NoReturn:
    """The child's side; whatever happens, it never returns into the command's own code."""
    code = 1
    try:
        os.setsid()
        os.dup2(stdin[0], 0)
        os.dup2(stdout[1], 1)
        for fd in (*stdin, *stdout):
            os.close(fd)
        from loadstone.load import worker

        worker.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  as an interpreter of its own would
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def discard(worker: WorkerProcess | None) -> None:
    """End a worker that is not needed after all, and close its pipes; one that has ended already stays as it is."""
    if worker is None:
        return
    if worker.poll() is None:
        worker.kill()
        worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            pipe.close()

"""Processes pinned to one core each, bounded in time, ended by their id."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

READY_WITHIN_S = 10.0
ENDS_WITHIN_S = 10.0
NEVER_GIVEN = range(20_000, 32_000)  # ip(7): ip_local_port_range begins at 32768


ALLOWED = sorted(os.sched_getaffinity(0))
GENERATOR_CORE, SERVER_CORE = ALLOWED[0], ALLOWED[min(1, len(ALLOWED) - 1)]


def allow_many_descriptors() -> None:
    """Raise our own soft limit; what we start inherits it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Failed(Exception):
    """A process that should have worked and did not."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a process printed, how long it ran and what it cost, its children included."""

    stdout: str
    stderr: str
    code: int
    wall_s: float
    cpu_s: float


def start(argv: Sequence[str], *, core: int | None, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, so that ending it ends what it started and nothing else."""
    # A child inherits the cores of the thread that starts it; setting them afterwards would miss its first milliseconds.
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        return subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True)
    finally:
        os.sched_setaffinity(0, before)


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process that we started to end; after ten seconds end its whole group."""
    if process.poll() is None:
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(argv: Sequence[str], *, core: int | None = GENERATOR_CORE, limit_s: float = 120) -> Finished:
    """Run to the end, on one core, and say what it cost."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        process = start(argv, core=core, stdout=out.fileno(), stderr=errors.fileno())
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            end(process)
            raise Failed(f"{argv[0]} did not end within {limit_s:g} s") from None
        finally:
            end(process)
        wall_s = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        errors.seek(0)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Finished(out.read().decode(errors="replace"), errors.read().decode(errors="replace"), process.returncode, wall_s, cpu_s)


def free_port() -> int:
    """A port that nobody listens on now.

    From below those that the system gives to connections and to whoever asks for any: it gives away none of these before a server,
    which comes a second later or comes back, listens on it.
    """
    with socket.socket() as probe:
        for port in secrets.SystemRandom().sample(NEVER_GIVEN, 20):
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise Failed("twenty ports were tried, and somebody listens on each")


@dataclass(slots=True)
class Server:
    """A server that runs, and, once it has ended, what it printed."""

    process: subprocess.Popen[bytes]
    said: str = ""


@contextlib.contextmanager
def server(argv: Sequence[str], port: int, *, core: int = SERVER_CORE, ready_within_s: float = READY_WITHIN_S) -> Iterator[Server]:
    """A server that listens on the port for as long as the block lasts."""
    with tempfile.NamedTemporaryFile() as log:
        running = Server(start(argv, core=core, stdout=log.fileno(), stderr=log.fileno()))
        try:
            wait_until_it_listens(running.process, port, Path(log.name), ready_within_s)
            yield running
        finally:
            end(running.process)
            running.said = Path(log.name).read_text(errors="replace")


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path, ready_within_s: float = READY_WITHIN_S) -> None:
    """Connect until it works."""
    limit = time.monotonic() + ready_within_s
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > limit:
            raise Failed(f"process {process.pid} does not listen on port {port}: {log.read_text(errors='replace')[-400:]}")
        time.sleep(0.01)

"""What is killed in the midst of writing, started again, and asked for everything that it acknowledged: three ways to start it."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

import loadstone as ls
from loadstone.errors import TargetUnreachable
from loadstone.reference.process import ReferenceProcess

LISTENS_WITHIN_S = 30.0
STOPS_WITHIN_S = 5.0
LAST_WORDS = 500  # bytes of what a command wrote before it ended


class Mortal(Protocol):
    """A backend that can be killed; each start is a new process on the same data."""

    url: str

    def start(self) -> None:
        """Start it, and wait until it takes connections."""

    def kill(self) -> None:
        """SIGKILL, to it and to all that it started."""

    def stop(self) -> None:
        """End it as one ends a process; twice does no harm."""


class OwnBackend:
    """The reference backend on a file of its own.

    forget: a fault with known truth: each start begins with an empty file
    """

    def __init__(self, folder: Path, *, forget: bool) -> None:
        self._folder, self._forget, self._starts = folder, forget, 0
        self._process: ReferenceProcess | None = None
        self.url = ""

    def start(self) -> None:
        """See Mortal."""
        self._starts += 1
        name = f"sessions-{self._starts if self._forget else 1}.db"
        self._process = ReferenceProcess("--database", self._folder / name)
        self._process.start()
        self.url = self._process.url

    def kill(self) -> None:
        """See Mortal."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """See Mortal."""
        if self._process is not None:
            self._process.stop()


class Commanded:
    """Somebody's backend, started by their own command in the current folder."""

    def __init__(self, command: str, url: str) -> None:
        self._command, self.url = shlex.split(command), url.rstrip("/")
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        address = urlsplit(url)
        self._place = (address.hostname or "localhost", address.port or (443 if address.scheme == "https" else 80))

    def start(self) -> None:
        """See Mortal; raises UsageError where somebody else listens there already, whom no kill would reach."""
        if self._takes_connections():
            raise ls.UsageError(
                "somebody listens there before the command was started", where=self.url, hint="end it, or name another port"
            )
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop(); a full pipe would stop the backend
        try:
            # A session of its own: the kill reaches what the command starts, and nobody else.
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
            )
        except OSError as error:
            self._log.close()
            where = f"--restart-command {shlex.join(self._command)}"
            raise ls.UsageError(f"cannot be started: {error.strerror}", where=where, hint="a program and its arguments") from None
        until = time.monotonic() + LISTENS_WITHIN_S
        while not self._takes_connections():
            if self._process.poll() is not None or time.monotonic() > until:
                code = self._process.poll()
                ended = f"does not listen after {LISTENS_WITHIN_S:g} s" if code is None else f"ended with exit code {code}"
                told = self._last_words()
                self.stop()
                raise TargetUnreachable(f"the command {ended}{told}", where=self.url)
            time.sleep(0.05)

    def kill(self) -> None:
        """See Mortal."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """See Mortal."""
        process = self._process
        if process is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOPS_WITHIN_S)
        self._signal(signal.SIGKILL)  # what it started and left behind
        process.wait()
        self._process, until = None, time.monotonic() + STOPS_WITHIN_S
        while self._takes_connections() and time.monotonic() < until:  # whoever listened was a child of the one that was waited for
            time.sleep(0.05)
        if self._log is not None:
            self._log.close()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _takes_connections(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(self._place, 1):
            return True
        return False

    def _last_words(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - LAST_WORDS))
        text = self._log.read().decode("utf-8", "replace").strip()
        return f"; its last words: {text}" if text else ""


@contextlib.contextmanager
def mortal(*, forget: bool, command: str = "", url: str = "") -> Iterator[Mortal]:
    """The backend that a command starts, else the reference backend; stopped at the end, whatever happened."""
    with tempfile.TemporaryDirectory() as folder:
        backend: Mortal = Commanded(command, url) if command else OwnBackend(Path(folder), forget=forget)
        try:
            yield backend
        finally:
            backend.stop()


# -- a store in process -----------------------------------------------------------------------------------------------


def store_killed_in_the_midst(where: str, seconds: float) -> tuple[int, int]:
    """The same for a store of sessions in process: a child process writes to it and is killed, a second one reads it back."""
    writing = child("write", where)
    assert writing.stdout is not None
    try:
        heard = reading_for(writing.stdout.fileno(), seconds)
    finally:
        writing.kill()
    rest, error = writing.communicate()
    lines = (heard + rest).decode().split("\n")[:-1]  # the last line may be half a line: it was not acknowledged
    if not lines:
        told = error.decode(errors="replace").strip().splitlines() or [""]
        raise ls.UsageError(f"nothing was acknowledged before the kill: {told[-1]}", where=f"--sessions {where}")
    with child("read", where) as reading:
        found, error = reading.communicate("".join(f"{line}\n" for line in lines).encode())
        if reading.returncode:
            told = error.decode(errors="replace").strip().splitlines() or [""]
            raise ls.UsageError(f"cannot be read after the restart: {told[-1]}", where=f"--sessions {where}")
    return len(lines), int(found)


def child(what: str, where: str) -> subprocess.Popen[bytes]:
    """A process that writes to a store, or reads it."""
    argv = [sys.executable, "-m", "loadstone.suites.voice.kept_sessions", what, where]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - our own module


def reading_for(descriptor: int, seconds: float) -> bytes:
    """What a process writes until so many seconds after its first line, or until it ends."""
    found, until = b"", None
    while until is None or time.monotonic() < until:
        part = os.read(descriptor, 65_536)
        if not part:
            break
        found += part
        until = until or time.monotonic() + seconds
    return found

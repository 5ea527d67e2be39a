"""The sides of a duet as the command line names them: URLs, the reference backend, commands, revisions."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from loadstone.cli.duet_guard import dismiss, guard, watch_over
from loadstone.clients.address import split_url
from loadstone.errors import TargetUnreachable, UsageError
from loadstone.probes.strain import spent_by
from loadstone.reference.process import ReferenceProcess

if TYPE_CHECKING:
    from loadstone.duet import Target

REFERENCE, COMMAND = "serve:", "cmd:"
STOP_WITHIN_S, LOOK_EVERY_S = 5.0, 0.02
TAIL_BYTES = 1000
NEVER_GIVEN, PORTS_TRIED = range(20_000, 32_000), 20  # ip(7): connections get theirs from 32768 on
EXAMPLE = "http://127.0.0.1:8000, 'serve:--latency 20ms', or 'cmd:python app.py --port {port}'"


class UrlTarget:
    """A server that somebody else started."""

    restarts = False

    def __init__(self, url: str) -> None:
        self._url = url if "://" in url else f"http://{url}"
        origin, path = split_url(self._url)
        self.origin = f"{origin.scheme}://{origin.authority}"
        self.name = self.origin + path
        if origin.scheme not in {"http", "https"}:
            raise UsageError(f"{origin.scheme} is not compared by requests", where=self.name, hint=EXAMPLE)

    def launch(self) -> None:
        """See Target: it runs already."""

    def start(self) -> str:
        """See Target."""
        return self._url

    def stop(self) -> None:
        """See Target: it is not ours to end."""

    def spent(self) -> None:
        """See Target: nobody knows which process it is."""

    def gone(self) -> str:
        """See Target: its connections tell."""
        return ""


class ReferenceTarget:
    """The reference backend with switches of its own."""

    restarts = True

    def __init__(self, switches: Sequence[str]) -> None:
        self._switches = switches
        self.name = f"{REFERENCE}{shlex.join(switches)}"
        self._process: ReferenceProcess | None = None

    def launch(self) -> None:
        """See Target."""
        self._process = ReferenceProcess(*self._switches)
        self._process.launch()

    def start(self) -> str:
        """See Target."""
        if self._process is None:
            self.launch()
        assert self._process is not None
        self._process.start()
        return self._process.url

    def stop(self) -> None:
        """See Target."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def spent(self) -> tuple[float, int] | None:
        """See Target."""
        return spent_by(self._process.pid) if self._process is not None else None

    def gone(self) -> str:
        """See Target."""
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None and os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return "its process has ended"
        return ""


class CommandTarget:
    """A server started by a command, in a process group of its own that is ended with it.

    command: words of the command; {port} in them is a free port
    raises:  TargetUnreachable, with the end of its output, when it does not answer in time
    """

    restarts = True

    def __init__(self, command: str, *, folder: Path | None = None, name: str = "", ready_within_s: float = 30.0) -> None:
        if "{port}" not in command:
            raise UsageError("the command has no place for its port", where=command, hint="'cmd:python app.py --port {port}'")
        self._words = shlex.split(command)
        self._folder, self._ready_within_s = folder, ready_within_s
        self.name = name or f"{COMMAND}{command}"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._port, self._deadline = 0, 0.0

    def launch(self) -> None:
        """See Target."""
        self._port, self._deadline = free_port(), time.monotonic() + self._ready_within_s
        words = [word.replace("{port}", str(self._port)) for word in self._words]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop(); a pipe that nobody reads would stop the server
        self._guard = guard()
        try:
            self._process = subprocess.Popen(  # noqa: S603  the user's own command
                words, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
            )
        except OSError as error:
            self.stop()
            raise UsageError(f"cannot be started: {error.strerror}", where=self.name, hint="run the command by itself") from None
        watch_over(self._guard, self._process.pid)

    def start(self) -> str:
        """See Target."""
        if self._process is None:
            self.launch()
        while not answers(self._port):
            if (why := self.gone()) or time.monotonic() > self._deadline:
                what = why or f"does not answer on port {self._port} within {self._ready_within_s:g} s"
                raise TargetUnreachable(f"{what}{self._tail()}", where=self.name, hint="run the command by itself")
            time.sleep(LOOK_EVERY_S)
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """See Target."""
        process, self._process = self._process, None
        if process is not None:
            _end_group(process)
        if self._guard is not None:
            dismiss(self._guard)
        if self._log is not None:
            self._log.close()

    def spent(self) -> tuple[float, int] | None:
        """See Target."""
        return spent_by(self._process.pid) if self._process is not None else None

    def gone(self) -> str:
        """See Target."""
        code = self._process.poll() if self._process is not None else None
        return f"its process has ended with exit code {code}" if code is not None else ""

    def _tail(self) -> str:
        assert self._log is not None
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - TAIL_BYTES))
        text = self._log.read().decode("utf-8", "replace").strip()
        return f"; its last words: {text}" if text else ""


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask all of the group to end, then make them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also what a server leaves behind that ended by itself
    process.wait()


def target_of(text: str) -> Target:
    """A side of a duet from its text; raises UsageError."""
    if text.startswith(REFERENCE):
        return ReferenceTarget(shlex.split(text.removeprefix(REFERENCE)))
    if text.startswith(COMMAND):
        return CommandTarget(text.removeprefix(COMMAND))
    return UrlTarget(text)


@contextlib.contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A work tree of a git revision in a temporary folder, gone at the end of the `with` block."""
    with tempfile.TemporaryDirectory(prefix="loadstone-duet-") as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", str(tree), revision, what=f"cannot check out {revision!r}")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree), what=f"cannot remove {tree}")


def _git(*words: str, what: str) -> None:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False, start_new_session=True)  # noqa: S603, S607
    except FileNotFoundError:
        raise UsageError("there is no git here", hint="install git, or compare URLs") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(f"{what}: {last}", where="--rev-a, --rev-b", hint="git log shows what there is; run it inside the repository")


def free_port() -> int:
    """A port of the loopback that nobody uses now, and that the system gives to nobody else before the server listens on it."""
    with socket.socket() as sock:
        for port in secrets.SystemRandom().sample(NEVER_GIVEN, PORTS_TRIED):
            with contextlib.suppress(OSError):
                sock.bind(("127.0.0.1", port))
                return port
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answers(port: int) -> bool:
    """Does anything speak HTTP there, whatever it says?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
    return True

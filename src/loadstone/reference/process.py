"""The reference backend as a process of its own, for suites, demos and tests."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlsplit

from loadstone.errors import LoadstoneError, TargetUnreachable

READY_WITHIN_S = 10.0
STOP_WITHIN_S = 5.0
_TAIL_BYTES = 2000


class ReferenceProcess:
    """Starts the backend and waits until it answers; stops it at the end of the `with` block, or with this process.

    arguments:   as for `loadstone serve`, such as "--capacity", "100/s"
    environment: variables beside those of this process, such as a token that no list of processes should show
    raises:    TargetUnreachable, with the end of its error output, when it does not answer in time
    """

    def __init__(
        self, *arguments: str | Path, ready_within_s: float = READY_WITHIN_S, environment: Mapping[str, str] | None = None
    ) -> None:
        self._environment = {**os.environ, **(environment or {})}
        self._arguments = [str(argument) for argument in arguments]
        self._ready_within_s = ready_within_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._deadline = 0.0
        self.url = ""

    @property
    def pid(self) -> int:
        """Process id of the backend."""
        if self._process is None:
            raise LoadstoneError("the reference backend has not been started", hint="with ReferenceProcess() as backend:")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def launch(self) -> None:
        """Begin to start it, without waiting: several that are launched together take as long as the slowest; twice does no harm."""
        if self._process is not None:
            return
        self._deadline = time.monotonic() + self._ready_within_s
        # A file, not a pipe: nobody reads it while it runs, and a full pipe would stop the backend.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        command = [sys.executable, "-m", "loadstone.reference", "--parent-pid", str(os.getpid()), *self._arguments]
        # A session of its own: Ctrl-C goes to whoever uses the backend, and it must go on answering until that has ended.
        self._process = subprocess.Popen(  # noqa: S603 - our own module, and arguments, not a shell's text
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            env=self._environment,
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.launch()
        assert self._process is not None
        try:
            self.url = self._read_url(self._process, self._deadline)
            self._ask_health(self._deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask it to end, wait, and end it by force when it does not; twice does no harm."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()
        if self._log:
            self._log.close()

    def _read_url(self, process: subprocess.Popen[bytes], deadline: float) -> str:
        line = b""
        stdout = process.stdout
        if stdout is None:
            raise LoadstoneError("the reference backend has no output to read its URL from")
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(stdout.fileno(), 4096) if readable else b""
            if not part:
                raise self._unreachable("did not say where it listens")
            line += part
        return line.decode().strip()

    def _ask_health(self, deadline: float) -> None:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=max(0.1, deadline - time.monotonic()))
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/health")
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(f"does not answer: {error}") from error
        if status != 200:
            raise self._unreachable(f"answers {status} to /health")

    def _unreachable(self, what: str) -> TargetUnreachable:
        return TargetUnreachable(f"the reference backend {what} ({self._ended()}){self._tail()}", where=self.url)

    def _ended(self) -> str:
        # It closes its output just before it ends: give the exit code a moment to arrive.
        with contextlib.suppress(subprocess.TimeoutExpired, AttributeError):
            process: Any = self._process
            return f"ended with exit code {process.wait(0.2)}"
        return f"still starting after {self._ready_within_s:g} s"

    def _tail(self) -> str:
        if self._log is None:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _TAIL_BYTES))
        text = self._log.read().decode("utf-8", "replace").strip()
        return f"; its last words: {text}" if text else ""

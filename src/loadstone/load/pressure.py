"""Pressure by stress-ng on this machine, in process groups that end with the run at the latest."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import IO

import psutil

from loadstone.errors import UsageError
from loadstone.measure.plain_text import plain
from loadstone.plan.pressure import PressurePlan
from loadstone.units import format_size

PROGRAM = "stress-ng"
MOST_OF_FREE = 0.9  # of the memory that is free: what takes more makes the system end processes, ours among them
END_WITHIN_S = 2.0
_WORDS_BYTES = 500


class Pressure:
    """What a plan asks for; without a plan, or without stress-ng, nothing is done.

    missed: why the asked-for pressure was not there, or not for all of its time; empty when it was
    """

    def __init__(self, asked: PressurePlan | None) -> None:
        self._asked = asked
        self._program = shutil.which(PROGRAM) if asked else None
        self._timer: asyncio.TimerHandle | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._words: IO[bytes] | None = None
        self._cut_short = False
        self._place: tempfile.TemporaryDirectory[str] | None = None
        self.missed = f"{PROGRAM} is not installed" if asked and not self._program else ""

    @property
    def applied(self) -> str:
        """What was taken, and when; empty when nothing was."""
        if not self._processes or self.missed:
            return ""
        return f"{self._asked}{', cut short by the end of the load' if self._cut_short else ''}"

    def check(self) -> None:
        """Raise UsageError when this machine has not got the memory that is to be taken."""
        free = psutil.virtual_memory().available
        if self._asked and self._asked.memory and self._asked.memory > MOST_OF_FREE * free:
            what = f"{format_size(self._asked.memory)} are more than {MOST_OF_FREE:.0%} of the {format_size(free)} that are free here"
            raise UsageError(what, where="pressure.memory", hint=f"memory: {format_size(free / 2).replace(' ', '')}")

    def start(self) -> None:
        """Begin to count: the load has started. Must be called on the event loop."""
        if self._asked and self._program:
            self.missed = "the load ended before the pressure was to begin"
            self._timer = asyncio.get_running_loop().call_later(self._asked.start_s, self._launch, self._asked, self._program)

    def stop(self) -> None:
        """End the process groups, by force if they do not listen; twice does no harm."""
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if not self._processes or self._words is None or self._words.closed:
            return
        codes = [process.poll() for process in self._processes]
        self._cut_short = None in codes
        if failed := [code for code in codes if code]:
            self.missed = self._complaint(self._words, failed[0])
        self._end()
        self._words.close()
        if self._place:
            with contextlib.suppress(OSError):
                self._place.cleanup()

    def _launch(self, asked: PressurePlan, program: str) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._place = tempfile.TemporaryDirectory(prefix="loadstone-pressure-")
        self.missed = ""
        for each in commands(asked):
            try:
                # A group of its own, to be ended as one; its own time-out, should we be killed and end nothing.
                process = subprocess.Popen(  # noqa: S603 - a program found on the path, and numbers
                    [program, *each],
                    stdin=subprocess.DEVNULL,
                    stdout=self._words,
                    stderr=subprocess.STDOUT,
                    cwd=self._place.name,
                    start_new_session=True,
                )
            except OSError as error:
                self.missed = f"{PROGRAM} does not start: {error.strerror}"
                return
            self._processes.append(process)

    def _end(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGTERM)
        until_s = time.monotonic() + END_WITHIN_S
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until_s - time.monotonic()))
            # Those that are left when the first has ended are in its group still.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _complaint(self, words: IO[bytes], code: int | None) -> str:
        words.seek(0)
        text = plain(words.read(_WORDS_BYTES).decode("utf-8", "replace").strip(), 200)
        return f"{PROGRAM} ended with exit code {code}{f': {text}' if text else ''}"


def commands(asked: PressurePlan) -> list[list[str]]:
    """The command lines after the program's name, each for a session of its own.

    Where the system shares processors evenly among sessions (sched_autogroup, sched(7)), all in one would together take no more than
    one of them.
    """
    ends = ["--timeout", f"{max(1, math.ceil(asked.for_s))}s", "--quiet"]
    memory = [["--vm", "1", "--vm-bytes", f"{asked.memory}b", "--vm-keep", *ends]] if asked.memory else []
    return [*([["--cpu", "1", *ends]] * asked.cpu), *memory]

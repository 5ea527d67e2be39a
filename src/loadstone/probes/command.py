"""A shell command as a probe: it prints a number, or JSON of which paths are read."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
from collections.abc import Callable

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.measure.plain_text import plain
from loadstone.plan.probe import ProbePlan
from loadstone.probes.endpoint import timeout_of
from loadstone.probes.json_values import JsonValues, metric_of
from loadstone.probes.probe import NoReading, Readings

MOST_CHARACTERS = 1_000_000
SETTINGS = {"metric", "paths", "timeout", "name"}


class CommandProbe:
    """`command: "redis-cli llen jobs", metric: jobs`; with `paths` its output is JSON.

    It runs in a process group of its own, all of which is ended when it takes too long and when the run is over.
    """

    def __init__(self, plan: ProbePlan, target: str) -> None:  # noqa: ARG002  a probe's call
        settings, where = plan.settings, f"probe command {plain(plan.watches, 40)}"
        for key in settings:
            if key not in SETTINGS:
                raise UsageError(f"unknown setting {key!r}", where=where, hint=f"one of {', '.join(sorted(SETTINGS))}")
        if not plan.watches.strip() or ("metric" in settings) == ("paths" in settings):
            raise UsageError("a command prints one number (metric) or JSON (paths)", where=where, hint="command: 'nproc', metric: cores")
        self._command, self._timeout_s = plan.watches, timeout_of(settings.get("timeout"))
        self._values = JsonValues(settings["paths"], where) if "paths" in settings else None
        self._metric = None if self._values else metric_of(str(settings["metric"]), where)
        self.metrics = self._values.metrics if self._values else (self._metric,) if self._metric else ()
        self.name = str(settings.get("name") or plain(plan.watches.split()[0], 40))
        self._running: subprocess.Popen[str] | None = None
        self._closed = False

    def open(self, clock: Callable[[], int] = now_ns) -> None:
        """See Probe."""

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        text = self._output()
        if self._values:
            self._values.read(text, readings, self.name)
            return
        try:
            number = float(text.split()[-1]) if text.split() else math.nan
        except ValueError:
            number = math.nan
        if self._metric is None or not math.isfinite(number):
            raise NoReading("malformed", "the command printed no number")
        readings.gauge(self._metric.name, number, probe=self.name)

    def close(self) -> None:
        """See Probe."""
        self._closed = True
        if self._running is not None:
            _end(self._running)

    def _output(self) -> str:
        if self._closed:
            raise NoReading("other", "the run is over")
        command = ["/bin/sh", "-c", self._command]
        with subprocess.Popen(  # noqa: S603  a command that the plan's author wrote
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as running:
            self._running = running
            try:
                text, _ = running.communicate(timeout=self._timeout_s)
            except subprocess.TimeoutExpired:
                raise NoReading("timeout", f"the command took longer than {self._timeout_s:g} s") from None
            finally:
                _end(running)
                self._running = None
        if running.returncode:
            raise NoReading("status", f"the command ended with {running.returncode}")
        if len(text) > MOST_CHARACTERS:
            raise NoReading("too_large", f"more than {MOST_CHARACTERS} characters")
        return text


def _end(running: subprocess.Popen[str]) -> None:
    """The whole group: what a shell started goes on after it otherwise."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)

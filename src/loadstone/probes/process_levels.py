"""Memory and CPU of one process and its children, read in place: for watchers that run for days and need no more."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from loadstone.errors import UsageError
from loadstone.measure.snapshot import Gauge, Series

MEMORY, CPU = "target.memory", "target.cpu"


class ProcessLevels:
    """Resident memory and CPU of a process tree since the last reading.

    raises: UsageError when there is no such process, or it may not be read
    """

    def __init__(self, pid: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        try:
            self._root = psutil.Process(pid)
            self._cpu_s: dict[psutil.Process, float] = {}
            self._read_s = clock()
            self.read()
        except (psutil.Error, ValueError, OverflowError) as error:
            what = "no such process" if isinstance(error, psutil.NoSuchProcess | ValueError | OverflowError) else "it may not be read"
            raise UsageError(what, where=f"--pid {pid}", hint="the PID of a process of your own that runs") from None

    def read(self) -> dict[Series, Gauge]:
        """The levels of now; without CPU at the first reading, empty once the process has ended (or its PID is another's)."""
        now_s = self._clock()
        try:
            if not self._root.is_running() or self._root.status() == psutil.STATUS_ZOMBIE:
                return {}
            tree = [self._root, *self._root.children(recursive=True)]
            memory, cpu_s = 0, {}
            for process in tree:
                with process.oneshot():
                    memory += process.memory_info().rss if process is self._root else _resident(process)
                    cpu_s[process] = _cpu_s(process)
        except psutil.NoSuchProcess:
            return {}
        found = {Series(MEMORY): Gauge.of(float(memory))}
        if self._cpu_s and now_s > self._read_s:
            # A child that ended takes its time with it; one that is new has all of its time in this stretch.
            used_s = sum(max(0.0, spent - self._cpu_s.get(process, 0.0)) for process, spent in cpu_s.items())
            found[Series(CPU)] = Gauge.of(100.0 * used_s / (now_s - self._read_s))
        self._cpu_s, self._read_s = cpu_s, now_s
        return found


def _resident(child: psutil.Process) -> int:
    try:
        return int(child.memory_info().rss)
    except psutil.Error:
        return 0  # it has ended since it was listed


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)

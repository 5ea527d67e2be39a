"""The generator's own health: is it in time, and what does it use?"""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path
from typing import Protocol

from loadstone.clock import MILLISECOND, Timers
from loadstone.measure.recorder import NO_SCENARIO, Recorder
from loadstone.measure.snapshot import Series

LEAST_CPU_NS = 200_000_000  # in the last milliseconds of a run everybody takes all of a core
LAG_EVERY_NS = 20 * MILLISECOND
_STATM = Path("/proc/self/statm")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Reads(Protocol):
    """What the wire counted so far."""

    reads: int
    coalesced: int
    unstamped: int


class GeneratorHealth:
    """Loop lag all the time; CPU, memory, descriptors and reads whenever `sample` is called."""

    def __init__(self, recorder: Recorder, timers: Timers, worker: int, reads: Reads) -> None:
        self._recorder, self._timers, self._reads = recorder, timers, reads
        self._tags = (("worker", str(worker)),)
        self._lag = recorder.column(NO_SCENARIO, Series("generator.loop_lag", self._tags))
        self._counted = [0, 0, 0]
        self._cpu_s, self._wall_ns = time.process_time(), timers.now_ns()
        self._descriptors = 0

    def begin(self) -> None:
        """Start watching; what was allocated so far is left out of garbage collection."""
        gc.collect()
        gc.freeze()
        # Collections stop the loop: a full one over ten thousand users takes tens of milliseconds. Nothing on the hot
        # path makes cycles; a script's own cycles are still collected, in larger portions.
        gc.set_threshold(50_000, 20, 100)
        self._due = self._timers.now_ns() + LAG_EVERY_NS
        self._timers.at(self._due, self._measure_lag)

    def sample(self, descriptors: int) -> None:
        """Read the levels of now into the recorder."""
        recorder, tags = self._recorder, self._tags
        cpu, wall = time.process_time(), self._timers.now_ns()
        if wall - self._wall_ns >= LEAST_CPU_NS:
            recorder.gauge(Series("generator.cpu", tags), 100e9 * (cpu - self._cpu_s) / (wall - self._wall_ns))
            self._cpu_s, self._wall_ns = cpu, wall
        resident = resident_bytes()
        if resident:
            recorder.gauge(Series("generator.memory", tags), resident)
        recorder.gauge(Series("generator.descriptors", tags), descriptors)
        reads = self._reads
        now = [reads.reads, reads.coalesced, reads.unstamped]
        for name, total, before in zip(("reads", "coalesced_reads", "unstamped_reads"), now, self._counted, strict=True):
            if total > before:
                recorder.count(NO_SCENARIO, Series(f"generator.{name}", tags), total - before)
        self._counted = now

    def _measure_lag(self) -> None:
        now = self._timers.now_ns()
        self._lag.add(now - self._due)
        self._due += ((now - self._due) // LAG_EVERY_NS + 1) * LAG_EVERY_NS
        self._timers.at(self._due, self._measure_lag)


def resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not say."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except OSError:
        return 0

"""The parent process of a run: what it takes, beside the workers that tell of themselves."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace

from loadstone.clock import now_ns
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.probes import procfs
from loadstone.probes.generator import LEAST_CPU_NS, resident_bytes

PARENT = "parent"  # what stands in the tag of a worker for the process that is none
TAGS = (("worker", PARENT),)


class ParentHealth:
    """Memory, descriptors and CPU of this process, put into every snapshot; it judges, shows, stores and runs the probes."""

    def __init__(self, clock: Callable[[], int] = now_ns, cpu_ns: Callable[[], int] = time.process_time_ns) -> None:
        self._clock, self._cpu_clock = clock, cpu_ns
        self._wall_ns, self._cpu_ns = clock(), cpu_ns()

    def complete(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the levels of now; where the system does not say one, it is left out."""
        gauges = dict(snapshot.gauges)
        wall_ns, cpu_ns = self._clock(), self._cpu_clock()
        if wall_ns - self._wall_ns >= LEAST_CPU_NS:
            gauges[Series("generator.parent_cpu")] = Gauge.of(100 * (cpu_ns - self._cpu_ns) / (wall_ns - self._wall_ns))
            self._wall_ns, self._cpu_ns = wall_ns, cpu_ns
        if memory := resident_bytes():
            gauges[Series("generator.memory", TAGS)] = Gauge.of(memory)
        with contextlib.suppress(OSError):
            gauges[Series("generator.descriptors", TAGS)] = Gauge.of(procfs.descriptors(procfs.PROC, "self"))
        return replace(snapshot, gauges=gauges)

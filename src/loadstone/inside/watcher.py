"""All samplers of one process together, and what can be asked of them; every answer is ready to be JSON."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import sys
import time
from typing import Any

from loadstone.inside import process
from loadstone.inside.growth import SiteGrowth, TypeGrowth, growth_by_site, growth_by_type
from loadstone.inside.heap import read_heap, trim_heap
from loadstone.inside.loop import LoopLag
from loadstone.inside.objects import count_types
from loadstone.inside.pauses import Pauses
from loadstone.inside.pools import read_pools
from loadstone.inside.sites import FRAMES, count_sites, start_tracing, stop_tracing, traced_bytes, tracing

VERSION = 1
MOST = 10


class Watcher:
    """Watches this process from `start` to `stop`; costs two clock readings a collection and twenty timers a second."""

    def __init__(self) -> None:
        self.pauses, self.loop = Pauses(), LoopLag()
        self._types: dict[str, int] | None = None
        self._sites: dict[tuple[str, str], tuple[int, int]] | None = None

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin; with a loop, from within it. May be called again, for instance with a loop that came later."""
        self.pauses.start()
        if loop is not None:
            self.loop.start(loop)

    def stop(self) -> None:
        """End; nothing of the process is changed any more."""
        self.pauses.stop()
        self.loop.stop()

    def levels(self, since_ns: int = 0) -> dict[str, Any]:
        """Everything cheap, in about 0.2 ms; null stands for what cannot be told here.

        since_ns: `now_ns` of the reading before: longest pause and lag are of the time after it
        """
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "now_ns": time.monotonic_ns(),
            **sizes(),
            "descriptors": process.descriptors(),
            "threads": process.threads(),
            "gc": {
                "enabled": gc.isenabled(),
                "collections": list(self.pauses.collections),
                "pause_ns": self.pauses.total_ns,
                "longest_pause_ns": self.pauses.longest_since(since_ns),
            },
            "loop": {"tasks": self.loop.tasks, "longest_lag_ns": self.loop.longest_since(since_ns)},
            "pools": {pool.name: {"size": pool.size, "in_use": pool.in_use} for pool in read_pools()},
            "tracing": tracing(),
        }

    def checkpoint(self, *, sites: bool = True) -> dict[str, Any]:
        """Objects by type and, while allocations are traced, bytes by line; the growth since the first checkpoint.

        The process stands still meanwhile: about 0.1 s for a million objects. Nothing is collected first, so that objects in
        cycles are seen while they are there.
        sites: also lines; of many traced allocations that takes seconds, so the first time and at the end are enough
        """
        begun_ns = time.monotonic_ns()
        now_types, now_sites = count_types(), count_sites() if sites and tracing() else None
        types: list[TypeGrowth] = growth_by_type(self._types, now_types, MOST) if self._types is not None else []
        lines: list[SiteGrowth] = growth_by_site(self._sites, now_sites, MOST) if self._sites is not None and now_sites is not None else []
        first = self._types is None
        self._types = now_types if self._types is None else self._types
        self._sites = now_sites if self._sites is None else self._sites
        return {
            "first": first,
            "objects": sum(now_types.values()),
            **sizes(),
            **(traced_bytes() if tracing() else {"traced_bytes": None, "tracer_bytes": None}),
            "types": [dataclasses.asdict(each) for each in types],
            "sites": [dataclasses.asdict(each) for each in lines] if now_sites is not None else None,
            "took_ns": time.monotonic_ns() - begun_ns,
        }

    def restart(self) -> None:
        """The next checkpoint is the first again."""
        self._types = self._sites = None

    def trim(self) -> dict[str, Any]:
        """What comes back: sizes as they are, after `gc.collect()`, and after the heap was trimmed; the process stands still."""
        before = sizes()
        found = gc.collect()
        collected = sizes()
        trimmed = trim_heap()
        return {"before": before, "collected": collected, "trimmed": sizes() if trimmed else None, "unreachable_objects": found}

    def trace(self, frames: int = FRAMES) -> dict[str, Any]:
        """Trace allocations from now on; makes the process several times slower until `untrace`."""
        start_tracing(frames)
        self._sites = None
        return {"tracing": True}

    def untrace(self) -> dict[str, Any]:
        """End the tracing, and forget what was traced."""
        stop_tracing()
        self._sites = None
        return {"tracing": False}


def sizes() -> dict[str, Any]:
    """Resident memory, heap of the C library, and blocks of small objects that the interpreter has handed out."""
    heap = read_heap()
    return {
        "resident_bytes": process.resident_bytes(),
        "allocated_blocks": sys.getallocatedblocks(),
        "heap": heap._asdict() if heap is not None else None,
    }

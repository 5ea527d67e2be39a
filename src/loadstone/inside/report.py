"""What happened inside during a block of code: `with watching() as report:`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loadstone.inside.growth import SiteGrowth, TypeGrowth
from loadstone.inside.sites import start_tracing, stop_tracing, tracing
from loadstone.inside.watcher import Watcher

TOP = 3


@dataclass(slots=True)
class Report:
    """Filled when the block has ended.

    types:            of which there are more objects than before, most first
    sites:            lines whose allocations are still there; empty unless they were traced
    before, after:    levels as `Watcher.levels` gives them
    longest_pause_ns: of the garbage collector; None when it never ran
    longest_lag_ns:   of the running event loop; None without one
    """

    types: list[TypeGrowth] = field(default_factory=list)
    sites: list[SiteGrowth] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    longest_pause_ns: int | None = None
    longest_lag_ns: int | None = None

    @property
    def blocks_more(self) -> int:
        """Blocks of small objects that were handed out and not given back."""
        return int(self.after["allocated_blocks"] - self.before["allocated_blocks"])

    def __str__(self) -> str:
        lines = [f"allocated blocks {self.blocks_more:+,}"]
        lines += [f"  {each}" for each in (*self.types[:TOP], *self.sites[:TOP])]
        if self.longest_pause_ns is not None:
            lines.append(f"longest pause of the garbage collector {self.longest_pause_ns / 1e6:.3g} ms")
        if self.longest_lag_ns is not None:
            lines.append(f"event loop late by up to {self.longest_lag_ns / 1e6:.3g} ms")
        return "\n".join(lines)


@contextlib.contextmanager
def watching(*, trace: bool = False) -> Iterator[Report]:
    """Watch a block of code in this process. What is unreachable is collected before each of the two looks.

    trace: which lines allocate, too; makes the block several times slower
    """
    report, watcher, traced_before = Report(), Watcher(), tracing()
    with contextlib.suppress(RuntimeError):  # no loop runs here
        watcher.loop.start(asyncio.get_running_loop())
    if trace:
        start_tracing()
    gc.collect()
    watcher.checkpoint()
    gc.collect()
    report.before = watcher.levels()
    watcher.pauses.start()
    try:
        yield report
    finally:
        watcher.pauses.stop()  # the collection that follows is ours
        report.longest_pause_ns = watcher.pauses.longest_since(0)
        report.longest_lag_ns = watcher.loop.longest_since(0)
        gc.collect()
        report.after = watcher.levels()
        watcher.stop()
        found = watcher.checkpoint()
        report.types = [TypeGrowth(**each) for each in found["types"]]
        report.sites = [SiteGrowth(**each) for each in found["sites"] or ()]
        if trace and not traced_before:
            stop_tracing()

"""What `loadstone.inside` costs the process that imports it: CPU time, best of five."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.figures import Bound, Figure
from benchmarks.processes import Failed
from benchmarks.rounds import Options, attempt
from loadstone.inside.page import InsidePage
from loadstone.inside.sites import start_tracing, stop_tracing

REPEATS = 5
RECORDS = 330_000  # each a dict, a list and a tuple, of which the collector tracks two
LOOP_S = 3.0
TOKEN = "only for this process"  # noqa: S105


def measure(_: Options) -> Iterator[Figure]:
    """One round; each row is the best of five, so that neighbours on the machine weigh little."""
    page = InsidePage(TOKEN, "/_inside")
    watcher = page.watcher
    yield figure("own modules that importing it loads", "", lambda: float(modules()), most=2)
    yield figure("event-loop lag, twenty times a second, share of a core", "%", lag_share)
    before = min(cpu_s(lambda: gc.collect(0), 2000) for _ in range(3))
    watcher.start()
    yield figure("a collection more, for its pause to be timed", "µs", lambda: 1e6 * (cpu_s(lambda: gc.collect(0), 2000) - before), most=10)
    yield figure("a reading, JSON included", "µs", lambda: 1e6 * cpu_s(lambda: answer(page), 300), most=1000)
    kept = [{"a": [number], "b": (number,)} for number in range(RECORDS)]
    objects = len(gc.get_objects())
    yield figure("the same with two thirds of a million objects", "µs", lambda: 1e6 * cpu_s(lambda: answer(page), 300))
    yield figure(f"checkpoint of {objects // 1000:,} thousand objects", "ms", lambda: 1e3 * cpu_s(watcher.checkpoint, 1))
    yield figure(f"trim with {objects // 1000:,} thousand objects", "ms", lambda: 1e3 * cpu_s(watcher.trim, 1))
    del kept
    gc.collect()
    watcher.stop()
    plain = cpu_s(allocate, 5)
    for frames in (1, 4):
        start_tracing(frames)
        yield figure(f"making lists and dicts while traced with {frames} frames ÷ without", "times", lambda: cpu_s(allocate, 5) / plain)
        stop_tracing()


def figure(name: str, unit: str, read: Callable[[], float], most: float = float("inf")) -> Figure:
    """One row."""
    row = Figure(name, unit, Bound(most=most))
    row.add(attempt(read))
    return row


def cpu_s(work: Callable[[], object], times: int) -> float:
    """CPU time of one call."""
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - begun) / times)
    return best


def answer(page: InsidePage) -> object:
    """One reading, as the middleware answers it."""
    return page.answer("GET", "/_inside", f"Bearer {TOKEN}".encode(), "since_ns=5")


def allocate() -> int:
    """Sixty thousand objects and as many texts and numbers."""
    return len([{"id": number, "text": f"text {number}", "parts": [number, number + 1]} for number in range(20_000)])


def modules() -> int:
    """Modules of ours in a fresh interpreter."""
    code = "import loadstone.inside, sys; print(sum(name.startswith('loadstone') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr[-200:])
    return int(done.stdout)


def lag_share() -> float:
    """CPU of an idle loop with the timer less that without, in percent of the time."""

    async def idle(*, watched: bool) -> float:
        page = InsidePage(TOKEN, "/_inside")
        if watched:
            page.watcher.loop.start(asyncio.get_running_loop())
        begun = time.process_time()
        await asyncio.sleep(LOOP_S)
        page.watcher.stop()
        return time.process_time() - begun

    return 100 * (asyncio.run(idle(watched=True)) - asyncio.run(idle(watched=False))) / LOOP_S

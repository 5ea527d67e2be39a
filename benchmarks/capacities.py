"""Capacity of servers whose capacity is known: is the truth inside the interval, how wide is that, how long did it take."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.figures import Bound, Figure
from benchmarks.ours import Result, loadstone
from benchmarks.processes import Failed, free_port, server
from benchmarks.rounds import Options, attempt
from loadstone.reference.process import ReferenceProcess

OBJECTIVES = ("--slo", "p95(http.response_time) < 200ms", "--slo", "rate(http.errors) < 1%")
HALF_WIDTH = Bound(most=10.0)
SECONDS = Bound(most=180.0)
MOST_ROUNDS = 3  # a search takes minutes


def measure(options: Options) -> Iterator[Figure]:
    """Servers that take exactly so many a second, and one behind uvicorn."""
    servers: list[tuple[str, float, Callable[[], AbstractContextManager[str]]]] = [
        ("reference backend, 100/s", 100.0, lambda: _reference(100)),
        ("reference backend, 1,000/s", 1000.0, lambda: _reference(1000)),
        ("uvicorn, two seats of 20 ms", 100.0, _seats),
    ]
    for name, truth, serve in servers:
        inside = Figure(f"{name}: truth inside the interval (1 is yes)", "", Bound(least=1.0))
        middle = Figure(f"{name}: middle of the interval", "/s")
        width = Figure(f"{name}: half width of the interval", "%", HALF_WIDTH)
        lasts = Figure(f"{name}: time for the whole search", "s", SECONDS)
        for number in range(min(options.rounds, MOST_ROUNDS)):
            began_s = time.monotonic()
            found = attempt(lambda serve=serve, number=number: _search(serve, number + 1))  # type: ignore[misc]
            lasts.add(found.map(lambda _, began_s=began_s: time.monotonic() - began_s))  # type: ignore[misc]
            inside.add(found.map(lambda result: float(result.number("low") <= truth <= result.number("high"))))  # noqa: B023
            middle.add(found.map(lambda result: result.number("capacity")))
            width.add(found.map(_half_width))
        yield from (inside, middle, width, lasts)


def _search(serve: Callable[[], AbstractContextManager[str]], seed: int) -> Result:
    with serve() as url:
        result = loadstone(["capacity", url, *OBJECTIVES, "--seed", str(seed), "--max-time", "3m"], seconds=180)
    if result.document["outcome"] != "found":
        raise Failed(f"the search ended with {result.document['outcome']!r}: {result.document['remarks']}")
    return result


def _half_width(result: Result) -> float:
    return (math.sqrt(result.number("high") / result.number("low")) - 1.0) * 100.0


@contextlib.contextmanager
def _reference(rate_per_s: int) -> Iterator[str]:
    with ReferenceProcess("--capacity", f"{rate_per_s}/s") as backend:
        yield f"{backend.url.rstrip('/')}/api/items"


@contextlib.contextmanager
def _seats() -> Iterator[str]:
    port = free_port()
    with server([sys.executable, str(Path(__file__).parent / "servers" / "semaphore.py"), str(port)], port):
        yield f"http://127.0.0.1:{port}/"

"""Capacity of servers whose capacity is known: is the truth inside the interval, how wide is that, how long did it take."""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Bound, Figure
from benchmarks.ours import Result, loadstone
from benchmarks.processes import Failed, free_port, server
from benchmarks.rounds import Options, attempt
from loadstone.reference.process import ReferenceProcess

OBJECTIVES = ("--slo", "p95(http.response_time) < 200ms", "--slo", "rate(http.errors) < 1%")
BY_CONNECTIONS = ("--by", "connections", "--no-step-down")
HALF_WIDTH = Bound(most=10.0)
SECONDS = Bound(most=180.0)
MOST_ROUNDS = 3  # a search takes minutes
PICKY = str(Path(__file__).parent / "servers" / "picky.py")
CONTENTION, COHERENCY, FORESEEN = 0.05, 0.0005, 1.5  # times the most that was measured
LAW = ("--by", "users", "--slo", "p95(http.response_time) < 60ms", "--max", "24", "--no-step-down")
Serve = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True)
class Case:
    """A server, what it bears, and how it is asked."""

    name: str
    truth: float
    serve: Serve
    words: Sequence[str] = OBJECTIVES
    unit: str = "/s"


def cases() -> list[Case]:
    """Servers that bear exactly so much."""
    return [
        Case("reference backend, 100/s", 100.0, lambda: _reference(100)),
        Case("reference backend, 1,000/s", 1000.0, lambda: _reference(1000)),
        Case("uvicorn, two seats of 20 ms", 100.0, _seats),
        Case("nginx, limit_req 100/s", 100.0, _nginx),
        Case("reference backend, 200 WebSockets", 200.0, _sockets, BY_CONNECTIONS, " connections"),
        Case("asyncio, 150 connections", 150.0, lambda: _picky("connections=150"), BY_CONNECTIONS, " connections"),
    ]


def measure(options: Options) -> Iterator[Figure]:
    """Each server several times, and a law beyond what was measured."""
    rounds = range(min(options.rounds, MOST_ROUNDS))
    for case in cases():
        inside = Figure(f"{case.name}: truth inside the interval (1 is yes)", "", Bound(least=1.0))
        middle = Figure(f"{case.name}: middle of the interval", case.unit)
        width = Figure(f"{case.name}: half width of the interval", "%", HALF_WIDTH)
        lasts = Figure(f"{case.name}: time for the whole search", "s", SECONDS)
        for number in rounds:
            began_s = time.monotonic()
            found = attempt(lambda case=case, number=number: _search(case, number + 1))  # type: ignore[misc]
            lasts.add(found.map(lambda _, began_s=began_s: time.monotonic() - began_s))  # type: ignore[misc]
            inside.add(found.map(lambda result, case=case: float(result.number("low") <= case.truth <= result.number("high"))))  # type: ignore[misc]
            middle.add(found.map(lambda result: result.number("capacity")))
            width.add(found.map(_half_width))
        yield from (inside, middle, width, lasts)
    foretold = Figure(f"scalability law: measured ÷ foretold at {FORESEEN:g} times the most that was measured", "", Bound(0.9, 1.1))
    for number in rounds:
        foretold.add(attempt(lambda number=number: _beyond(number + 1)))  # type: ignore[misc]
    yield foretold


def _search(case: Case, seed: int) -> Result:
    with case.serve() as url:
        result = loadstone(["capacity", url, *case.words, "--seed", str(seed), "--max-time", "3m"], seconds=180)
    if result.document["outcome"] != "found":
        raise Failed(f"the search ended with {result.document['outcome']!r}: {result.document['remarks']}")
    return result


def _half_width(result: Result) -> float:
    return (math.sqrt(result.number("high") / result.number("low")) - 1.0) * 100.0


def _beyond(seed: int) -> float:
    """A search that ends at 24 users, what its law says of 36, and what 36 users get."""
    with _picky(f"contention={CONTENTION}", f"coherency={COHERENCY}") as url:
        result = loadstone(["capacity", url, *LAW, "--seed", str(seed), "--max-time", "90s"], seconds=90)
        rate, contention, coherency, most = (
            result.number(f"law.{name}") for name in ("rate", "contention", "coherency", "concurrency_high")
        )
        users = round(FORESEEN * most)
        law = rate * users / (1.0 + contention * (users - 1) + coherency * users * (users - 1))
        return loadstone(["hit", url, "--users", str(users), "--duration", "5s"], seconds=5).number("load.achieved_rate") / law


@contextlib.contextmanager
def _reference(rate_per_s: int) -> Iterator[str]:
    with ReferenceProcess("--capacity", f"{rate_per_s}/s") as backend:
        yield f"{backend.url.rstrip('/')}/api/items"


@contextlib.contextmanager
def _sockets() -> Iterator[str]:
    with ReferenceProcess("--socket", "limit=200") as backend:
        yield f"{backend.url.rstrip('/').replace('http', 'ws', 1)}/ws/echo"


@contextlib.contextmanager
def _seats() -> Iterator[str]:
    port = free_port()
    with server([sys.executable, str(Path(__file__).parent / "servers" / "semaphore.py"), str(port)], port):
        yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def _picky(*limits: str) -> Iterator[str]:
    port = free_port()
    with server([sys.executable, PICKY, str(port), *limits], port):
        yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def _nginx() -> Iterator[str]:
    """It lets 100/s through, makes half a second's worth wait, and refuses the rest."""
    program, port = shutil.which("nginx"), free_port()
    if program is None:
        raise Failed("nginx is not installed")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ok").write_text("ok\n")
        bodies = " ".join(f"{kind}_temp_path {folder}/bodies;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        Path(folder, "nginx.conf").write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;\n"
            f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; {bodies}\n"
            "limit_req_zone $server_name zone=all:1m rate=100r/s;\n"
            f"server {{ listen 127.0.0.1:{port}; server_name all; limit_req zone=all burst=50; root {folder}; }} }}\n"
        )
        with server([program, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"], port):
            yield f"http://127.0.0.1:{port}/ok"

"""CPU per request of the usual exchange, compiled and in Python, in one process and in short slices that take turns.

What else the machine does meets both alike, so the ratio can be trusted where a rate of requests cannot.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator

import uvloop

from benchmarks.figures import Figure
from benchmarks.processes import Failed, run
from benchmarks.rounds import Options, Outcome, attempt
from benchmarks.servers import nginx
from loadstone.clients.compiled import COMPILED, PYTHON, twins
from loadstone.clients.connection import Connection
from loadstone.clients.http import HttpClient
from loadstone.clients.http_scope import HttpOptions, HttpScope
from loadstone.clients.wire import Wire
from loadstone.measure.recorder import Recorder
from loadstone.testing.talk import Talk

USERS = 64
SLICE_S = 0.12
BEFORE_A_LOOK = 20  # requests

Cost = tuple[float, float]  # µs of CPU per request: outside the kernel, inside


def measure(options: Options) -> Iterator[Figure]:
    """Median over pairs of slices, as many as fit into a run of each round."""
    python = Figure("CPU per request, Python way", "µs")
    compiled = Figure("CPU per request, compiled", "µs")
    outside = Figure("of it outside the kernel: compiled ÷ Python way", "")
    saved = Figure("CPU per request: Python way ÷ compiled", "")
    with nginx() as url:
        for _ in range(options.rounds):
            pairs = attempt(lambda: _pairs(url, options.seconds))
            for before, after in pairs.value or []:
                python.add(Outcome(sum(before)))
                compiled.add(Outcome(sum(after)))
                outside.add(Outcome(after[0] / max(before[0], 1e-9)))
                saved.add(Outcome(sum(before) / sum(after)))
    yield from (python, compiled, outside, saved)


def _pairs(url: str, seconds: float) -> list[tuple[Cost, Cost]]:
    done = run([sys.executable, "-m", "benchmarks.both_ways", url, str(max(1, round(seconds / SLICE_S / 2)))])
    if done.code:
        raise Failed(f"both_ways: {done.stderr.strip()[-300:]}")
    pairs: list[tuple[Cost, Cost]] = json.loads(done.stdout)
    return pairs


async def _take_turns(url: str, count: int) -> list[dict[str, Cost]]:
    wire = Wire(asyncio.get_running_loop())
    scope = HttpScope(wire, Recorder(), "both_ways", HttpOptions(target=url))
    place = Talk()
    clients = [HttpClient(scope, place) for _ in range(USERS)]
    await _slice(wire, clients, PYTHON)  # connects
    found = [{way: await _slice(wire, clients, way) for way in (PYTHON, COMPILED)} for _ in range(count)]
    for client in clients:
        client.close()
    wire.close()
    return found


async def _slice(wire: Wire, clients: list[HttpClient], way: str) -> Cost:
    _go(wire, way)
    before, until = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() + SLICE_S
    requests = sum(await asyncio.gather(*(_user(client, until) for client in clients)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime - before.ru_utime) / requests * 1e6, (after.ru_stime - before.ru_stime) / requests * 1e6


def _go(wire: Wire, way: str) -> None:
    """Take the other way, with the connections that are open already."""
    twins.use(way)
    for fd, handler in wire.handlers.items():
        owner = getattr(handler, "__self__", None)
        if isinstance(owner, Connection):
            wire.handlers[fd] = owner._on_events  # noqa: SLF001  as the connection itself does
    wire.listen()


async def _user(client: HttpClient, until: float) -> int:
    requests = 0
    while time.monotonic() < until:
        for _ in range(BEFORE_A_LOOK):
            await client.get("/")
        requests += BEFORE_A_LOOK
    return requests


if __name__ == "__main__":
    if COMPILED not in twins.ways:
        sys.exit(twins.why)
    print(json.dumps([(each[PYTHON], each[COMPILED]) for each in uvloop.run(_take_turns(sys.argv[1], int(sys.argv[2])))]))

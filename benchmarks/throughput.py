"""Requests per second of `loadstone hit` on one core, beside wrk with one thread and hey with one CPU, against nginx on another core."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import ours, peers
from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, attempt, ratio
from benchmarks.servers import nginx

CONNECTIONS = 64


def measure(options: Options) -> Iterator[Figure]:
    """Each round runs every tool once, one after another, so that all meet the same machine."""
    against_wrk = Figure("requests/s of loadstone hit ÷ wrk -t1", "", Bound(least=0.55, aim=0.70))
    against_hey = Figure("requests/s of loadstone hit ÷ hey -cpus 1", "", Bound(least=2))
    cpu = {name: Figure(f"CPU per request: {name}", "µs") for name in ("loadstone hit", "wrk", "hey")}
    with nginx() as url:
        for _ in range(options.rounds):
            mine = attempt(lambda: ours.hit(url, "-c", str(CONNECTIONS), seconds=options.seconds))
            wrk = attempt(lambda: peers.wrk(url, connections=CONNECTIONS, seconds=options.seconds))
            hey = attempt(lambda: peers.hey(url, connections=CONNECTIONS, seconds=options.seconds))
            against_wrk.add(ratio(mine, wrk, lambda own: own.requests_per_s, lambda peer: peer.per_s))
            against_hey.add(ratio(mine, hey, lambda own: own.requests_per_s, lambda peer: peer.per_s))
            cpu["loadstone hit"].add(mine.map(lambda own: own.cpu_us))
            cpu["wrk"].add(wrk.map(lambda peer: peer.cpu_us))
            cpu["hey"].add(hey.map(lambda peer: peer.cpu_us))
    yield against_wrk
    yield against_hey
    yield from cpu.values()

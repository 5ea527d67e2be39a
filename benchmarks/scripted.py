"""Requests per second of a user written in Python, one GET per task, beside Locust's FastHttpUser in one process."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import ours, peers
from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, attempt, ratio
from benchmarks.servers import nginx

USERS = 64


def measure(options: Options) -> Iterator[Figure]:
    """Ratio per round, CPU of each tool beside it."""
    against_locust = Figure("requests/s of a scripted user ÷ Locust FastHttpUser", "", Bound(least=10))
    own_cpu = Figure("CPU per request: loadstone run", "µs")
    locust_cpu = Figure("CPU per request: Locust FastHttpUser", "µs")
    with nginx() as url:
        for _ in range(options.rounds):
            mine = attempt(lambda: ours.run_suite("one_get", url, users=USERS, seconds=options.seconds))
            locust = attempt(lambda: peers.locust(url.rstrip("/"), users=USERS, seconds=max(options.seconds, 4)))
            against_locust.add(ratio(mine, locust, lambda own: own.requests_per_s, lambda peer: peer.per_s))
            own_cpu.add(mine.map(lambda own: own.cpu_us))
            locust_cpu.add(locust.map(lambda peer: peer.cpu_us))
    yield against_locust
    yield own_cpu
    yield locust_cpu

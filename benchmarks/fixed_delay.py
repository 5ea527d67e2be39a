"""Service time against a server whose true delay is known, with the generator idle and with its core saturated by the user's own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from benchmarks import ours, peers
from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, Outcome, attempt
from benchmarks.servers import delay

T = TypeVar("T")

DELAY_MS = 20.0
CONNECTIONS = 400
WITHIN_5_PERCENT = Bound(least=DELAY_MS * 0.95, most=DELAY_MS * 1.05)

SERVICE_P50 = "metrics/http.service_time/p50"


def measure(options: Options) -> Iterator[Figure]:
    """The truth is 20 ms; how late the server itself was is measured by the server and shown beside it."""
    quiet = Figure("service time p50, 400 connections, 20 ms server, 2,000/s", "ms", WITHIN_5_PERCENT)
    saturated = Figure("service time p50, the same, generator's core saturated", "ms", WITHIN_5_PERCENT)
    quiet_share = Figure("generator's share p99, 2,000/s", "ms")
    share = Figure("generator's share p99, saturated (reported apart)", "ms")
    late = Figure("how late the server's own answers were, p50, saturated", "ms")
    locust = Figure("the same server by Locust FastHttpUser, p50", "ms")
    wrk = Figure("the same server by wrk, p50", "ms")
    for _ in range(options.rounds):
        mine, _ = against_delay(lambda url: ours.run_suite("quiet_user", url, users=CONNECTIONS, seconds=options.seconds))
        quiet.add(mine.map(lambda run: run.number(SERVICE_P50)))
        quiet_share.add(mine.map(lambda run: run.number("generator.share_p99_ms")))
        mine, server_late = against_delay(lambda url: ours.run_suite("busy_user", url, users=CONNECTIONS, seconds=options.seconds))
        saturated.add(mine.map(lambda run: run.number(SERVICE_P50)))
        share.add(mine.map(lambda run: run.number("generator.share_p99_ms")))
        late.add(server_late)
        peer, _ = against_delay(lambda url: peers.locust(url.rstrip("/"), users=CONNECTIONS, seconds=max(options.seconds, 4)))
        locust.add(peer.map(lambda run: run.p50_ms or 0.0))
        peer, _ = against_delay(lambda url: peers.wrk(url, connections=CONNECTIONS, seconds=options.seconds))
        wrk.add(peer.map(lambda run: run.p50_ms or 0.0))
    yield from (quiet, quiet_share, saturated, share, late, locust, wrk)


def against_delay(work: Callable[[str], T]) -> tuple[Outcome[T], Outcome[float]]:
    """Do the work against a fresh server; gives its outcome and the server's own lateness."""
    seen = []

    def once() -> T:
        with delay(DELAY_MS) as here:
            seen.append(here)
            return work(here.url)

    outcome = attempt(once)
    late_ms = seen[0].late_p50_ms if seen else None
    return outcome, Outcome(late_ms, "the server did not say" if late_ms is None else "")

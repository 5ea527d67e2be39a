"""How exactly an open load keeps its times: lag of Poisson arrivals, and the achieved share of a constant rate."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import ours
from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, attempt
from benchmarks.servers import nginx

POISSON_RATE_PER_S = 2000
CONSTANT_RATE_PER_S = 5000


def measure(options: Options) -> Iterator[Figure]:
    """The server, nginx, has the second core to itself."""
    lag = Figure("send lag p99, Poisson 2,000/s", "ms", Bound(most=0.3))
    achieved = Figure("achieved ÷ asked rate at 5,000/s", "", Bound(least=0.995, most=1.005))
    with nginx() as url:
        for _ in range(options.rounds):
            poisson = attempt(lambda: ours.hit(url, "-r", str(POISSON_RATE_PER_S), "--poisson", seconds=options.seconds))
            lag.add(poisson.map(lambda run: run.number("generator.send_lag_p99_ms")))
            constant = attempt(lambda: ours.hit(url, "-r", str(CONSTANT_RATE_PER_S), seconds=options.seconds))
            achieved.add(constant.map(lambda run: run.number("load.achieved_rate") / CONSTANT_RATE_PER_S))
    yield lag
    yield achieved

"""A bounded pool of connections, such as one to a database: taken, waited for, given back, and lost."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from random import Random
from typing import Any

from loadstone.reference.delays import Delay, parse_delay
from loadstone.reference.shares import ExactShare
from loadstone.reference.stations import Passage, Stalls
from loadstone.reference.switch_values import delay, duration, read_values, share, shown, whole

POOL_EXHAUSTED = "pool_exhausted"


@dataclass(frozen=True, slots=True)
class PoolFaults:
    """The pool that is asked for.

    pool:      connections; None is no pool
    pool_hold: how long a request holds one
    pool_wait: s after which a waiting request gives up
    pool_lose: exact share of taken connections that are never given back
    """

    pool: int | None = None
    pool_hold: Delay = field(default_factory=lambda: parse_delay("20ms"))
    pool_wait: float = 1.0
    pool_lose: Fraction = Fraction(0)

    def as_json(self) -> dict[str, Any]:
        """The form that reads back to the same pool."""
        return {known.name: shown(getattr(self, known.name)) for known in fields(self)}


def read_pool_faults(asked: Mapping[str, Any], where: str) -> PoolFaults:
    """The pool that a mapping asks for. Raises UsageError."""
    return PoolFaults(**read_values(asked, _READ, _DEFAULT, where))


@dataclass(slots=True)
class Pooled:
    """What has happened at the pool.

    waited:  requests that waited and then got a connection; `waited_s` is the sum
    refused: requests that gave up
    lost:    connections that were never given back
    """

    served: int = 0
    waited: int = 0
    waited_s: float = 0.0
    refused: int = 0
    lost: int = 0
    in_use_most: int = 0


class ConnectionPool:
    """First come, first served: a request gets the connection that is free first, or gives up when that is too late."""

    def __init__(self, asked: PoolFaults, size: int, seed: int, stalls: Stalls) -> None:
        self.size, self.pooled = size, Pooled()
        self._hold, self._wait_s, self._stalls = asked.pool_hold, asked.pool_wait, stalls
        self._holds = Random(f"pool {seed}")
        self._lost = ExactShare(*asked.pool_lose.as_integer_ratio(), rng=Random(f"lost connections {seed}"))
        self._free_at = [float("-inf")] * size
        self._waiting_until: list[float] = []

    def serve(self, arrival: float) -> Passage:
        """See Station."""
        pooled = self.pooled
        start = max(arrival, self._free_at[0])
        if start - arrival > self._wait_s:
            pooled.refused += 1
            self._wait(arrival, arrival + self._wait_s)
            return Passage(arrival + self._wait_s, POOL_EXHAUSTED)
        if start > arrival:
            self._wait(arrival, start)
            pooled.waited += 1
            pooled.waited_s += start - arrival
        work = self._hold.draw(self._holds)
        end = self._stalls.worked(start, work)
        lost = self._lost.pick()
        heapq.heapreplace(self._free_at, float("inf") if lost else end)
        pooled.served += 1
        pooled.lost += lost
        if pooled.in_use_most < self.size:  # counting a large pool for each request is dear, and a full one cannot be fuller
            pooled.in_use_most = max(pooled.in_use_most, self.in_use(arrival))
        return Passage(end, held=end > start + work)

    def in_use(self, now: float) -> int:
        """Connections that are taken at that instant, lost ones too."""
        return sum(free_at > now for free_at in self._free_at)

    def waiting(self, now: float) -> int:
        """Requests that wait for a connection at that instant."""
        while self._waiting_until and self._waiting_until[0] <= now:
            heapq.heappop(self._waiting_until)
        return len(self._waiting_until)

    def as_json(self, now: float) -> dict[str, Any]:
        """How full it is, and what has happened."""
        return {"size": self.size, "in_use": self.in_use(now), "waiting": self.waiting(now), **asdict(self.pooled)}

    def _wait(self, arrival: float, until: float) -> None:
        self.waiting(arrival)  # nobody may ask for a long time; what is over must not pile up
        heapq.heappush(self._waiting_until, until)


_DEFAULT = PoolFaults()
_READ: dict[str, Callable[[Any, str], Any]] = {
    "pool": whole(1, 10_000),
    "pool_hold": delay,
    "pool_wait": duration,
    "pool_lose": share,
}
POOL_KEYS = tuple(_READ)

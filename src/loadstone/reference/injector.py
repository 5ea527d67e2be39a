"""Deciding each request's fault at its arrival: pure arithmetic on the arrival's instant, so its truth can be recomputed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from loadstone.reference.faults import Faults
from loadstone.reference.instances import Instances
from loadstone.reference.memory_faults import Memory
from loadstone.reference.pool import POOL_EXHAUSTED, ConnectionPool
from loadstone.reference.shares import ExactShare
from loadstone.reference.stations import SingleServer, Stalls


class Admission(NamedTuple):
    """What happens to one request: it is answered from `deadline` on, with `status` if that is not None, and says `why`."""

    deadline: float
    status: int | None
    why: str = ""


@dataclass(slots=True)
class Injected:
    """What the faults have done since the process started."""

    requests: int = 0  # that the faults applied to, whatever became of them
    errors: int = 0
    rejected: int = 0  # 503 because the queue was full
    delayed: int = 0
    delay_s: float = 0.0  # sum of the waiting added, all causes
    stalled: int = 0  # whose answer a stall held back
    pool_exhausted: int = 0  # 503 because no connection came free in time
    drift_s: float = 0.0  # what the last request had to wait longer


class Injector:
    """The faults in force and the state of their queues; replacing the faults starts the sequences anew."""

    def __init__(self, faults: Faults, now: float) -> None:
        self.injected = Injected()
        self.memory = Memory()
        self.replace(faults, now)

    def replace(self, faults: Faults, now: float) -> None:
        """Put other faults in force; stalls and drift count from now. What has leaked stays leaked.

        raises: UsageError, and changes nothing, when this system cannot do one of them
        """
        self.memory.use(faults.memory, now)
        self.faults = faults
        self.since = now
        self._delays = Random(f"delays {faults.seed}")
        self._share = ExactShare(*faults.error_rate.as_integer_ratio(), rng=Random(f"errors {faults.seed}"))
        self._stalls = Stalls([(now + stall.at_s, now + stall.at_s + stall.for_s) for stall in faults.stalls])
        pool, limits = faults.pool.pool, faults.scaling.instances
        self.pool = ConnectionPool(faults.pool, pool, faults.seed, self._stalls) if pool else None
        self.instances = Instances(faults.scaling, limits, now, self._stalls) if limits else None
        rate = faults.capacity_per_s
        server = SingleServer(rate, faults.queue, now, self._stalls) if rate is not None else None
        self._stations = [station for station in (server, self.pool, self.instances) if station is not None]
        self._any = faults.any

    def clear(self, now: float) -> None:
        """No faults from now on, and what has leaked is given back."""
        self.replace(Faults(), now)
        self.memory.give_back()

    def pass_time(self, now: float) -> None:
        """So late it is: what happens without requests happens."""
        self.memory.pass_time(now)
        if self.instances:
            self.instances.pass_time(now)

    def admit(self, path: str, arrival: float) -> Admission | None:
        """The fate of a request that arrived at that instant of the monotonic clock; None when no fault applies."""
        if not self._any or not self.faults.touches(path):
            return None
        faults, injected = self.faults, self.injected
        injected.requests += 1
        self.memory.request(arrival)
        finished, held = arrival, False
        for station in self._stations:
            finished, refused, stood = station.serve(finished)
            if refused:
                return self._refuse(arrival, finished, refused)
            held = held or stood
        if faults.latency is not None:
            finished += faults.latency.draw(self._delays)
        if faults.drift:
            drifted = faults.drift.ratio * (arrival - self.since)
            finished += drifted
            injected.drift_s = drifted
        deadline = self._stalls.after(finished)
        self._count_delay(deadline - arrival, stalled=held or deadline > finished)
        failed = self._share.pick()
        injected.errors += failed
        return Admission(deadline, faults.error_status if failed else None)

    def _refuse(self, arrival: float, at: float, why: str) -> Admission:
        at = self._stalls.after(at) if at > arrival else at
        self._count_delay(at - arrival, stalled=False)
        if why == POOL_EXHAUSTED:
            self.injected.pool_exhausted += 1
        else:
            self.injected.rejected += 1
        return Admission(at, 503, why)

    def _count_delay(self, delay_s: float, *, stalled: bool) -> None:
        if delay_s > 0:
            self.injected.delayed += 1
            self.injected.delay_s += delay_s
            self.injected.stalled += stalled

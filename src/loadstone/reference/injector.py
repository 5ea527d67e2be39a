"""Deciding each request's fault at its arrival: pure arithmetic on the arrival's instant, so its truth can be recomputed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from loadstone.reference.faults import Faults


class Admission(NamedTuple):
    """What happens to one request: it is answered from `deadline` on, with `status` if that is not None."""

    deadline: float
    status: int | None


@dataclass(slots=True)
class Injected:
    """What the faults have done since the process started."""

    requests: int = 0  # that the faults applied to, whatever became of them
    errors: int = 0
    rejected: int = 0  # 503 because the queue was full
    delayed: int = 0
    delay_s: float = 0.0  # sum of the waiting added, all causes
    stalled: int = 0  # whose answer a stall held back
    leaked_bytes: int = 0  # still held
    leaked_requests: int = 0


@dataclass(slots=True)
class ExactShare:
    """Picks requests so that after n of them the number picked is floor(n * share), plus or minus one.

    One pick per stratum of 1/share requests at a seeded position: even spacing would always hit the same step of a
    load that repeats with the same period. Whole numbers throughout, so a million requests are as exact as ten.
    """

    numerator: int
    denominator: int
    rng: Random
    seen: int = 0
    picked: int = 0
    _due: int = 0
    _next: int = field(default=-1)

    def pick(self) -> bool:
        """Is the next request one of the share?"""
        if self.numerator == 0:
            return False
        if self._next < 0:
            self._next = self.rng.randrange(self.denominator)
        self.seen += 1
        while self._next < self.seen * self.numerator:
            self._due += 1
            self._next = self._due * self.denominator + self.rng.randrange(self.denominator)
        if self.picked < self._due:
            self.picked += 1
            return True
        return False


class Injector:
    """The faults in force and the state of their queue; replacing the faults starts the sequences anew."""

    def __init__(self, faults: Faults, now: float) -> None:
        self.injected = Injected()
        self._leaked: list[bytes] = []
        self.replace(faults, now)

    def replace(self, faults: Faults, now: float) -> None:
        """Put other faults in force; stalls count from now. What has leaked stays leaked."""
        self.faults = faults
        self.since = now
        self._delays = Random(f"delays {faults.seed}")
        self._share = ExactShare(*faults.error_rate.as_integer_ratio(), rng=Random(f"errors {faults.seed}"))
        self._stalls = [(now + stall.at_s, now + stall.at_s + stall.for_s) for stall in faults.stalls]
        self._free_at = now
        self._any = faults.any

    def clear(self, now: float) -> None:
        """No faults from now on, and what has leaked is given back."""
        self.replace(Faults(), now)
        self._leaked.clear()
        self.injected.leaked_bytes = self.injected.leaked_requests = 0

    def admit(self, path: str, arrival: float) -> Admission | None:
        """The fate of a request that arrived at that instant of the monotonic clock; None when no fault applies."""
        if not self._any or not self.faults.touches(path):
            return None
        faults, injected = self.faults, self.injected
        injected.requests += 1
        if faults.leak_bytes:
            # Repeating a byte writes every page, so resident memory really grows; zeros would only be promised.
            self._leaked.append(b"\xa5" * faults.leak_bytes)
            injected.leaked_bytes += faults.leak_bytes
            injected.leaked_requests += 1
        finished, held = arrival, False
        if faults.capacity_per_s is not None:
            waiting = (self._free_at - arrival) * faults.capacity_per_s
            if waiting > faults.queue + 1 - 1e-6:  # the one being served does not wait
                injected.rejected += 1
                return Admission(arrival, 503)
            start, work = max(arrival, self._free_at), 1 / faults.capacity_per_s
            self._free_at = finished = self._worked(start, work)
            held = finished > start + work
        if faults.latency is not None:
            finished += faults.latency.draw(self._delays)
        deadline = self._after_stall(finished)
        if deadline > arrival:
            injected.delayed += 1
            injected.delay_s += deadline - arrival
            injected.stalled += held or deadline > finished
        failed = self._share.pick()
        injected.errors += failed
        return Admission(deadline, faults.error_status if failed else None)

    def _worked(self, start: float, duration: float) -> float:
        """When work that starts then is done; the server stands still in a stall."""
        for begin, end in self._stalls:
            if begin <= start < end:
                start = end
            elif start < begin < start + duration:
                duration += end - begin
        return start + duration

    def _after_stall(self, instant: float) -> float:
        for begin, end in self._stalls:
            if begin <= instant < end:
                return end
        return instant

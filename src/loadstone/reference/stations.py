"""Where requests queue: decided at the arrival, by arithmetic alone, so its truth can be recomputed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

QUEUE_FULL = "queue_full"


class Passage(NamedTuple):
    """When a request leaves a station.

    refused: why it was not served; empty when it was
    held:    whether a stall held it back
    """

    at: float
    refused: str = ""
    held: bool = False


class Station(Protocol):
    """A place that each request passes."""

    def serve(self, arrival: float) -> Passage:
        """Decide on a request that comes at that instant."""


class Stalls:
    """Stretches of time in which nothing moves."""

    def __init__(self, stretches: Sequence[tuple[float, float]] = ()) -> None:
        self._stretches = stretches

    def worked(self, start: float, duration: float) -> float:
        """When work that starts then is done; the server stands still in a stall."""
        for begin, end in self._stretches:
            if begin <= start < end:
                start = end
            elif start < begin < start + duration:
                duration += end - begin
        return start + duration

    def after(self, instant: float) -> float:
        """That instant, or the end of the stall it lies in."""
        for begin, end in self._stretches:
            if begin <= instant < end:
                return end
        return instant


class SingleServer:
    """One server that takes exactly 1/rate for each request; `queue` requests may wait, the next is refused at once."""

    def __init__(self, rate_per_s: float, queue: int, start: float, stalls: Stalls) -> None:
        self._rate_per_s, self._queue, self._stalls = rate_per_s, queue, stalls
        self._free_at = start

    def serve(self, arrival: float) -> Passage:
        """See Station."""
        waiting = (self._free_at - arrival) * self._rate_per_s
        if waiting > self._queue + 1 - 1e-6:  # the one being served does not wait
            return Passage(arrival, QUEUE_FULL)
        start, work = max(arrival, self._free_at), 1 / self._rate_per_s
        self._free_at = self._stalls.worked(start, work)
        return Passage(self._free_at, held=self._free_at > start + work)

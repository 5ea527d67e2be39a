"""Calling back at absolute instants: one timer of the kernel for all calls, and no task, future or handle per frame."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from loadstone.reference.timer import Timer


class Beat:
    """One appointment; `cancel` forgets it."""

    __slots__ = ("act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act

    def cancel(self) -> None:
        """It will not be called."""
        self.act = None


class Metronome:
    """Keeps appointments in the order of their instants, as exactly as the timer under it wakes (0.1 ms with a kernel timer)."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self.now = timer.now
        self._heap: list[tuple[float, int, Beat]] = []
        self._order = count()
        self._waiting: asyncio.Task[None] | None = None
        self._awake_at = float("inf")

    def at(self, instant: float, act: Callable[[], None]) -> Beat:
        """Call `act` at that instant of the timer's clock, never earlier; soon when it has passed."""
        beat = Beat(act)
        heapq.heappush(self._heap, (instant, next(self._order), beat))
        if instant < self._awake_at:
            self._wake(instant)
        return beat

    def _wake(self, instant: float) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._awake_at = instant
        self._waiting = asyncio.ensure_future(self._beat())

    async def _beat(self) -> None:
        heap, timer = self._heap, self._timer
        while heap:
            self._awake_at = heap[0][0]
            await timer.until(self._awake_at)
            # Until all that is due is done, a new appointment needs no new waker.
            self._awake_at = float("-inf")
            while heap and heap[0][0] <= timer.now():
                act = heapq.heappop(heap)[2].act
                if act is not None:
                    _done(act)
        self._awake_at = float("inf")
        self._waiting = None


def _done(act: Callable[[], None]) -> None:
    """One call's mistake must not stop the clock of all others."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
        asyncio.get_running_loop().call_exception_handler({"message": "an appointment of the metronome failed", "exception": error})

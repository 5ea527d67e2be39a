"""An event loop from within: how late its timers are, and how many tasks it has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from loadstone.inside.ring import Ring

EVERY_S = 0.05


class LoopLag:
    """A timer that is due twenty times a second; how late it runs is how long everything else on the loop waits."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock, self._ring = clock, Ring()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_ns = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch this loop from now on; called from within it. Another one that was watched is let go."""
        if self._loop is not loop:
            self.stop()
            self._loop = loop
            self._next()

    def stop(self) -> None:
        """Leave the loop alone."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = None

    @property
    def tasks(self) -> int | None:
        """Tasks that have not ended; None without a loop. Takes time in proportion to their number."""
        return None if self._loop is None or self._loop.is_closed() else len(asyncio.all_tasks(self._loop))

    def longest_since(self, since_ns: int) -> int | None:
        """By how many ns the latest timer since the moment was late, one that is overdue right now included; None without a loop."""
        if self._loop is None or self._loop.is_closed():
            return None
        longest, overdue_ns = self._ring.longest_since(since_ns), self._clock() - self._due_ns
        return max(longest or 0, overdue_ns) if overdue_ns > 0 else longest

    def _next(self) -> None:
        assert self._loop is not None
        self._due_ns = self._clock() + round(EVERY_S * 1e9)
        self._timer = self._loop.call_later(EVERY_S, self._ran)

    def _ran(self) -> None:
        now_ns = self._clock()
        # Loops round their timers to about a millisecond, uvloop also downwards: early is in time.
        self._ring.add(now_ns, max(0, now_ns - self._due_ns))
        self._next()

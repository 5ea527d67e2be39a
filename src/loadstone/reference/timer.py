"""Waking up at an absolute instant, to about a tenth of a millisecond where the kernel offers a timer file."""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import os
import sys
import time
from itertools import count
from typing import Protocol

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE = 1


class Timer(Protocol):
    """A clock that can be waited for."""

    def now(self) -> float:
        """Seconds of the monotonic clock."""

    async def until(self, deadline: float) -> None:
        """Return at that instant, never earlier; at once when it has passed."""


class _Timerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class LoopTimer:
    """Timer on the event loop's own timers: uvloop's have steps of 1 ms, so waking is up to 2 ms late."""

    def now(self) -> float:
        """See Timer."""
        return time.monotonic()

    async def until(self, deadline: float) -> None:
        """See Timer."""
        while (left := deadline - time.monotonic()) > 0:  # noqa: ASYNC110 - time has no event to set
            # Rounded up: the loop rounds to the nearest step and would wake early, which is never true of a slow backend.
            await asyncio.sleep(left + 0.0005)


class KernelTimer:
    """Timer on one timerfd for all waiters of a loop: 0.1 ms where the loop's own timers have steps of 1 ms (Linux)."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._set = libc.timerfd_settime
        self._fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _Timerspec()
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._armed = float("inf")
        self._order = count()
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self) -> float:
        """See Timer."""
        return time.monotonic()

    async def until(self, deadline: float) -> None:
        """See Timer."""
        if deadline <= time.monotonic():
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._fd, self._fire)
        woken = self._loop.create_future()
        heapq.heappush(self._heap, (deadline, next(self._order), woken))
        if deadline < self._armed:
            self._arm(deadline)
        await woken

    def _arm(self, deadline: float) -> None:
        self._armed = deadline
        # One nanosecond more than rounded down, and never 0/0, which would disarm the timer.
        whole_ns = int(deadline * 1e9) + 1
        self._spec.value_s, self._spec.value_ns = divmod(whole_ns, 1_000_000_000)
        self._set(self._fd, _ABSOLUTE, ctypes.byref(self._spec), None)

    def _fire(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        self._armed = float("inf")
        now = time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            woken = heapq.heappop(self._heap)[2]
            if not woken.done():
                woken.set_result(None)
        if self._heap:
            self._arm(self._heap[0][0])

    def close(self) -> None:
        """Give the descriptor back; who still waits is left to the loop's end."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def best_timer() -> KernelTimer | LoopTimer:
    """The most exact timer of this system."""
    if sys.platform == "linux":
        try:
            return KernelTimer()
        except (OSError, AttributeError):
            pass  # a sandbox without timerfd; whole milliseconds then
    return LoopTimer()

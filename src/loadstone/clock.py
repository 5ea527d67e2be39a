"""Time: one monotonic clock, kernel stamps translated into it, and deadlines that a kernel timer keeps.

All times inside a worker are integer nanoseconds of CLOCK_MONOTONIC. The kernel stamps packets in CLOCK_REALTIME, which
people and NTP may step; `StampClock` translates and notices steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import heapq
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

now_ns = time.monotonic_ns

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
MOST_CANCELLED = 1_000  # deadlines that may wait in the heap for nothing
CLOCK_STEP_NS = MILLISECOND  # a change of realtime against monotonic above this, between two looks, is a step and no drift


class StampClock:
    """Translates kernel receive stamps (realtime ns) to monotonic ns: `stamp - offset`.

    offset is read between two looks at the monotonic clock; a pair of looks that was interrupted is not used.
    """

    GOOD_READING_NS = 2_000

    def __init__(self) -> None:
        self.steps = 0
        self.offset = self._read()

    def _read(self) -> int:
        best, tightest = 0, 1 << 62
        for _ in range(5):
            before = time.monotonic_ns()
            real = time.time_ns()
            width = time.monotonic_ns() - before
            if width < tightest:
                best, tightest = real - before - width // 2, width
            if width < self.GOOD_READING_NS:
                break
        return best

    def refresh(self) -> None:
        """Look again; call it several times a second so that a stepped clock spoils at most that long."""
        offset = self._read()
        if abs(offset - self.offset) > CLOCK_STEP_NS:
            self.steps += 1
        self.offset = offset


class Alarm(Protocol):
    """Something that calls back once at an absolute time."""

    def set(self, deadline_ns: int) -> None:
        """Fire at this monotonic time, at once when it has passed; replaces the earlier deadline."""

    def close(self) -> None:
        """Never fire again."""


class _TimeSpec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class KernelAlarm:
    """A Linux timerfd on CLOCK_MONOTONIC with absolute deadlines; readable at `fileno()` when due (timerfd_create(2)).

    The standard library has timerfd only from Python 3.13 on, so libc is called directly.
    """

    _ABSOLUTE = 1

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._fd: int = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _TimerSpec()
        self._value = self._spec.value
        self._pointer = ctypes.byref(self._spec)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._fd

    def set(self, deadline_ns: int) -> None:
        """See Alarm."""
        # A value of zero would disarm the timer; the past fires at once.
        self._value.sec, self._value.nsec = divmod(max(deadline_ns, 1), SECOND)
        self._settime(self._fd, self._ABSOLUTE, self._pointer, None)

    def clear(self) -> None:
        """Take the expiry off the descriptor, so that it is not readable any more."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)

    def close(self) -> None:
        """See Alarm."""
        os.close(self._fd)

    @staticmethod
    def available() -> bool:
        """Is there a timerfd on this system?"""
        return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "timerfd_create")


class LoopAlarm:
    """An alarm on the event loop's own timers: 1 ms steps on uvloop; for systems without timerfd and for simulated time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[], None]) -> None:
        self._loop, self._fire = loop, fire
        self._handle: asyncio.TimerHandle | None = None

    def set(self, deadline_ns: int) -> None:
        """See Alarm."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(deadline_ns / SECOND, self._fire)

    def close(self) -> None:
        """See Alarm."""
        if self._handle is not None:
            self._handle.cancel()


class Deadline:
    """A callback that is due at an absolute time; `cancel` makes it do nothing."""

    __slots__ = ("_timers", "at_ns", "call")

    def __init__(self, at_ns: int, call: Callable[[], None], timers: Timers) -> None:
        self.at_ns, self._timers = at_ns, timers
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Do nothing when due; cheap, the entry stays in the heap until then or until most entries there are cancelled."""
        if self.call is not None:
            self.call = None
            self._timers.one_cancelled()


class Timers:
    """Any number of absolute deadlines on one alarm."""

    def __init__(self, clock: Callable[[], int] = now_ns) -> None:
        self.now_ns = clock
        self._alarm: Alarm | None = None
        self._heap: list[tuple[int, int, Deadline]] = []
        self._seq = 0
        self._set_for = 1 << 63
        self._firing = False
        self._fired_ns = 0  # when the alarm's callback last began
        self._cancelled = 0  # entries of the heap that do nothing

    def __len__(self) -> int:
        """Entries that are kept, cancelled ones included."""
        return len(self._heap)

    @property
    def next_ns(self) -> int | None:
        """The earliest deadline, be it cancelled; None without any."""
        return self._heap[0][0] if self._heap else None

    def use(self, alarm: Alarm) -> None:
        """Ring on this alarm from now on; it must call `fire`."""
        self._alarm = alarm

    def at(self, at_ns: int, call: Callable[[], None]) -> Deadline:
        """Call back at this time, in order of time; at the next turn when it has passed."""
        self._seq += 1
        deadline = Deadline(at_ns, call, self)
        # One that is long past when it is set, again and again, would stand before all others for ever.
        place_ns = max(at_ns, self._fired_ns) if self._firing else at_ns
        heapq.heappush(self._heap, (place_ns, self._seq, deadline))
        if at_ns < self._set_for and not self._firing:
            self._arm(at_ns)
        return deadline

    def _arm(self, at_ns: int) -> None:
        assert self._alarm is not None, "Timers.use was not called"
        self._set_for = at_ns
        self._alarm.set(at_ns)

    def fire(self) -> None:
        """Run all that is due and set the alarm for the next; the alarm's callback."""
        heap, clock = self._heap, self.now_ns
        last = self._seq  # what is added from here on has its turn next time, so that a callback cannot keep the loop for itself
        self._firing, self._fired_ns = True, clock()
        try:
            while heap and heap[0][0] <= clock() and heap[0][1] <= last:
                deadline = heapq.heappop(heap)[2]
                call, deadline.call = deadline.call, None
                if call is not None:
                    call()
                else:
                    self._cancelled -= 1
        finally:
            self._firing = False
            self._set_for = 1 << 63
            if heap:
                self._arm(heap[0][0])

    def one_cancelled(self) -> None:
        """A deadline in the heap does nothing any more; when most of many do nothing, they are taken out.

        Without this, a run that opens a connection per request keeps the time-out of each one until it has passed.
        """
        self._cancelled += 1
        if self._cancelled > MOST_CANCELLED and self._cancelled * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2].call is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    async def wait_until(self, at_ns: int) -> None:
        """Sleep until an absolute time."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not waiter.done():
                waiter.set_result(None)

        deadline = self.at(at_ns, wake)
        try:
            await waiter
        finally:
            deadline.cancel()

    def close(self) -> None:
        """Forget all deadlines."""
        self._heap.clear()
        self._cancelled = 0
        if self._alarm is not None:
            self._alarm.close()

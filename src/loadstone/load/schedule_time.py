"""Deadlines in schedule time: they are kept back while a run is paused, and come later by as much as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadstone.clock import Deadline, Timers
from loadstone.load.warp import Warp


class Planned:
    """A callback that is due at a moment of the schedule; `cancel` makes it do nothing."""

    __slots__ = ("_call", "_deadline", "_time", "at_ns")

    def __init__(self, time: ScheduleTime, at_ns: int, call: Callable[[], None]) -> None:
        self._time, self.at_ns, self._call = time, at_ns, call
        self._deadline: Deadline | None = None

    def aim(self) -> None:
        """Wait for the real time that the moment has now."""
        if self._deadline is not None:
            self._deadline.cancel()
        due = self._time.warp.due_ns(self.at_ns)
        self._deadline = None if due is None else self._time.timers.at(due, self._fire)

    def cancel(self) -> None:
        """Do nothing when due; may be called more than once."""
        self._time.forget(self)
        if self._deadline is not None:
            self._deadline.cancel()

    def _fire(self) -> None:
        self._time.forget(self)
        self._call()


class ScheduleTime:
    """The time of one worker's schedule."""

    def __init__(self, timers: Timers) -> None:
        self.timers = timers
        self.warp = Warp()
        self._waiting: dict[Planned, None] = {}  # in order of their making: all workers re-aim in the same order

    @property
    def stands(self) -> bool:
        """Does it stand still?"""
        return self.warp.stands_ns is not None

    def now_ns(self) -> int:
        """The moment of the schedule that is now."""
        return self.warp.schedule_ns(self.timers.now_ns())

    def at(self, schedule_ns: int, call: Callable[[], None]) -> Planned:
        """Call back at this moment of the schedule, whenever that is."""
        planned = Planned(self, schedule_ns, call)
        self._waiting[planned] = None
        planned.aim()
        return planned

    async def wait_until(self, schedule_ns: int) -> None:
        """Sleep until a moment of the schedule."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not waiter.done():
                waiter.set_result(None)

        planned = self.at(schedule_ns, wake)
        try:
            await waiter
        finally:
            planned.cancel()

    def turn(self, warp: Warp) -> None:
        """From now on the schedule runs, or stands, like this."""
        self.warp = warp
        for planned in list(self._waiting):
            planned.aim()

    def forget(self, planned: Planned) -> None:
        """It has been called, or is not to be."""
        self._waiting.pop(planned, None)

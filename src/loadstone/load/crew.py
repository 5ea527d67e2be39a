"""The tasks of one scenario's sessions: none is forgotten, and none can keep the run from ending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from loadstone.clock import SECOND, Deadline, Timers

# A cancelled session has this long for the script's own on_stop; then it is cancelled again.
CUT_AGAIN_NS = SECOND
MOST_CUTS = 3


class Crew:
    """Tasks that end by themselves or by `cut`.

    on_empty:   called when the last task has ended
    on_failure: called when a task has raised, which only our own bugs can make it do; `gone` raises it again
    """

    def __init__(self, timers: Timers, on_empty: Callable[[], None], on_failure: Callable[[], None]) -> None:
        self._timers, self._on_empty, self._on_failure = timers, on_empty, on_failure
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._cuts = 0
        self._again: Deadline | None = None  # when those that are still there are cancelled once more
        self._leave = self._left  # one bound method for all tasks

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def given_up(self) -> bool:
        """Are there tasks that no cancelling ends?"""
        return self._cuts > MOST_CUTS and bool(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """One more."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._leave)
        return task

    def cut(self) -> None:
        """Cancel all. A script may catch that: it is cancelled again each second, and given up after the third time.

        Told to once more meanwhile, it keeps to that: a session that is on its way out has its second.
        """
        if self._again is None:
            self._cut()

    def _cut(self) -> None:
        self._again = None
        if not self._tasks:
            return
        self._cuts += 1
        if self._cuts > MOST_CUTS:
            self._changed.set()
            return
        for task in list(self._tasks):
            task.cancel()
        self._again = self._timers.at(self._timers.now_ns() + CUT_AGAIN_NS, self._cut)

    async def gone(self) -> None:
        """Wait until all have ended or were given up."""
        while self._tasks and not self.given_up:
            self._changed.clear()
            await self._changed.wait()
        if self._failure is not None:
            raise self._failure

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = self._failure or failure
            self._on_failure()
        if not self._tasks:
            self._changed.set()
            self._on_empty()

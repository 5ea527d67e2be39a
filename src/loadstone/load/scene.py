"""What all sessions of one scenario share inside a worker: script, clients, data, columns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from loadstone.clock import MILLISECOND, Timers
from loadstone.load.never_awaited import complain
from loadstone.load.never_awaited import found as dropped
from loadstone.load.script_error import describe
from loadstone.load.session import Session
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.exchanges import RAISED
from loadstone.measure.recorder import Column, Recorder
from loadstone.measure.snapshot import Failure, Series
from loadstone.plan.feed import Feed
from loadstone.plan.model import ScenarioPlan

# A metric that a script records without declaring it keeps six decimals.
OWN_SCALE = 1e6
# Iterations may follow each other without a turn of the loop for so long, and so many of them.
SLICE_NS = 2 * MILLISECOND
MOST_PASSES = 256


class Behaviour(Protocol):
    """What a user does; shared by all sessions of a scenario."""

    async def start(self, session: Session) -> None:
        """Once, before the first iteration."""

    def begin(self, session: Session) -> tuple[str, Awaitable[object]]:
        """One iteration: the name of the task, and what the caller awaits."""

    async def stop(self, session: Session) -> None:
        """Once, after the last iteration."""


class Scene:
    """A scenario in this worker."""

    def __init__(
        self,
        plan: ScenarioPlan,
        behaviour: Behaviour,
        *,
        recorder: Recorder,
        timers: Timers,
        catalogue: Catalogue,
        speak: Callable[[str, Session], Any],
        tags: Mapping[str, str],
        seed: int,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        self.plan, self.name, self.behaviour = plan, plan.name, behaviour
        self.recorder, self.timers, self.catalogue = recorder, timers, catalogue
        self.tags: Mapping[str, str] = {**tags, **plan.tags}
        self.seed, self.worker, self.workers = seed, worker, workers
        self.feeds = [Feed(feed, seed) for feed in plan.data]
        self.active: set[Session] = set()
        self.speak = speak
        self._passes = 0
        self._slice_end = self._slice_passes = 0
        self._durations: dict[str, Column] = {}

    def declare(self, metric: str) -> float:
        """Make a script's own metric known; answers its scale."""
        self.catalogue.add(Metric(metric, "1", Kind.DISTRIBUTION, "neither", "recorded by the suite", scale=OWN_SCALE))
        return OWN_SCALE

    def enter(self, index: int) -> Session:
        """A session with its client; `end` must follow."""
        session = Session(self, index)
        session.client = self.speak("http", session)
        self.active.add(session)
        return session

    async def start(self, session: Session, *, connected: bool = False) -> None:
        """The script's own start; `connected` opens the client's connection before it."""
        if not self._feed(session, "per_user", session.index):
            session.leave()  # there is no row for this user, and the plan says to stop then
            return
        try:
            if connected:
                await session.client.open()
            await self.behaviour.start(session)
        except BaseException as error:  # noqa: BLE001  a script may raise anything: it is counted, and the user goes on
            self._script_failed("on_start", error)
        session.set_due(0)

    async def end(self, session: Session) -> None:
        """After the last iteration: the script's own stop, then the client's."""
        try:
            await self.behaviour.stop(session)
        except BaseException as error:  # noqa: BLE001  as above
            self._script_failed("on_stop", error)
        finally:
            self.active.discard(session)
            session.close()

    def iterate(self, session: Session) -> Coroutine[Any, Any, None]:
        """One iteration, timed and counted; whatever the script raises is counted, not raised."""
        return self.repeat(session, once)

    async def repeat(self, session: Session, go_on: Callable[[Session], bool]) -> None:
        """One iteration after another without a pause between them, the first in any case, as long as `go_on` says so."""
        clock, begin, columns = self.timers.now_ns, self.behaviour.begin, self._durations
        began = clock()
        while True:
            try:
                name, work = begin(session)
                await work
                if dropped:
                    complain()
            except BaseException as error:  # noqa: BLE001  as above
                if _is_cut(error):
                    self.interrupted()
                self._script_failed("iteration", error)
                name = RAISED
            if session.due_ns:
                session.set_due(0)  # an iteration without an exchange must not hand its due time on
            ended = clock()
            (columns.get(name) or self.durations(name)).add(ended - began)
            began = ended  # of the next, if there is one
            self._slice_passes += 1
            if ended > self._slice_end or self._slice_passes > MOST_PASSES:
                # Iterations that never wait, such as those whose connections are refused at once, must not starve the others.
                await asyncio.sleep(0)
                began = clock()
                self._slice_end, self._slice_passes = began + SLICE_NS, 0
            if not go_on(session):
                return

    def interrupted(self, by: int = 1) -> None:
        """Count iterations that the end of the run cut off."""
        self.recorder.count(self.name, Series("iteration.interrupted", (("scenario", self.name),)), by)

    def give_up(self, sessions: int) -> None:
        """Count sessions that nothing could end."""
        if sessions:
            self.interrupted(sessions)
            text = f"{sessions} sessions caught their cancellation and did not end"
            self.recorder.failure(self.name, Failure("script", "stop", text))

    def durations(self, task: str) -> Column:
        """The column of a task's iterations."""
        column = self._durations.get(task)
        if column is None:
            tags = (("scenario", self.name), ("task", task))
            column = self.recorder.column(self.name, Series("iteration.duration", tags), Series("iteration.count", tags))
            self._durations[task] = column
        return column

    def next_row(self, session: Session) -> bool:
        """Give the session its rows for the coming iteration; False when a feed has no more and says to stop."""
        if self.feeds:
            position = self.worker + self._passes * self.workers
            self._passes += 1
            return self._feed(session, "next", position)
        return True

    def _script_failed(self, where: str, error: BaseException) -> None:
        """Count what a script raised; the end of the run and of the process go on their way."""
        if _is_cut(error):
            raise error
        file = self.plan.code.file if self.plan.code else ""
        self.recorder.count(self.name, Series("iteration.errors", (("scenario", self.name),)))
        self.recorder.failure(self.name, Failure("script", where, describe(error, file)))

    def _feed(self, session: Session, take: str, position: int) -> bool:
        for feed in self.feeds:
            if feed.plan.take == take:
                row = feed.row(position)
                if row is None:
                    return False
                session.data = {**session.data, **row}
        return True


def once(_session: Session) -> bool:
    """No further iteration."""
    return False


def _is_cut(error: BaseException) -> bool:
    """Does the run end this task? A script can also raise CancelledError by itself, from a task that it cancelled."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, (KeyboardInterrupt, GeneratorExit))

"""What all sessions of one scenario share inside a worker: script, clients, data, columns."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from loadstone.clients.failure import bounded
from loadstone.clock import Timers
from loadstone.load.session import Session
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.recorder import Column, Recorder
from loadstone.measure.snapshot import Failure, Series
from loadstone.plan.feed import Feed
from loadstone.plan.model import ScenarioPlan

# A metric that a script records without declaring it keeps six decimals.
OWN_SCALE = 1e6


class Behaviour(Protocol):
    """What a user does; shared by all sessions of a scenario."""

    async def start(self, session: Session) -> None:
        """Once, before the first iteration."""

    async def iterate(self, session: Session) -> str:
        """One iteration; answers the name of the task."""

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
        connect: Callable[[Session], Any],
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
        self._connect = connect
        self._passes = 0
        self._durations: dict[str, Column] = {}

    def declare(self, metric: str) -> float:
        """Make a script's own metric known; answers its scale."""
        self.catalogue.add(Metric(metric, "1", Kind.DISTRIBUTION, "neither", "recorded by the suite", scale=OWN_SCALE))
        return OWN_SCALE

    async def begin(self, index: int, *, connected: bool = False) -> Session:
        """A session with its client, after the script's own start; `connected` opens its connection ahead."""
        session = Session(self, index)
        self.active.add(session)
        session.client = self._connect(session)
        self._feed_user(session)
        try:
            if connected:
                await session.client.open()
            await self.behaviour.start(session)
        except Exception as error:  # a script may raise anything: it is counted, and the user goes on
            self.script_failed("on_start", error)
        return session

    async def end(self, session: Session) -> None:
        """After the last iteration: the script's own stop, then the client's."""
        try:
            await self.behaviour.stop(session)
        except Exception as error:  # as above
            self.script_failed("on_stop", error)
        finally:
            self.active.discard(session)
            session.client.close()

    async def iterate(self, session: Session) -> None:
        """One iteration, timed and counted; whatever the script raises is counted, not raised."""
        clock = self.timers.now_ns
        began = clock()
        try:
            name = await self.behaviour.iterate(session)
        except asyncio.CancelledError:
            self.recorder.count(self.name, Series("iteration.interrupted", (("scenario", self.name),)))
            raise
        except Exception as error:  # as above
            name = "(raised)"
            self.script_failed("iteration", error)
            await asyncio.sleep(0)  # a script that raises before it awaits anything must not starve the others
        self.durations(name).add(clock() - began)

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

    def script_failed(self, where: str, error: Exception) -> None:
        """Count what a script raised, with the line of the script it came from."""
        last = traceback.extract_tb(error.__traceback__)[-1:]
        line = f" ({Path(last[0].filename).name}:{last[0].lineno})" if last else ""
        self.recorder.count(self.name, Series("iteration.errors", (("scenario", self.name),)))
        self.recorder.failure(self.name, Failure("script", where, bounded(f"{type(error).__name__}: {error}{line}")))

    def _feed_user(self, session: Session) -> None:
        self._feed(session, "per_user", session.index)

    def _feed(self, session: Session, take: str, position: int) -> bool:
        for feed in self.feeds:
            if feed.plan.take == take:
                row = feed.row(position)
                if row is None:
                    return False
                session.data = {**session.data, **row}
        return True

"""Closed model: so many users, each goes on when its last iteration has ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from functools import partial

from loadstone.clients.http import HttpClient
from loadstone.clients.volley import Volley
from loadstone.clock import SECOND
from loadstone.errors import UsageError
from loadstone.load.behaviour import StepsBehaviour
from loadstone.load.crew import Crew
from loadstone.load.scene import Scene
from loadstone.load.session import Session
from loadstone.load.websocket_step import WebSocketStep
from loadstone.plan.profile import ClosedProfile
from loadstone.plan.think import Pacing, ThinkTime

# A thousand users that connect in one turn of the loop make everybody else wait for tens of milliseconds.
STARTS_PER_TURN = 32


class ClosedRun:
    """The users of one scenario in this worker; user k belongs to worker k modulo the number of workers."""

    def __init__(self, scene: Scene, profile: ClosedProfile, start_ns: int) -> None:
        self._scene, self._profile, self.start_ns = scene, profile, start_ns
        self.crew = Crew(scene.timers, self._nobody_left, self.stop)
        self._users: dict[int, asyncio.Task[None]] = {}
        self._sessions: dict[int, Session] = {}
        self._stopped = asyncio.Event()
        self._level = 0
        self._changes = _changes(profile, round(scene.plan.skip_s * SECOND))
        self._seen: deque[tuple[int, int]] = deque()  # changes that were looked at ahead of their time
        self._left = self._my_share_of_iterations()

    def _my_share_of_iterations(self) -> int | None:
        limit = self._profile.iterations
        if limit is None or not limit.shared:
            return None
        scene = self._scene
        with_users = min(scene.workers, self._profile.max_users)
        return len(range(scene.worker, limit.count, with_users)) if scene.worker < with_users else 0

    async def run(self) -> None:
        """Start and stop users as the profile says; ends with the schedule, or when all users here have finished by themselves."""
        idle = self._profile.iterations is not None and self._scene.worker >= self._profile.max_users
        if idle or self._stopped.is_set():
            return
        schedule = asyncio.create_task(self._follow())
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({schedule, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if schedule.done():
                schedule.result()
        finally:
            schedule.cancel()
            stopped.cancel()
        self.stop()

    async def wind_down(self) -> None:
        """Wait for the iterations under way."""
        await self.crew.gone()
        self._scene.give_up(len(self.crew))

    def stop(self) -> None:
        """Start nothing more; sessions leave at the end of their iteration."""
        self._stopped.set()
        for session in list(self._scene.active):
            session.leave()

    @property
    def users(self) -> int:
        """Users that are active here."""
        return len(self._scene.active)

    async def _follow(self) -> None:
        scene, started = self._scene, 0
        while (change := self._next_change()) is not None:
            at_ns, step = change
            due = self.start_ns + at_ns
            if due > scene.timers.now_ns():
                await scene.timers.wait_until(due)
            self._level += step
            if step < 0:
                session = self._sessions.get(self._level)
                if session is not None:
                    session.leave()
            elif (self._level - 1) % scene.workers == scene.worker:
                self._begin(self._level - 1)
                started += 1
                if started % STARTS_PER_TURN == 0:
                    await asyncio.sleep(0)

    def _next_change(self) -> tuple[int, int] | None:
        return self._seen.popleft() if self._seen else next(self._changes, None)

    def _nobody_left(self) -> None:
        """All users here have ended: the run is over unless others are to start."""
        if any(step > 0 for _, step in self._seen):
            return
        for change in self._changes:
            self._seen.append(change)
            if change[1] > 0:
                return
        self._stopped.set()

    def _begin(self, index: int) -> None:
        self._users[index] = self.crew.start(self._live(index, self._users.get(index)))

    async def _live(self, index: int, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():  # the same user, still at its last iteration
            await asyncio.wait({before})
        if index >= self._level or self._stopped.is_set():  # its time was over before it could begin
            return
        scene = self._scene
        session = self._sessions[index] = scene.enter(index)
        try:
            await scene.start(session)
            await self._iterate(session)
        finally:
            if self._sessions.get(index) is session:
                del self._sessions[index]
            if self._users.get(index) is asyncio.current_task():
                del self._users[index]
            await scene.end(session)

    async def _iterate(self, session: Session) -> None:
        scene, limit = self._scene, self._profile.iterations
        think, pacing = scene.plan.think, scene.plan.pacing
        if session.user is not None:
            think, pacing = think or session.user.think, pacing or session.user.pacing
        mine = limit.count if limit is not None and not limit.shared else None
        if think is None and pacing is None and mine is None and not scene.feeds:
            await self._fire(session)
        began = scene.timers.now_ns()
        passes = 0
        while self._may_go_on(session):
            if not scene.next_row(session):
                break
            await scene.iterate(session)
            passes += 1
            if passes == mine:
                break
            if think is not None or pacing is not None:
                await self._rest(session, think, pacing, began)

    async def _fire(self, session: Session) -> None:
        """Users that send one and the same request on and on: as volleys; the general way opens their connections."""
        scene, behaviour = self._scene, self._scene.behaviour
        if isinstance(behaviour, StepsBehaviour) and behaviour.lone_rally is not None:
            await self._rally(session, behaviour.lone_rally)
            return
        step = behaviour.lone_request if isinstance(behaviour, StepsBehaviour) else None
        if step is None or not isinstance(session.client, HttpClient):
            return
        try:
            prepared = step.prepare(session)
        except UsageError:
            return  # the general way counts what is wrong with it
        durations, go_on = scene.durations(StepsBehaviour.TASK), partial(self._may_go_on, session)
        while go_on():
            if not await Volley(session.client, prepared, durations, go_on).run():
                await scene.iterate(session)
            if session.client.cookies:
                return  # every request differs from now on

    async def _rally(self, session: Session, step: WebSocketStep) -> None:
        """The same for users that send one message on and on over a WebSocket."""
        durations, go_on = self._scene.durations(StepsBehaviour.TASK), partial(self._may_go_on, session)
        while go_on():
            if not await step.rally(session, durations, go_on):
                await self._scene.iterate(session)

    def _may_go_on(self, session: Session) -> bool:
        """May the session begin another iteration? Takes one of those that are left."""
        if session.leaving or self._stopped.is_set():
            return False
        if self._left is not None:
            if self._left == 0:
                return False
            self._left -= 1
        return True

    async def _rest(self, session: Session, think: ThinkTime | None, pacing: Pacing | None, began: int) -> None:
        due = now = self._scene.timers.now_ns()
        if pacing is not None:
            # An absolute grid: an iteration that overruns skips the turns it missed instead of pushing all later ones.
            every = round(pacing.every_s * SECOND)
            due = began + ((now - began) // every + 1) * every
        if think is not None:
            due = max(due, now + round(session.draw_s(think) * SECOND))
        if not session.leaving:
            await session.pause_until(due)
            session.set_due(due)


def _changes(profile: ClosedProfile, skip_ns: int) -> Iterator[tuple[int, int]]:
    """Those of the profile; of what is skipped only what it came to: all users of that moment start at once."""
    level, begun = 0, not skip_ns
    for at_ns, step in profile.changes():
        if not begun and at_ns > skip_ns:
            yield from ((skip_ns, 1) for _ in range(level))
            begun = True
        if begun:
            yield at_ns, step
        else:
            level += step
    if not begun:
        yield from ((skip_ns, 1) for _ in range(level))

"""Closed model: so many users, each goes on when its last iteration has ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from loadstone.clients.http import HttpClient
from loadstone.clients.volley import Volley
from loadstone.clock import SECOND
from loadstone.errors import UsageError
from loadstone.load.behaviour import StepsBehaviour
from loadstone.load.control import Control
from loadstone.load.crew import Crew
from loadstone.load.demand import Demand
from loadstone.load.scene import Scene
from loadstone.load.schedule_time import ScheduleTime
from loadstone.load.session import Session
from loadstone.plan.curve import Curve
from loadstone.plan.profile import ClosedProfile, changes_along
from loadstone.plan.think import Pacing, ThinkTime

if TYPE_CHECKING:
    from loadstone.load.websocket_step import WebSocketStep

# A thousand users that connect in one turn of the loop make everybody else wait for tens of milliseconds.
STARTS_PER_TURN = 32


class ClosedRun:
    """The users of one scenario in this worker; user k belongs to worker k modulo the number of workers.

    start_ns: of the profile, in schedule time
    """

    def __init__(self, scene: Scene, profile: ClosedProfile, start_ns: int, time: ScheduleTime) -> None:
        self._scene, self._profile, self.start_ns, self._time = scene, profile, start_ns, time
        self._demand = Demand.of(profile)
        self._following: asyncio.Task[None] | None = None
        self._held: dict[Session, None] = {}  # those that would begin another pass, were the run not paused
        self.crew = Crew(scene.timers, self._nobody_left, self.stop)
        self._users: dict[int, asyncio.Task[None]] = {}
        self._most_active = 0
        self._sessions: dict[int, Session] = {}
        self._stopped, self._over = asyncio.Event(), False  # the second says the same, for those who ask before each iteration
        self._level = 0
        self._changes = _changes(self._demand.curve, round(scene.plan.skip_s * SECOND))
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
        following = self._following = asyncio.create_task(self._follow())
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
            while following is not self._following and not stopped.done():  # somebody changed the number of users
                following = self._following
                await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if following.done() and not following.cancelled():
                following.result()
        finally:
            self._following.cancel()
            stopped.cancel()
        self.stop()

    async def wind_down(self) -> None:
        """Wait for the iterations under way."""
        await self.crew.gone()
        self._scene.give_up(len(self.crew))

    def stop(self) -> None:
        """Start nothing more; sessions leave at the end of their iteration."""
        self._stopped.set()
        self._over = True
        for session in list(self._scene.active):
            session.leave()

    @property
    def users(self) -> int:
        """Users that are active here."""
        return len(self._scene.active)

    def take_most_users(self) -> int:
        """The most that were active at one time since this was last asked."""
        most, self._most_active = self._most_active, self.users
        return most

    # -- changes while it goes on -----------------------------------------------------------------------------------

    def change(self, control: Control, schedule_ns: int) -> None:
        """Ask for more or fewer users from a moment of the schedule on; those who are too many end their pass first."""
        at_ns = schedule_ns - self.start_ns
        self._demand = self._demand.with_change(control, at_ns / SECOND)
        begin_ns = round(self._scene.plan.skip_s * SECOND)
        self._seen.clear()
        # Those who are active stay; before anybody is, the changed profile is followed from its beginning.
        from_ns = max(at_ns, begin_ns, 1) if self._level else begin_ns
        self._changes = _changes(self._demand.curve, from_ns, self._level)
        if self._following is not None and not self._following.done():
            self._following.cancel()
            self._following = asyncio.create_task(self._follow())

    def time_turned(self) -> None:
        """The schedule goes on: so do those who waited for it."""
        if not self._time.stands:
            for session in self._held:
                session.wake()

    async def _when_it_goes_on(self, session: Session) -> bool:
        """After a pause each user begins as much later as the pause took, so that they do not all begin at once.

        gives: False when there is no pause, or when the session is to end
        """
        time = self._time
        if not time.stands:
            return False
        goes_on_ns = time.timers.now_ns()
        while time.stands and not session.leaving and not self._stopped.is_set():
            before = time.warp
            self._held[session] = None
            try:
                await session.next_turn()
            finally:
                del self._held[session]
            if time.stands or session.leaving:
                continue
            goes_on_ns += time.warp.shift_ns - before.shift_ns
            await session.pause_until(goes_on_ns)
        session.set_due(goes_on_ns)
        return self._may_go_on(session)

    async def _follow(self) -> None:
        scene, started = self._scene, 0
        while (change := self._next_change()) is not None:
            at_ns, step = change
            due = self.start_ns + at_ns
            if due > self._time.now_ns() or self._time.stands:
                await self._time.wait_until(due)
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
        self._over = True

    def _begin(self, index: int) -> None:
        self._users[index] = self.crew.start(self._live(index, self._users.get(index)))

    async def _live(self, index: int, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():  # the same user, still at its last iteration
            await asyncio.wait({before})
        if index >= self._level or self._stopped.is_set():  # its time was over before it could begin
            return
        scene = self._scene
        session = self._sessions[index] = scene.enter(index)
        self._most_active = max(self._most_active, self.users)
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
        at_once = think is None and pacing is None and mine is None and not scene.feeds
        if at_once:
            await self._fire(session)
        began = scene.timers.now_ns()
        passes = 0
        while self._may_go_on(session) or await self._when_it_goes_on(session):
            if not scene.next_row(session):
                break
            if at_once:
                await scene.repeat(session, self._may_go_on)
                continue
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
        while go_on() or await self._when_it_goes_on(session):
            if not await self._flown(session, Volley(session.client, prepared, durations, go_on).run()):
                await scene.iterate(session)
            if session.client.cookies:
                return  # every request differs from now on

    async def _rally(self, session: Session, step: WebSocketStep) -> None:
        """The same for users that send one message on and on over a WebSocket."""
        durations, go_on = self._scene.durations(StepsBehaviour.TASK), partial(self._may_go_on, session)
        while go_on() or await self._when_it_goes_on(session):
            if not await self._flown(session, step.rally(session, durations, go_on)):
                await self._scene.iterate(session)

    async def _flown(self, session: Session, volley: Coroutine[Any, Any, bool]) -> bool:
        """See Volley.run. What was under way when the run was cut counts as interrupted, here as in the general way."""
        try:
            flew = await volley
        except asyncio.CancelledError:
            self._scene.interrupted()
            raise
        if flew:
            session.set_due(0)  # all of it was due when it was sent: nothing is left of a moment from before
        return flew

    def _may_go_on(self, session: Session) -> bool:
        """May the session begin another iteration? Takes one of those that are left."""
        if session.leaving or self._over or self._time.warp.stands_ns is not None:
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


def _changes(curve: Curve, from_ns: int, level: int = 0) -> Iterator[tuple[int, int]]:
    """Those of a number of users over time; of what lies before, only what it came to beside the `level` there is: at once."""
    now, begun = 0, not from_ns
    for at_ns, step in changes_along(curve):
        if not begun and at_ns > from_ns:
            yield from _to(now - level, from_ns)
            begun = True
        if begun:
            yield at_ns, step
        else:
            now += step
    if not begun:
        yield from _to(now - level, from_ns)


def _to(more: int, at_ns: int) -> Iterator[tuple[int, int]]:
    yield from ((at_ns, 1 if more > 0 else -1) for _ in range(abs(more)))

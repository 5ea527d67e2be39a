"""Closed model: so many users, each goes on when its last iteration has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

from loadstone.clients.http import HttpClient
from loadstone.clients.volley import Volley
from loadstone.clock import SECOND
from loadstone.load.behaviour import StepsBehaviour
from loadstone.load.scene import Scene
from loadstone.load.session import Session
from loadstone.plan.profile import ClosedProfile
from loadstone.plan.think import Pacing, ThinkTime


class ClosedRun:
    """The users of one scenario in this worker; user k belongs to worker k modulo the number of workers."""

    def __init__(self, scene: Scene, profile: ClosedProfile, start_ns: int) -> None:
        self._scene, self._profile, self._start_ns = scene, profile, start_ns
        self._users: dict[int, asyncio.Task[None]] = {}
        self._sessions: dict[int, Session] = {}
        self._stopped = asyncio.Event()
        self._left = self._my_share_of_iterations()

    def _my_share_of_iterations(self) -> int | None:
        limit = self._profile.iterations
        if limit is None or not limit.shared:
            return None
        scene = self._scene
        return len(range(scene.worker, limit.count, scene.workers))

    async def run(self) -> None:
        """Start and stop users as the profile says; ends with the schedule, or when all users here have finished by themselves."""
        if self._profile.iterations is not None and self._scene.worker >= self._profile.max_users:
            return
        schedule = asyncio.create_task(self._follow(self._profile.changes()))
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({schedule, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if schedule.done():
                schedule.result()
        finally:
            schedule.cancel()
            stopped.cancel()
        for session in list(self._scene.active):
            session.leave()

    async def wind_down(self) -> None:
        """Wait for the iterations under way."""
        if self._users:
            await asyncio.wait(set(self._users.values()))

    def stop(self) -> None:
        """Start nothing more; sessions leave at the end of their iteration."""
        self._stopped.set()
        for session in list(self._scene.active):
            session.leave()

    def cut(self) -> None:
        """End the iterations under way at once; they count as interrupted."""
        for task in self._users.values():
            task.cancel()

    @property
    def users(self) -> int:
        """Users that are active here."""
        return len(self._scene.active)

    async def _follow(self, changes: Iterator[tuple[int, int]]) -> None:
        scene, level = self._scene, 0
        for at_ns, step in changes:
            due = self._start_ns + at_ns
            if due > scene.timers.now_ns():
                await scene.timers.wait_until(due)
            if step > 0:
                if level % scene.workers == scene.worker:
                    self._begin(level)
                level += 1
            else:
                level -= 1
                session = self._sessions.get(level)
                if session is not None:
                    session.leave()
                elif level in self._users:
                    self._users[level].cancel()  # still in its own start

    def _begin(self, index: int) -> None:
        before = self._users.get(index)
        task = asyncio.get_running_loop().create_task(self._live(index, before))
        self._users[index] = task

    async def _live(self, index: int, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():  # the same user, still at its last iteration
            await asyncio.wait({before})
        scene = self._scene
        session = await scene.begin(index)
        self._sessions[index] = session
        try:
            await self._iterate(session)
        finally:
            self._sessions.pop(index, None)
            await scene.end(session)
            del self._users[index]
            if not self._users and not session.leaving:
                self._stopped.set()  # nobody is left, and nobody was told to leave: all is done

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
        step = behaviour.lone_request if isinstance(behaviour, StepsBehaviour) else None
        if step is None or not isinstance(session.client, HttpClient):
            return
        durations, go_on = scene.durations(StepsBehaviour.TASK), partial(self._may_go_on, session)
        while go_on():
            if not await Volley(session.client, step.prepare(session), durations, go_on).run():
                await scene.iterate(session)
            if session.client.cookies:
                return  # every request differs from now on

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
            due = max(due, now + round(think.draw_s(session.rng) * SECOND))
        if not session.leaving:
            await session.pause_until(due)
            session.set_due(due)

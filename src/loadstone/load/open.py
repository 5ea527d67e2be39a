"""Open model: arrivals are due when the profile says, whatever the target does. `due` never moves."""

from __future__ import annotations

import asyncio
import math
from collections import deque

from loadstone.clock import SECOND, Deadline
from loadstone.load.control import Control
from loadstone.load.crew import Crew
from loadstone.load.demand import Demand
from loadstone.load.scene import Scene
from loadstone.load.schedule import Schedule
from loadstone.load.schedule_time import ScheduleTime
from loadstone.load.session import Session
from loadstone.measure.snapshot import Series

# Sessions that wait connected before the first arrival, as a time of the peak rate: a target that answers within it never
# makes an arrival wait for a connection.
READY_S = 0.05
MOST_READY = 200

# A schedule that is late takes at most half of the time, in pieces of this length: sockets and commands have their turns between.
LEAST_PIECE_NS = SECOND // 200
MOST_PIECE_NS = SECOND
# What could not be placed for so long (or for the patience, when that is longer) is dropped: a worker that is asked for more
# than it can place would otherwise go on long after the end of its schedule.
LEAST_LATE_NS = SECOND


class OpenRun:
    """The arrivals of one scenario in this worker; arrival i belongs to worker i modulo the number of workers.

    Each arrival ends in exactly one of these: an iteration that ended, one that was interrupted, or a drop.

    demand:   as people have changed it before the first arrival
    start_ns: of the profile, in schedule time
    """

    def __init__(self, scene: Scene, demand: Demand, start_ns: int, time: ScheduleTime, *, patience_ns: int, most_sessions: int) -> None:
        self._scene, self._profile, self.start_ns, self._time = scene, demand.open_profile, start_ns, time
        self._patience_ns, self._most = patience_ns, max(1, most_sessions)
        self.crew = Crew(scene.timers, self._nobody_left, self.stop)
        self._idle: deque[Session] = deque()
        self._waiting: deque[int] = deque()
        self._stopped = asyncio.Event()
        self._busy = self._most_busy = 0
        self._begun = 0
        self._left_ns = 0  # when arrivals were last placed
        self._running = False
        self._drop_timer: Deadline | None = None
        self._schedule = Schedule(demand, scene)
        self._coming: Deadline | None = None
        tags = (("scenario", scene.name),)
        self._arrivals, self._dropped = Series("load.arrivals", tags), Series("load.dropped", tags)
        self._no_answer = Series("http.response_time", (("outcome", "dropped"), ("scenario", scene.name)))
        self._wait = scene.recorder.column(scene.name, Series("load.pool_wait", tags))
        self._next = self._schedule.next_ns

    def prepare(self) -> None:
        """Begin to connect the sessions that the first arrivals need; nobody waits for it, the schedule does not move."""
        ready = min(round(self._profile.peak_rate_per_s * READY_S / self._scene.workers) + 1, self._most, MOST_READY)
        for _ in range(ready):
            self._spawn(connected=True)

    async def run(self) -> None:
        """Let arrivals come; ends when the last was due and none waits any more."""
        self._running, self._left_ns = True, self._scene.timers.now_ns()
        if not self._stopped.is_set():
            self._aim()
        await self._stopped.wait()
        self._dismiss()

    # -- changes while it goes on -----------------------------------------------------------------------------------

    def rate_at(self, schedule_ns: int) -> float:
        """Arrivals per second, of all workers, that are asked for at a moment of the schedule."""
        since_s = (schedule_ns - self.start_ns) / SECOND
        return self._schedule.demand.rate_at(since_s) if since_s >= 0 else 0.0

    def place_until(self, real_ns: int) -> None:
        """Place what is due up to a moment that has come: what happens then does not move it."""
        start = self.start_ns + self._time.warp.shift_ns
        while self._next >= 0 and not self._time.stands and start + self._next <= real_ns:
            self._place(start + self._next)
            self._next = self._schedule.advance() if self._next >= 0 else -1

    def change(self, control: Control, schedule_ns: int) -> None:
        """Ask for more or less from a moment of the schedule on."""
        at_ns = schedule_ns - self.start_ns
        self._schedule.change(self._schedule.demand.with_change(control, at_ns / SECOND), max(0, at_ns))
        if not self._stopped.is_set():
            self._next = self._schedule.next_ns

    def time_turned(self) -> None:
        """The schedule stands still now, or goes on, or asks for something else."""
        if self._running and not self._stopped.is_set():
            self._aim()

    async def wind_down(self) -> None:
        """Wait for the iterations under way."""
        await self.crew.gone()
        self._scene.give_up(len(self.crew))

    def stop(self) -> None:
        """Let no more arrivals come; those that wait are dropped."""
        self._next = -1
        while self._waiting:
            self._drop()
        self._stopped.set()
        self._dismiss()

    @property
    def users(self) -> int:
        """Sessions that are busy with an arrival."""
        return self._busy

    def take_most_users(self) -> int:
        """The most that were busy at one time since this was last asked."""
        most, self._most_busy = self._most_busy, self._busy
        return most

    def _occupy(self) -> None:
        self._busy += 1
        if self._busy > self._most_busy:
            self._most_busy = self._busy

    def _dismiss(self) -> None:
        self._idle.clear()
        for session in list(self._scene.active):
            session.leave()

    def _nobody_left(self) -> None:
        """New sessions come with new arrivals."""

    def _arrive(self) -> None:
        clock, start = self._scene.timers.now_ns, self.start_ns + self._time.warp.shift_ns
        now = clock()
        self._drop_the_late(now - start - max(self._patience_ns, LEAST_LATE_NS))
        until = now + min(max(now - self._left_ns, LEAST_PIECE_NS), MOST_PIECE_NS)
        while self._next >= 0 and start + self._next <= now < until:
            self._place(start + self._next)
            self._next = self._schedule.advance() if self._next >= 0 else -1
            now = clock()
        self._left_ns = now
        self._aim()

    def _drop_the_late(self, before_ns: int) -> None:
        """Of what is due before a moment of the schedule nothing is placed any more, but all of it is counted."""
        if not 0 <= self._next < before_ns:
            return
        late = self._schedule.pass_over(before_ns)
        self._next = self._schedule.next_ns
        self._scene.recorder.count(self._scene.name, self._arrivals, late)
        self._count_dropped(late)

    def _aim(self) -> None:
        """Wait for the next arrival; while the schedule stands still, nobody knows when that is."""
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None
        if self._next < 0:
            if not self._waiting:
                self._last_placed()
        elif not self._time.stands:
            self._coming = self._scene.timers.at(self.start_ns + self._time.warp.shift_ns + self._next, self._arrive)

    def _last_placed(self) -> None:
        """Nobody waits and nobody comes: the load ends with the profile's time, which may be a whole gap later."""
        end_s = self._profile.duration_s
        end_ns = self.start_ns + round(end_s * SECOND) if math.isfinite(end_s) else 0
        if end_ns > self._time.now_ns():
            self._time.at(end_ns, self._end)
        else:
            self._stopped.set()

    def _end(self) -> None:
        if self._next < 0 and not self._waiting:  # meanwhile more may have been asked for, which waits for sessions
            self._stopped.set()

    def _place(self, due: int) -> None:
        scene = self._scene
        scene.recorder.count(scene.name, self._arrivals)
        if self._idle:
            self._occupy()
            self._wait.add(0)
            self._idle.pop().wake_up(due, 0)
            return
        self._waiting.append(due)
        if len(self.crew) < self._most:
            self._spawn(connected=False)
        if self._drop_timer is None:
            self._drop_timer = scene.timers.at(due + self._patience_ns, self._give_up)

    def _give_up(self) -> None:
        self._drop_timer = None
        now = self._scene.timers.now_ns()
        while self._waiting and self._waiting[0] + self._patience_ns <= now:
            self._drop()
        if self._waiting:
            self._drop_timer = self._scene.timers.at(self._waiting[0] + self._patience_ns, self._give_up)
        elif self._next < 0:
            self._last_placed()

    def _drop(self) -> None:
        self._waiting.popleft()
        self._count_dropped(1)

    def _count_dropped(self, arrivals: int) -> None:
        scene = self._scene
        scene.recorder.count(scene.name, self._dropped, arrivals)
        # Nobody knows how long it would have taken: longer than anything recorded.
        scene.recorder.beyond(scene.name, self._no_answer, arrivals)

    def _spawn(self, *, connected: bool) -> None:
        index = self._scene.worker + self._begun * self._scene.workers
        self._begun += 1
        self.crew.start(self._live(index, connected=connected))

    async def _live(self, index: int, *, connected: bool) -> None:
        scene = self._scene
        session = scene.enter(index)
        try:
            await scene.start(session, connected=connected)
            while await self._turn(session) and await self._serve(session):
                pass
        finally:
            await scene.end(session)

    async def _turn(self, session: Session) -> bool:
        """Wait for the session's next arrival; False when none will come."""
        if self._waiting and not session.leaving:
            due = self._waiting.popleft()
            waited = self._scene.timers.now_ns() - due
            self._wait.add(waited)
            self._occupy()
            session.set_due(due, waited)
            if not self._waiting and self._next < 0:
                self._last_placed()
            return True
        if session.leaving or self._stopped.is_set():
            return False
        self._idle.append(session)
        try:
            await session.next_turn()
        except asyncio.CancelledError:
            if session.has_turn:  # it was given an arrival at the very moment the run was cut
                self._busy -= 1
                self._scene.interrupted()
            raise
        return session.has_turn

    async def _serve(self, session: Session) -> bool:
        try:
            if not self._scene.next_row(session):
                self._scene.interrupted()
                self.stop()  # the data is used up, and the plan says to stop then
                return False
            await self._scene.iterate(session)
            return True
        finally:
            self._busy -= 1

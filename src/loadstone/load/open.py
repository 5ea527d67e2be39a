"""Open model: arrivals are due when the profile says, whatever the target does. `due` never moves."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from loadstone.clock import Deadline
from loadstone.load.scene import Scene
from loadstone.load.session import Session
from loadstone.measure.snapshot import Series
from loadstone.plan.profile import OpenProfile, generator, share

# Sessions that wait connected before the first arrival, as a time of the peak rate: a target that answers within it never
# makes an arrival wait for a connection.
READY_S = 0.05
MOST_READY = 200


class OpenRun:
    """The arrivals of one scenario in this worker; arrival i belongs to worker i modulo the number of workers."""

    def __init__(self, scene: Scene, profile: OpenProfile, start_ns: int, *, patience_ns: int, most_sessions: int) -> None:
        self._scene, self._profile, self._start_ns = scene, profile, start_ns
        self._patience_ns, self._most = patience_ns, max(1, most_sessions)
        self._idle: deque[Session] = deque()
        self._waiting: deque[int] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._busy = 0
        self._begun = 0
        self._drop_timer: Deadline | None = None
        self._due = _due_times(profile, scene)
        tags = (("scenario", scene.name),)
        self._arrivals, self._dropped = Series("load.arrivals", tags), Series("load.dropped", tags)
        self._wait = scene.recorder.column(scene.name, Series("load.pool_wait", tags))
        self._next = next(self._due, -1)

    async def prepare(self) -> None:
        """Have some sessions connected before the first arrival."""
        ready = min(round(self._profile.peak_rate_per_s * READY_S / self._scene.workers) + 1, self._most, MOST_READY)
        for _ in range(ready):
            self._spawn(connected=True)
        while len(self._idle) < ready and self._tasks and not self._stopped.is_set():
            await asyncio.sleep(0.001)

    async def run(self) -> None:
        """Let arrivals come; ends when the last was due and none waits any more."""
        if self._next >= 0:
            self._scene.timers.at(self._start_ns + self._next, self._arrive)
        else:
            self._stopped.set()
        await self._stopped.wait()
        for session in list(self._scene.active):
            session.leave()

    async def wind_down(self) -> None:
        """Wait for the iterations under way."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def stop(self) -> None:
        """Let no more arrivals come; those that wait are dropped."""
        self._next = -1
        while self._waiting:
            self._drop()
        self._stopped.set()
        for session in list(self._scene.active):
            session.leave()

    def cut(self) -> None:
        """End the iterations under way at once; they count as interrupted."""
        for task in self._tasks:
            task.cancel()

    @property
    def users(self) -> int:
        """Sessions that are busy with an arrival."""
        return self._busy

    def _arrive(self) -> None:
        timers, start = self._scene.timers, self._start_ns
        clock = timers.now_ns
        while self._next >= 0 and start + self._next <= clock():
            self._place(start + self._next)
            self._next = next(self._due, -1)
        if self._next >= 0:
            timers.at(start + self._next, self._arrive)
        elif not self._waiting:
            self._stopped.set()

    def _place(self, due: int) -> None:
        scene = self._scene
        scene.recorder.count(scene.name, self._arrivals)
        if self._idle:
            self._busy += 1
            self._wait.add(0)
            self._idle.pop().wake_up(due, 0)
            return
        self._waiting.append(due)
        if len(self._tasks) < self._most:
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
            self._stopped.set()

    def _drop(self) -> None:
        self._waiting.popleft()
        scene = self._scene
        scene.recorder.count(scene.name, self._dropped)
        # Nobody knows how long it would have taken: longer than anything recorded.
        scene.recorder.beyond(scene.name, Series("http.response_time", (("outcome", "dropped"), ("scenario", scene.name))))

    def _spawn(self, *, connected: bool) -> None:
        index = self._scene.worker + self._begun * self._scene.workers
        self._begun += 1
        task = asyncio.get_running_loop().create_task(self._live(index, connected=connected))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, index: int, *, connected: bool) -> None:
        scene = self._scene
        session = await scene.begin(index, connected=connected)
        try:
            while True:
                if self._waiting:
                    due = self._waiting.popleft()
                    waited = scene.timers.now_ns() - due
                    self._wait.add(waited)
                    self._busy += 1
                    session.set_due(due, waited)
                    if not self._waiting and self._next < 0:
                        self._stopped.set()
                else:
                    if session.leaving or self._stopped.is_set():
                        break
                    self._idle.append(session)
                    await session.next_turn()
                    if session.leaving and not session.has_turn:
                        break
                if not await self._serve(session):
                    break
        finally:
            await scene.end(session)

    async def _serve(self, session: Session) -> bool:
        try:
            if not self._scene.next_row(session):
                self.stop()  # the data is used up, and the plan says to stop then
                return False
            await self._scene.iterate(session)
            return True
        finally:
            self._busy -= 1


def _due_times(profile: OpenProfile, scene: Scene) -> Iterator[int]:
    for _, chunk in share(profile.arrivals(generator(scene.seed, scene.name)), scene.worker, scene.workers):
        yield from chunk.tolist()



"""The engine of one worker: starts scenarios on time, ticks once a second, and ends them well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadstone.clock import SECOND, Timers
from loadstone.load.closed import ClosedRun
from loadstone.load.open import OpenRun
from loadstone.load.scene import Scene
from loadstone.measure.recorder import NO_SCENARIO, Recorder
from loadstone.measure.snapshot import LOAD, WARM_UP, WIND_DOWN, Series, Snapshot
from loadstone.plan.profile import ClosedProfile, OpenProfile

# How long before its start a scenario opens the connections that its first arrivals need.
AHEAD_NS = SECOND // 2


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How long to wait for sessions and for the end, and how many sessions an open scenario may have here."""

    patience_ns: int
    graceful_ns: int
    most_sessions: int


class Engine:
    """Runs the scenes of this worker from one common start.

    emit:   takes what was measured since the last call, at least once a second
    sample: reads the generator's own health into the recorder, before each emit
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        recorder: Recorder,
        timers: Timers,
        limits: EngineLimits,
        emit: Callable[[list[Snapshot]], None],
        sample: Callable[[], None] = lambda: None,
    ) -> None:
        self._scenes, self._recorder, self._timers, self._limits = scenes, recorder, timers, limits
        self._emit, self._sample = emit, sample
        self._runs: dict[str, OpenRun | ClosedRun] = {}
        self._finished = {scene.name: asyncio.Event() for scene in scenes}
        self._scheduling = {scene.name for scene in scenes}
        self._stopping = asyncio.Event()
        self._cut_off = False
        self._start_ns = 0
        self._seq = 0
        self._taken_ns = 0
        self._began_ns: dict[str, int] = {}
        self._timed_until: dict[str, int] = {}  # of scenarios whose profile is at work

    async def run(self, start_ns: int) -> None:
        """Everything from the first arrival to the end of the last session."""
        self._start_ns = self._taken_ns = start_ns
        self._timers.at(start_ns + SECOND, self._tick)
        async with asyncio.TaskGroup() as group:
            for scene in self._scenes:
                group.create_task(self._play(scene))
        self._take()

    def stop(self) -> None:
        """Start nothing more; end what is under way within the graceful time."""
        self._stopping.set()
        for run in self._runs.values():
            run.stop()

    def cut(self) -> None:
        """End everything at once; what is under way counts as interrupted."""
        self._cut_off = True
        self.stop()
        for run in self._runs.values():
            run.cut()

    @property
    def phase(self) -> str:
        """What this second is for."""
        if not self._scheduling:
            return WIND_DOWN
        judged = any(self._recorder.stretch(name).judged for name in self._scheduling if name in self._runs)
        return LOAD if judged else WARM_UP

    # -- one scenario -----------------------------------------------------------------------------------------------

    async def _play(self, scene: Scene) -> None:
        try:
            start_ns = await self._its_turn(scene)
            if not self._stopping.is_set():
                await self._perform(scene, start_ns)
        finally:
            self._scheduling.discard(scene.name)
            self._finished[scene.name].set()

    async def _its_turn(self, scene: Scene) -> int:
        if scene.plan.after:
            await self._or_stop(self._finished[scene.plan.after].wait())
            return self._timers.now_ns()
        start_ns = self._start_ns + round(scene.plan.start_s * SECOND)
        await self._or_stop(self._timers.wait_until(start_ns - AHEAD_NS))
        return start_ns

    async def _perform(self, scene: Scene, start_ns: int) -> None:
        run = self._runs[scene.name] = self._make_run(scene, start_ns)
        warm_up_ns = round(scene.plan.warm_up_s * SECOND)
        self._judge(scene, judged=warm_up_ns == 0)
        if warm_up_ns:
            self._timers.at(start_ns + warm_up_ns, lambda: self._warm(scene))
        if isinstance(run, OpenRun):
            await self._or_stop(run.prepare())
        await self._or_stop(self._timers.wait_until(start_ns))
        if self._stopping.is_set():
            run.stop()
        self._began_ns[scene.name] = self._timed_until[scene.name] = start_ns
        await run.run()
        self._count_time(scene)
        del self._timed_until[scene.name]
        self._scheduling.discard(scene.name)
        if not self._scheduling:
            self._take(LOAD)  # what follows is the end of work under way, at falling load
        await self._wind_down(run)

    async def _wind_down(self, run: OpenRun | ClosedRun) -> None:
        waiting = asyncio.ensure_future(run.wind_down())
        limit = self._timers.at(self._timers.now_ns() + self._limits.graceful_ns, run.cut)
        if self._cut_off:
            run.cut()
        await waiting
        limit.cancel()

    def _make_run(self, scene: Scene, start_ns: int) -> OpenRun | ClosedRun:
        profile = scene.plan.profile
        if isinstance(profile, ClosedProfile):
            return ClosedRun(scene, profile, start_ns)
        assert isinstance(profile, OpenProfile)
        most = scene.plan.max_sessions
        mine = self._limits.most_sessions if most is None else -(-most // scene.workers)
        return OpenRun(scene, profile, start_ns, patience_ns=self._limits.patience_ns, most_sessions=mine)

    async def _or_stop(self, awaitable: object) -> None:
        """Wait for it, or for the order to stop."""
        waiting = asyncio.ensure_future(awaitable)  # type: ignore[arg-type]
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                waiting.result()
        finally:
            waiting.cancel()
            stopping.cancel()

    # -- once a second ----------------------------------------------------------------------------------------------

    def _warm(self, scene: Scene) -> None:
        self._take()
        self._judge(scene, judged=True)

    def _judge(self, scene: Scene, *, judged: bool) -> None:
        recorder = self._recorder
        recorder.judge(scene.name, judged=judged)
        # The generator's health belongs to no scenario: it counts as soon as any of them is judged.
        recorder.judge(NO_SCENARIO, judged=any(recorder.stretch(name).judged for name in self._runs))

    def _tick(self) -> None:
        now = self._timers.now_ns()
        self._take()
        # The grid of seconds is absolute; after a suspended machine the missed ones are left out.
        passed = (now - self._start_ns) // SECOND
        self._timers.at(self._start_ns + (passed + 1) * SECOND, self._tick)

    def _take(self, phase: str = "") -> None:
        now = self._timers.now_ns()
        if now <= self._taken_ns:
            return
        t_s = (now - self._start_ns) / SECOND
        for scene in self._scenes:
            self._count_time(scene)
            self._levels(scene)
        self._sample()
        before_s = (self._taken_ns - self._start_ns) / SECOND
        self._taken_ns = now
        self._emit(self._recorder.take(self._seq, before_s, t_s, phase or self.phase))
        self._seq += 1

    def _count_time(self, scene: Scene) -> None:
        """Add the time since the last count; every worker counts its share, so that their sum is the time that passed."""
        since, now = self._timed_until.get(scene.name), self._timers.now_ns()
        if since is not None and now > since:
            share = (now - since) // scene.workers
            self._recorder.count(scene.name, Series("load.time", (("scenario", scene.name),)), share)
            self._timed_until[scene.name] = now

    def _levels(self, scene: Scene) -> None:
        run = self._runs.get(scene.name)
        if run is None:
            return
        tags = (("scenario", scene.name),)
        self._recorder.gauge(Series("load.users", tags), run.users)
        profile = scene.plan.profile
        if isinstance(profile, OpenProfile):
            began_ns = self._began_ns.get(scene.name)
            since_s = -1.0 if began_ns is None else (self._timers.now_ns() - began_ns) / SECOND
            self._recorder.gauge(Series("load.target_rate", tags), profile.rate_at(since_s) / scene.workers if since_s >= 0 else 0.0)

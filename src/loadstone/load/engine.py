"""The engine of one worker: starts scenarios on time, ticks once a second, and ends them well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from loadstone.clock import MILLISECOND, SECOND, Deadline, Timers
from loadstone.load.closed import ClosedRun
from loadstone.load.control import Control, Pause, Resume, Stop, concerns
from loadstone.load.demand import Demand
from loadstone.load.open import OpenRun
from loadstone.load.scene import Scene
from loadstone.load.schedule_time import Planned, ScheduleTime
from loadstone.measure.handover import Handover
from loadstone.measure.recorder import NO_SCENARIO, Recorder
from loadstone.measure.snapshot import LOAD, PAUSED, WARM_UP, WIND_DOWN, Series, Snapshot
from loadstone.plan.profile import ClosedProfile, OpenProfile

# How long before its start a scenario opens the connections that its first arrivals need.
AHEAD_NS = SECOND // 2
# What was recorded in a second is folded in slices of this length, so that nothing that is due waits longer for it; but no
# later than this, so that gates and views see a second while it is still news.
SLICE_NS = 200_000
LATEST_NS = 50 * MILLISECOND
# The end of a schedule that falls on a full second is not worth a snapshot of its own.
SLIVER_NS = MILLISECOND


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How long to wait for sessions and for the end, and how many sessions an open scenario may have here."""

    patience_ns: int
    graceful_ns: int
    most_sessions: int


class Engine:
    """Runs the scenes of this worker from one common start.

    emit:   takes what was measured in each second, and in the parts of one where judging begins or ends, some ms after its end
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
        self._time = ScheduleTime(timers)
        self._controls: list[tuple[Control, int]] = []  # those that change how much is asked for, and their moments of the schedule
        self._finished = {scene.name: asyncio.Event() for scene in scenes}
        self._scheduling = {scene.name for scene in scenes}
        self._stopping = asyncio.Event()
        self._cut_off = False
        self._start_ns = self._taken_ns = 0
        self._seq = 0
        self._timed_until: dict[str, int] = {}  # schedule time, of scenarios whose profile is at work
        self._ticking: Deadline | None = None
        self._handover: Handover | None = None  # what was cut off last and is not emitted yet
        self._handover_by_ns = 0
        for name in (*self._finished, NO_SCENARIO):
            recorder.judge(name, judged=False)

    async def run(self, start_ns: int, before: Sequence[tuple[Control, float]] = ()) -> None:
        """Everything from the first arrival to the end of the last session.

        before: changes of an earlier part of the run, as in the message `Go`
        """
        self._start_ns = self._taken_ns = start_ns
        self._controls = [(control, start_ns + round(at_s * SECOND)) for control, at_s in before]
        self._ticking = self._timers.at(start_ns + SECOND, self._tick)
        try:
            async with asyncio.TaskGroup() as group:
                for scene in self._scenes:
                    group.create_task(self._play(scene))
        finally:
            self._ticking.cancel()
        self._take(self._timers.now_ns(), rest=True)
        self._hand_over()

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
            run.crew.cut()

    def control(self, control: Control, at_ns: int) -> None:
        """Do what a person asks from a real time on, which may have passed: what was due before it stays as it is."""
        self._timers.at(at_ns, lambda: self._obey(control, at_ns))

    def _obey(self, control: Control, at_ns: int) -> None:
        """All that was due before the moment is placed first, so that every worker changes the same arrivals."""
        if isinstance(control, Stop):
            self.stop()
            return
        for run in self._runs.values():
            if isinstance(run, OpenRun):
                run.place_until(at_ns)
        if isinstance(control, Pause | Resume):
            self._take(at_ns)  # a pause is a stretch of its own
            warp = self._time.warp
            self._time.turn(warp.paused(at_ns) if isinstance(control, Pause) else warp.resumed(at_ns))
        else:
            self._change(control, self._time.warp.schedule_ns(at_ns))
        for run in self._runs.values():
            run.time_turned()

    def _change(self, control: Control, schedule_ns: int) -> None:
        self._controls.append((control, schedule_ns))
        for scene in self._scenes:
            if scene.name in self._runs:
                self._apply(control, schedule_ns, scene, self._runs[scene.name])

    def _apply(self, control: Control, schedule_ns: int, scene: Scene, run: OpenRun | ClosedRun) -> None:
        if concerns(control, scene.name, is_open=scene.plan.profile.is_open):
            run.change(control, schedule_ns)

    @property
    def given_up(self) -> bool:
        """Are there sessions that no cancelling could end?"""
        return any(run.crew.given_up for run in self._runs.values())

    @property
    def phase(self) -> str:
        """What this second is for."""
        if not self._scheduling:
            return WIND_DOWN
        if self._time.stands:
            return PAUSED
        judged = any(self._recorder.stretch(scene.name).judged for scene in self._scenes)
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
        """Wait until the scenario's preparations may begin; answers its start, in schedule time."""
        if scene.plan.after:
            await self._or_stop(self._finished[scene.plan.after].wait())
            return self._time.now_ns() + AHEAD_NS
        start_ns = self._start_ns + round(scene.plan.start_s * SECOND)
        await self._or_stop(self._time.wait_until(start_ns - AHEAD_NS))
        return start_ns

    async def _perform(self, scene: Scene, start_ns: int) -> None:
        run = self._runs[scene.name] = self._make_run(scene, start_ns)
        judged_ns = start_ns + round(scene.plan.warm_up_s * SECOND)
        judging: Planned | None = None
        if judged_ns == self._start_ns:
            self._judge(scene, judged=True)  # at once, so that the connections made for the first arrivals count, too
        else:
            judging = self._time.at(judged_ns, lambda: self._begin_judging(scene, judged_ns + self._time.warp.shift_ns))
        if isinstance(run, OpenRun):
            run.prepare()
        await self._or_stop(self._time.wait_until(start_ns))
        if self._stopping.is_set():
            run.stop()
        self._timed_until[scene.name] = start_ns
        await run.run()
        self._count_time(scene)
        del self._timed_until[scene.name]
        if judging is not None:
            judging.cancel()  # stopped before its warm-up was over: then nothing of it is judged
        self._scheduling.discard(scene.name)
        if not self._scheduling:
            now = self._timers.now_ns()
            if now - self._taken_ns > SLIVER_NS:
                self._take(now, LOAD)  # what follows is the end of work under way, at falling load
        await self._wind_down(run)
        if self._scheduling:
            self._end_judging(scene)

    async def _wind_down(self, run: OpenRun | ClosedRun) -> None:
        limit = self._timers.at(self._timers.now_ns() + self._limits.graceful_ns, run.crew.cut)
        if self._cut_off:
            run.crew.cut()
        await run.wind_down()
        limit.cancel()

    def _make_run(self, scene: Scene, start_ns: int) -> OpenRun | ClosedRun:
        profile = scene.plan.profile
        origin_ns = start_ns - round(scene.plan.skip_s * SECOND)  # where the profile would have begun
        before = [each for each in self._controls if concerns(each[0], scene.name, is_open=profile.is_open)]
        if isinstance(profile, ClosedProfile):
            closed = ClosedRun(scene, profile, origin_ns, self._time)
            for control, at_ns in before:
                closed.change(control, at_ns)
            return closed
        assert isinstance(profile, OpenProfile)
        most = scene.plan.max_sessions
        mine = self._limits.most_sessions if most is None else len(range(scene.worker, most, scene.workers))
        demand = Demand.of(profile)
        for control, at_ns in before:
            demand = demand.with_change(control, (at_ns - origin_ns) / SECOND)
        return OpenRun(scene, demand, origin_ns, self._time, patience_ns=self._limits.patience_ns, most_sessions=mine)

    async def _or_stop(self, awaited: Awaitable[object]) -> None:
        """Wait for it, or for the order to stop."""
        waiting = asyncio.ensure_future(awaited)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                waiting.result()
        finally:
            waiting.cancel()
            stopping.cancel()

    # -- once a second ----------------------------------------------------------------------------------------------

    def _begin_judging(self, scene: Scene, at_ns: int) -> None:
        self._take(at_ns)
        self._judge(scene, judged=True)

    def _end_judging(self, scene: Scene) -> None:
        """Others are still to come: while they warm up, time must not count as judged for one that is over."""
        recorder = self._recorder
        others = any(recorder.stretch(name).judged for name in self._runs if name != scene.name)
        if recorder.stretch(scene.name).judged and not others:
            self._take(self._timers.now_ns(), rest=True)
            self._judge(scene, judged=False)

    def _judge(self, scene: Scene, *, judged: bool) -> None:
        recorder = self._recorder
        recorder.judge(scene.name, judged=judged)
        # The generator's health belongs to no scenario: it counts as soon as any of them is judged.
        recorder.judge(NO_SCENARIO, judged=any(recorder.stretch(name).judged for name in self._runs))

    def _tick(self) -> None:
        # The grid of seconds is absolute and the same in all workers; after a suspended machine the missed ones are left out.
        passed = (self._timers.now_ns() - self._start_ns) // SECOND
        self._take(self._start_ns + passed * SECOND)
        self._ticking = self._timers.at(self._start_ns + (passed + 1) * SECOND, self._tick)

    def _take(self, until_ns: int, phase: str = "", *, rest: bool = False) -> None:
        """Cut off what was recorded since the last time, as what happened until then; the `rest` even if no time has passed."""
        if until_ns <= self._taken_ns and not rest:
            return
        until_ns = max(until_ns, self._taken_ns)
        before_s, t_s = ((moment - self._start_ns) / SECOND for moment in (self._taken_ns, until_ns))
        if until_ns > self._taken_ns:  # of no time there are no levels, but a script may have recorded values
            for scene in self._scenes:
                self._count_time(scene)
                self._levels(scene, self._start_ns + round((before_s + t_s) / 2 * SECOND))
            self._sample()
        self._hand_over()
        self._taken_ns = until_ns
        self._handover = self._recorder.cut(self._seq, before_s, t_s, phase or self.phase)
        self._handover_by_ns = self._timers.now_ns() + LATEST_NS
        self._seq += 1
        asyncio.get_running_loop().call_soon(self._fold, self._handover)

    def _fold(self, handover: Handover) -> None:
        """Fold for a slice of time, unless something is due within it, and go on after the loop has seen to all that is ready."""
        if handover is not self._handover:
            return  # the next cut, or the end, could not wait for it
        now, due = self._timers.now_ns(), self._timers.next_ns
        if due is not None and due < now + SLICE_NS < self._handover_by_ns:
            self._timers.at(max(due, now) + SLICE_NS, lambda: self._fold_soon(handover))
        elif handover.advance(self._timers.now_ns, now + SLICE_NS):
            self._hand_over()
        else:
            self._fold_soon(handover)

    def _fold_soon(self, handover: Handover) -> None:
        # Behind the sessions that the same alarm has woken: they are to send first.
        asyncio.get_running_loop().call_soon(self._fold, handover)

    def _hand_over(self) -> None:
        """Emit what was cut off last."""
        handover, self._handover = self._handover, None
        if handover is None:
            return
        snapshots = handover.snapshots()
        if any(snapshot.start_s == snapshot.end_s for snapshot in snapshots):  # nothing but values that came at the very end
            snapshots = [snapshot for snapshot in snapshots if snapshot.counts or snapshot.distributions or snapshot.gauges]
        self._emit(snapshots)

    def _count_time(self, scene: Scene) -> None:
        """Add the time since the last count; every worker counts its share, so that their sum is the time that passed."""
        since, now = self._timed_until.get(scene.name), self._time.now_ns()
        if since is not None and now > since:
            share = (now - since) // scene.workers
            self._recorder.count(scene.name, Series("load.time", (("scenario", scene.name),)), share)
            self._timed_until[scene.name] = now

    def _levels(self, scene: Scene, at_ns: int) -> None:
        run = self._runs.get(scene.name)
        if run is None:
            return
        tags = (("scenario", scene.name),)
        self._recorder.gauge(Series("load.users", tags), run.users, most=run.take_most_users())
        if isinstance(run, OpenRun):
            rate = 0.0 if self._time.stands else run.rate_at(self._time.warp.schedule_ns(at_ns)) / scene.workers
            self._recorder.gauge(Series("load.target_rate", tags), rate)

"""The one place that puts the parts together: plan in, story out."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import FrameType
from typing import Protocol, runtime_checkable

from loadstone.clients.address import split_url
from loadstone.clients.reach import check_reachable
from loadstone.clock import SECOND
from loadstone.errors import UsageError
from loadstone.judge.conclude import conclude
from loadstone.judge.fitting import panel_of
from loadstone.judge.panel import Panel, Past
from loadstone.judge.run_state import RunState
from loadstone.judge.story import Story
from loadstone.judge.turning import Turning
from loadstone.load.control import Applied, Control, Resume, Stop, ahead_of, paused_s, stands
from loadstone.load.control_desk import ControlDesk
from loadstone.load.fleet import LocalFleet
from loadstone.load.frames import Ready
from loadstone.load.outlook import longest_s
from loadstone.load.spawn import WorkerProcess
from loadstone.measure.catalogue import Metric
from loadstone.measure.declared import catalogue_of
from loadstone.measure.earlier import Earlier
from loadstone.measure.sink import Sink
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
from loadstone.plan.rest import rest_of
from loadstone.probes.own import PARENT, ParentHealth
from loadstone.probes.rest import at_rest
from loadstone.probes.watch import Watch


def execute(
    plan: Plan,
    sinks: Sequence[Sink] = (),
    *,
    worker: WorkerProcess | None = None,
    command: Sequence[str] = (),
    preflight: bool = True,
    past: Past | None = None,
    earlier: Earlier | None = None,
    changes: Sequence[Applied] = (),
    checkpoint: Checkpoint | None = None,
    desk: ControlDesk | None = None,
    afterwards: Callable[[int, FrameType | None], None] | None = None,
) -> Story:
    """Run a plan and judge it.

    sinks:      watch the run; they are closed at its end
    worker:     a worker process that was started ahead
    command:    the command line, for the record
    past:       what gates on regressions compare with
    earlier:    a part that was made before: the rest is made now, and both are judged as one
    changes:    what people did to the load of that part, in order; what they asked for holds on, but a pause is over
    checkpoint: is given what can be told until then
    desk:       where people ask for changes of the load while it goes on
    afterwards: hears SIGINT and SIGTERM from the end of the load on, also when we are done; None: whoever did before
    raises:     TargetUnreachable before any load is made, UsageError for what the workers refuse
    """
    rest = plan if earlier is None else rest_of(plan, earlier.ran_s, earlier.end_s - paused_s(changes, earlier.end_s))
    fleet, probes = LocalFleet(rest, worker), Watch.of(plan)
    try:
        gates = panel_of(plan, catalogue_of(plan, probes.metrics), past)
        if preflight and plan.target:
            check_reachable(split_url(plan.target, unix=plan.http.unix_socket or "")[0])
        state = RunState(plan, gates)
        state.pressure.check()
        if earlier is not None:
            _go_on(state, earlier, changes, sinks)
        return asyncio.run(_conduct(state, fleet, probes, sinks, list(command), earlier, checkpoint, desk or ControlDesk(), afterwards))
    finally:
        probes.close()
        fleet.close()
        for sink in sinks:
            sink.close()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Every so many seconds of a run, `write` gets what can be told until then, as a run that was interrupted."""

    every_s: float
    write: Callable[[Story], None]


def _go_on(state: RunState, earlier: Earlier, changes: Sequence[Applied], sinks: Sequence[Sink]) -> None:
    # One that was asked for in the seconds that were lost holds from where the run goes on.
    known = [replace(each, at_s=min(each.at_s, earlier.end_s)) for each in changes]
    for snapshot in earlier.snapshots():
        state.change_until(snapshot.end_s, known)
        state.see(snapshot)
    state.change_until(math.inf, known)
    if stands(known):
        _changed(state, sinks, Applied(Resume(), earlier.end_s, "--resume"))
    state.gaps_s = earlier.gaps_s
    if state.aborted_by:
        raise UsageError(f"the run was ended by {state.aborted_by}", where="--resume", hint="loadstone report DIR")


@dataclass(frozen=True, slots=True)
class _Gone:
    """What a log says of the processes that made the load."""

    ready: list[Ready]
    lost: tuple[str, ...] = ()
    clock_steps: int = 0
    metrics: Mapping[str, Metric] = field(default_factory=dict)


def judge_again(
    plan: Plan,
    snapshots: Iterable[Snapshot],
    started_at: datetime,
    *,
    unfinished: bool | None = None,
    gaps_s: tuple[float, ...] = (),
    changes: Sequence[Applied] = (),
) -> Story:
    """The story of a run of which a log is left; one that did not come to its end is told as interrupted.

    unfinished: None: decided by whether the log reaches the end of the plan
    changes:    what people did to the load, in order
    raises:     PlanError for gates that do not fit
    """
    probes = Watch.of(plan)
    state = RunState(plan, Panel(plan.gates, catalogue_of(plan, probes.metrics), allow_few=plan.allow_few))
    state.gaps_s = gaps_s
    workers, end_s = set[str](), 0.0
    for snapshot in snapshots:
        state.change_until(snapshot.end_s, changes)
        state.see(snapshot)
        end_s = max(end_s, snapshot.end_s)
        workers |= {worker for series in snapshot.gauges for key, worker in series.tags if key == "worker"}
    if unfinished is None:
        schedule_s = longest_s(plan.model_copy(update={"patience_s": 0.0, "graceful_stop_s": 0.0}))
        unfinished = not state.aborted_by and (schedule_s is None or end_s < schedule_s + paused_s(changes, end_s) - 1.5)
    state.interrupts = int(unfinished)
    # Where there is such a clock a few reads come without its stamp; where there is none, all do.
    reads, unstamped = (state.total.count(f"generator.{name}") or 0 for name in ("reads", "unstamped_reads"))
    kernel_clock = not unstamped or unstamped < reads
    gone = _Gone([Ready(0, "", kernel_clock, kernel_timer=True, descriptor_limit=0)] * max(1, len(workers - {PARENT})))
    return conclude(state, gone, state.recorded(probes.metrics), started_at)


async def _conduct(
    state: RunState,
    fleet: LocalFleet,
    probes: Watch,
    sinks: Sequence[Sink],
    command: list[str],
    earlier: Earlier | None,
    checkpoint: Checkpoint | None,
    desk: ControlDesk,
    afterwards: Callable[[int, FrameType | None], None] | None,
) -> Story:
    turning = Turning(state, sinks)
    before_s = earlier.end_s if earlier else 0.0
    told_s = before_s
    try:
        await fleet.start()
        started_at, parent = earlier.started_at if earlier else datetime.now(UTC), ParentHealth()
        with _interruptible(state, fleet, afterwards):
            start_ns, ended_s = fleet.go(ahead_of(state.changes, before_s)), 0.0
            probes.start(start_ns)
            state.pressure.start()
            asked = [each.control for each in state.changes]
            desk.open(state.plan, _obeying(state, fleet, sinks, start_ns, before_s), asked)
            async with contextlib.aclosing(fleet.snapshots()) as snapshots:
                async for bare in snapshots:
                    snapshot = _later(parent.complete(probes.complete(bare)), before_s)
                    if state.see(snapshot):
                        fleet.stop()
                    for sink in sinks:
                        sink.snapshot(snapshot)
                    turning.see(snapshot.end_s)
                    if checkpoint is not None and snapshot.end_s >= told_s + checkpoint.every_s:
                        told_s = snapshot.end_s
                        told = state.recorded(probes.metrics)
                        checkpoint.write(conclude(state, fleet, told, started_at, command, interrupted=True))
                    ended_s = bare.end_s
            desk.close()
            state.pressure.stop()
            if state.plan.settle_s and state.total.seconds and not state.interrupts:
                await _settle(state, at_rest(probes, start_ns, ended_s, state.plan.settle_s), sinks, before_s)
    finally:
        desk.close()
        state.pressure.stop()
        fleet.hang_up()
    recorded = probes.recorded if earlier is None else state.recorded(probes.metrics)
    return conclude(state, fleet, recorded, started_at, command)


@runtime_checkable
class _Changed(Protocol):
    """A sink that also wants to know what people do to the load."""

    def changed(self, applied: Applied) -> None: ...


def _obeying(state: RunState, fleet: LocalFleet, sinks: Sequence[Sink], start_ns: int, before_s: float) -> Callable[[Control, str], None]:
    """Does what the desk hands on: in all workers from one moment on, which is noted."""

    def obey(control: Control, by: str) -> None:
        at_ns = fleet.control(control)
        _changed(state, sinks, Applied(control, before_s + (at_ns - start_ns) / SECOND, by))
        if isinstance(control, Stop):
            state.interrupts = max(1, state.interrupts)

    return obey


def _changed(state: RunState, sinks: Sequence[Sink], applied: Applied) -> None:
    state.change(applied)
    for sink in sinks:
        if isinstance(sink, _Changed):
            sink.changed(applied)


def _later(snapshot: Snapshot, by_s: float) -> Snapshot:
    """In the time of the whole run, of which another part came before."""
    return replace(snapshot, start_s=snapshot.start_s + by_s, end_s=snapshot.end_s + by_s) if by_s else snapshot


async def _settle(state: RunState, rest: AsyncGenerator[Snapshot, None], sinks: Sequence[Sink], before_s: float) -> None:
    async with contextlib.aclosing(rest) as snapshots:
        async for bare in snapshots:
            snapshot = _later(bare, before_s)
            state.see(snapshot)
            for sink in sinks:
                sink.snapshot(snapshot)
            if state.interrupts:
                return


@contextlib.contextmanager
def _interruptible(state: RunState, fleet: LocalFleet, afterwards: Callable[[int, FrameType | None], None] | None) -> Iterator[None]:
    """Ctrl-C ends the load gracefully, the second one at once; both give a full report. The third is the system's."""

    def interrupt(_signal: int, _frame: object) -> None:
        state.interrupts += 1
        if state.interrupts == 1:
            sys.stderr.write("\nstopping: waiting for what is under way (Ctrl-C again ends at once)\n")
        elif state.interrupts > 2:
            raise KeyboardInterrupt
        fleet.stop(at_once=state.interrupts > 1)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals; whoever runs us elsewhere handles them
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, afterwards or handler)

"""The one place that puts the parts together: plan in, story out."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from loadstone.clients.address import split_url
from loadstone.clients.failure import Kind
from loadstone.clients.reach import check_reachable
from loadstone.errors import UsageError
from loadstone.judge.bands import Grown, grade_all
from loadstone.judge.causes import find_causes
from loadstone.judge.course import RunCourse
from loadstone.judge.failure_patterns import failure_patterns
from loadstone.judge.load_growth import LoadGrowth
from loadstone.judge.notices import find_notices
from loadstone.judge.own_memory import OwnMemory
from loadstone.judge.panel import Panel, Past
from loadstone.judge.per_connection import ConnectionMemory
from loadstone.judge.recommend import recommend
from loadstone.judge.recovery import RecoveryWatch
from loadstone.judge.scaling import ScalingWatch
from loadstone.judge.score import decide, requirements, score, without_pressure
from loadstone.judge.story import Story
from loadstone.judge.trust import GeneratorFacts, assess
from loadstone.judge.verdict import Verdict
from loadstone.load.fleet import LocalFleet
from loadstone.load.frames import Ready
from loadstone.load.outlook import Outlook, longest_s
from loadstone.load.pressure import Pressure
from loadstone.load.spawn import WorkerProcess
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Metric
from loadstone.measure.declared import catalogue_of
from loadstone.measure.earlier import Earlier
from loadstone.measure.exchanges import exchanges, failed_exchanges
from loadstone.measure.result import LoadSummary, Result
from loadstone.measure.sink import Sink
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.band_text import level_by_load
from loadstone.plan.model import Plan
from loadstone.plan.rest import rest_of
from loadstone.probes.own import ParentHealth
from loadstone.probes.provenance import collect
from loadstone.probes.rest import at_rest
from loadstone.probes.watch import Watch

UNREACHED = frozenset({Kind.REFUSED, Kind.DNS, Kind.TIMEOUT_CONNECT})


@dataclass
class _Course:
    """What is learnt while a run goes on."""

    plan: Plan
    gates: Panel
    total: Aggregate = field(default_factory=Aggregate)
    own_memory: OwnMemory = field(default_factory=OwnMemory)
    connection_memory: ConnectionMemory = field(default_factory=ConnectionMemory)
    warm_up_s: float = 0.0
    interrupts: int = 0
    aborted_by: str = ""
    gaps_s: tuple[float, ...] = ()
    spikes: RecoveryWatch = field(default_factory=RecoveryWatch)
    instances: ScalingWatch = field(default_factory=ScalingWatch)
    pressure: Pressure = field(init=False)
    over_time: RunCourse = field(init=False)
    by_load: dict[str, LoadGrowth] = field(init=False)

    def __post_init__(self) -> None:
        self.pressure = Pressure(self.plan.pressure)
        self.over_time = RunCourse(self.gates.statements)
        self.by_load = {level: LoadGrowth(level) for band in self.plan.bands if (level := level_by_load(band.value))}

    def see(self, snapshot: Snapshot) -> bool:
        """Take in one second; True when the run should end now."""
        fired = self.gates.see(snapshot)
        self.over_time.see(snapshot)
        for level in self.by_load.values():
            level.see(snapshot)
        self.connection_memory.see(snapshot)
        if snapshot.judged:
            self.total.add(snapshot)
            self.own_memory.see(snapshot)
            self.spikes.see(snapshot)
            self.instances.see(snapshot)
        elif not self.total.seconds:
            self.warm_up_s = snapshot.end_s  # another scenario's warm-up later on is judged time of the first
        if self.aborted_by:
            return False
        self.aborted_by = self._reason(fired)
        return bool(self.aborted_by)

    def _reason(self, fired: Sequence[Verdict]) -> str:
        if fired:
            return str(fired[0].gate)
        rule = self.plan.stop
        requests, errors = exchanges(self.total), failed_exchanges(self.total)
        if rule.error_share is not None and requests >= rule.after_requests and errors > rule.error_share * requests:
            return f"stop rule: {errors} of {requests} requests failed, more than {rule.error_share:.3g} of them"
        return ""


def execute(
    plan: Plan,
    sinks: Sequence[Sink] = (),
    *,
    worker: WorkerProcess | None = None,
    command: Sequence[str] = (),
    preflight: bool = True,
    past: Past | None = None,
    earlier: Earlier | None = None,
    checkpoint: Checkpoint | None = None,
) -> Story:
    """Run a plan and judge it.

    sinks:      watch the run; they are closed at its end
    worker:     a worker process that was started ahead
    command:    the command line, for the record
    past:       what gates on regressions compare with
    earlier:    a part that was made before: the rest is made now, and both are judged as one
    checkpoint: is given what can be told until then
    raises:     TargetUnreachable before any load is made, UsageError for what the workers refuse
    """
    rest = plan if earlier is None else rest_of(plan, earlier.ran_s, earlier.end_s)
    fleet, probes = LocalFleet(rest, worker), Watch.of(plan)
    try:
        catalogue = catalogue_of(plan, probes.metrics)
        gates = Panel(plan.gates, catalogue, allow_few=plan.allow_few, past=past)
        grade_all(plan.bands, Aggregate(), catalogue)
        if preflight and plan.target:
            check_reachable(split_url(plan.target, unix=plan.http.unix_socket or "")[0])
        course = _Course(plan, gates)
        course.pressure.check()
        if earlier is not None:
            _go_on(course, earlier)
        return asyncio.run(_conduct(course, fleet, probes, sinks, list(command), earlier, checkpoint))
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


def _go_on(course: _Course, earlier: Earlier) -> None:
    for snapshot in earlier.snapshots():
        course.see(snapshot)
    course.gaps_s = earlier.gaps_s
    if course.aborted_by:
        raise UsageError(f"the run was ended by {course.aborted_by}", where="--resume", hint="loadstone report DIR")


@dataclass(frozen=True, slots=True)
class _Gone:
    """What a log says of the processes that made the load."""

    ready: list[Ready]
    lost: tuple[str, ...] = ()
    clock_steps: int = 0
    metrics: Mapping[str, Metric] = field(default_factory=dict)


def judge_again(
    plan: Plan, snapshots: Iterable[Snapshot], started_at: datetime, *, unfinished: bool | None = None, gaps_s: tuple[float, ...] = ()
) -> Story:
    """The story of a run of which a log is left; one that did not come to its end is told as interrupted.

    unfinished: None: decided by whether the log reaches the end of the plan
    raises:     PlanError for gates that do not fit
    """
    probes = Watch.of(plan)
    course = _Course(plan, Panel(plan.gates, catalogue_of(plan, probes.metrics), allow_few=plan.allow_few))
    course.gaps_s = gaps_s
    workers, end_s = {""}, 0.0
    for snapshot in snapshots:
        course.see(snapshot)
        end_s = max(end_s, snapshot.end_s)
        workers |= {worker for series in snapshot.gauges for key, worker in series.tags if key == "worker"}
    if unfinished is None:
        schedule_s = longest_s(plan.model_copy(update={"patience_s": 0.0, "graceful_stop_s": 0.0}))
        unfinished = not course.aborted_by and (schedule_s is None or end_s < schedule_s - 1.5)
    course.interrupts = int(unfinished)
    recorded = _recorded(course, probes)
    kernel_clock = not course.total.count("generator.unstamped_reads")
    gone = _Gone([Ready(0, "", kernel_clock, kernel_timer=True, descriptor_limit=0)] * max(1, len(workers) - 1))
    return _judge(_result(course, gone, recorded, started_at, []), course, gone)


async def _conduct(
    course: _Course,
    fleet: LocalFleet,
    probes: Watch,
    sinks: Sequence[Sink],
    command: list[str],
    earlier: Earlier | None,
    checkpoint: Checkpoint | None,
) -> Story:
    before_s = earlier.end_s if earlier else 0.0
    told_s = before_s
    try:
        await fleet.start()
        started_at, parent = earlier.started_at if earlier else datetime.now(UTC), ParentHealth()
        with _interruptible(course, fleet):
            start_ns, ended_s = fleet.go(), 0.0
            probes.start(start_ns)
            course.pressure.start()
            async with contextlib.aclosing(fleet.snapshots()) as snapshots:
                async for bare in snapshots:
                    snapshot = _later(parent.complete(probes.complete(bare)), before_s)
                    if course.see(snapshot):
                        fleet.stop()
                    for sink in sinks:
                        sink.snapshot(snapshot)
                    if checkpoint is not None and snapshot.end_s >= told_s + checkpoint.every_s:
                        told_s = snapshot.end_s
                        checkpoint.write(
                            _told_so_far(_result(course, fleet, _recorded(course, probes), started_at, command), course, fleet)
                        )
                    ended_s = bare.end_s
            course.pressure.stop()
            if course.plan.settle_s and course.total.seconds and not course.interrupts:
                await _settle(course, at_rest(probes, start_ns, ended_s, course.plan.settle_s), sinks, before_s)
    finally:
        course.pressure.stop()
        fleet.hang_up()
    recorded = probes.recorded if earlier is None else _recorded(course, probes)
    return _judge(_result(course, fleet, recorded, started_at, command), course, fleet)


def _recorded(course: _Course, probes: Watch) -> list[Metric]:
    return [metric for metric in probes.metrics if course.total.series(metric.name)]


def _told_so_far(result: Result, course: _Course, fleet: LocalFleet) -> Story:
    return _judge(replace(result, interrupted=True), course, fleet)


def _later(snapshot: Snapshot, by_s: float) -> Snapshot:
    """In the time of the whole run, of which another part came before."""
    return replace(snapshot, start_s=snapshot.start_s + by_s, end_s=snapshot.end_s + by_s) if by_s else snapshot


async def _settle(course: _Course, rest: AsyncGenerator[Snapshot, None], sinks: Sequence[Sink], before_s: float) -> None:
    async with contextlib.aclosing(rest) as snapshots:
        async for bare in snapshots:
            snapshot = _later(bare, before_s)
            course.see(snapshot)
            for sink in sinks:
                sink.snapshot(snapshot)
            if course.interrupts:
                return


@contextlib.contextmanager
def _interruptible(course: _Course, fleet: LocalFleet) -> Iterator[None]:
    """Ctrl-C ends the load gracefully, the second one at once; both give a full report. The third is the system's."""

    def interrupt(_signal: int, _frame: object) -> None:
        course.interrupts += 1
        if course.interrupts == 1:
            sys.stderr.write("\nstopping: waiting for what is under way (Ctrl-C again ends at once)\n")
        elif course.interrupts > 2:
            raise KeyboardInterrupt
        fleet.stop(at_once=course.interrupts > 1)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals; whoever runs us elsewhere handles them
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _result(course: _Course, fleet: LocalFleet | _Gone, recorded: Sequence[Metric], started_at: datetime, command: list[str]) -> Result:
    plan, total = course.plan, course.total
    catalogue = catalogue_of(plan, (*fleet.metrics.values(), *recorded))
    first = fleet.ready[0]
    return Result(
        plan_name=plan.name,
        target=plan.target or "",
        started_at=started_at,
        seconds=total.seconds,
        warm_up_s=course.warm_up_s,
        total=total,
        catalogue=catalogue,
        load=_load(course),
        provenance=collect(
            seed=plan.seed,
            command=command,
            plan=plan.model_dump_json(exclude={"source", "probes"} | ({"target"} if plan.embedded else set())),
            event_loop=first.event_loop,
            kernel_clock=first.kernel_clock,
        ),
        workers=len(fleet.ready),
        interrupted=course.interrupts > 0,
        aborted_by=course.aborted_by,
        clock_steps=fleet.clock_steps,
    )


def _load(course: _Course) -> LoadSummary:
    total = course.total
    outlook = Outlook.of(course.plan, course.warm_up_s + total.seconds, course.warm_up_s)
    requests = exchanges(total)
    arrivals, dropped = total.count("load.arrivals") or 0, total.count("load.dropped") or 0
    users = total.gauge("load.users")
    begun = arrivals - dropped if outlook.is_open else requests
    return LoadSummary(
        target_rate=outlook.rate_per_s,
        achieved_rate=begun / total.seconds if total.seconds else 0.0,
        requests=requests,
        errors=failed_exchanges(total),
        dropped=dropped,
        arrivals=arrivals,
        asked_arrivals=outlook.arrivals if outlook.arrivals is not None else (arrivals if outlook.is_open else None),
        users=round(users.greatest) if users else 0,
    )


def _judge(result: Result, course: _Course, fleet: LocalFleet | _Gone) -> Story:
    total, plan, load = result.total, course.plan, result.load
    ready = fleet.ready
    # What was sent too late does not count as sent: a schedule of 10 s that took 12 reached five sixths of its load.
    outlook = Outlook.of(plan, course.warm_up_s + total.seconds, course.warm_up_s)
    in_time = min(1.0, outlook.seconds / total.seconds) if outlook.seconds and total.seconds else 1.0
    facts = GeneratorFacts(
        asked_arrivals=load.asked_arrivals,
        achieved_arrivals=round((load.arrivals - load.dropped) * in_time),
        clock_steps=result.clock_steps,
        kernel_clock=all(worker.kernel_clock for worker in ready),
        descriptor_limit=min(worker.descriptor_limit for worker in ready),
        workers=len(ready),
        lost=tuple(fleet.lost),
        allow_unreached=plan.allow_unreached or bool(course.aborted_by) or result.interrupted,
        pressed=course.pressure.applied,
        unpressed=course.pressure.missed,
        gaps_s=course.gaps_s,
    )
    trust = assess(total, facts)
    verdicts = course.gates.verdicts(total)
    if facts.unpressed:
        verdicts = without_pressure(verdicts, facts.unpressed, plan.pressure.scenario if plan.pressure else "")
    any_samples = bool(load.requests or total.count("iteration.count"))
    decision, code = decide(
        verdicts,
        trust,
        interrupted=result.interrupted,
        load_reached=trust.load_reached,
        any_samples=any_samples,
        unreachable=_unreachable(total),
        worker_lost=bool(fleet.lost),
        as_asked=not facts.unpressed,
    )
    bands = grade_all(plan.bands, total, result.catalogue, allow_few=plan.allow_few, grown=Grown(course.by_load, verdicts))
    notices = find_notices(total, facts, course.gates.specs, course.own_memory)
    recoveries = tuple(course.spikes.finish())
    causes = find_causes(course.over_time, total, verdicts, trust, result.catalogue)
    return Story(
        result,
        decision,
        code,
        trust,
        tuple(verdicts),
        tuple(notices),
        requirements(verdicts),
        score(verdicts),
        bands,
        recoveries,
        tuple(course.instances.answers(recoveries)),
        causes,
        recommend(causes),
        failure_patterns(course.over_time, total),
        course.connection_memory.finding(),
    )


def _unreachable(total: Aggregate) -> bool:
    """Did every single exchange fail for want of a connection?"""
    requests = exchanges(total)
    unreached = sum(failed_exchanges(total, {"kind": kind}) for kind in UNREACHED)
    return requests > 0 and unreached >= requests

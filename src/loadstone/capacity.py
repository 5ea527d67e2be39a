"""The largest load that meets every objective: levels run one after another, as the search asks for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from loadstone.errors import ExitCode, TargetUnreachable
from loadstone.judge.capacity import Capacity, Recovery
from loadstone.judge.capacity_level import Level, Others, judge_level, objective_text, samples_needed
from loadstone.judge.capacity_search import Answer, Ask, Limits, Outcome, Search
from loadstone.judge.limits import ReadyGate, resolve_all
from loadstone.judge.readings import read
from loadstone.judge.story import Story
from loadstone.judge.verdict import Status
from loadstone.load.spawn import WorkerProcess
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.declared import catalogue_of
from loadstone.measure.sink import Sink
from loadstone.measure.snapshot import WIND_DOWN, Snapshot
from loadstone.plan.gate_text import Dimension, GateSpec
from loadstone.plan.levels import LEVEL
from loadstone.plan.model import Plan
from loadstone.plan.scaled import Knob, Shares, level_plan, step_down_plan
from loadstone.probes.contention import Stretch
from loadstone.probes.watch import Watch
from loadstone.run import execute

WARM_UP_S = 1.0
REST_S = 0.3
REST_AFTER_FAILURE_S = 1.0
REST_BUSY_S = 3.0  # others' bursts pass
RESTS_S = {Answer.NOT_MET: REST_AFTER_FAILURE_S, Answer.HOST_BUSY: REST_BUSY_S}
# Up past the limit, then down: half of the capacity leaves room to work the queue off, nine tenths is where it was met before.
OVERLOAD, REST_SHARE, AGAIN_SHARE = 1.4, 0.5, 0.9
SPOILT_SHARE = 0.05  # of a level's seconds that other programs may spoil; a 95th percentile can break with them


@dataclass(frozen=True, slots=True)
class StepDown:
    """How long each part of the way back down lasts."""

    overload_s: float = 4.0
    rest_s: float = 12.0
    again_s: float = 6.0

    @property
    def seconds(self) -> float:
        """All of it, with its start and its end."""
        return self.overload_s + self.rest_s + self.again_s + 3.0


class Execute(Protocol):
    """What runs one plan; `loadstone.run.execute` unless a test brings another."""

    def __call__(
        self, plan: Plan, sinks: Sequence[Sink] = (), *, worker: WorkerProcess | None = None, command: Sequence[str] = ()
    ) -> Story:
        """See run.execute."""


@dataclass
class _Seconds:
    """A sink that keeps the seconds of one level, and how other programs spoilt them.

    look: what happened on this machine since the look before
    """

    look: Callable[[], Stretch | None] = lambda: None
    limit_s: float = math.inf
    snapshots: list[Snapshot] = field(default_factory=list)
    spoilt: list[str] = field(default_factory=list)
    crowded: list[str] = field(default_factory=list)

    def snapshot(self, snapshot: Snapshot) -> None:
        """See Sink."""
        stretch = self.look()
        self.snapshots.append(snapshot)
        if stretch is not None and snapshot.judged:
            if why := stretch.spoilt(self.limit_s):
                self.spoilt.append(why)
            if stretch.crowded:
                self.crowded.append(stretch.others)

    def close(self) -> None:
        """See Sink."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: which plan, turned up how, against which objectives, in how much time.

    step_down: look at recovery and hysteresis, too; None: do not
    noun:      what the load is called; empty: rate or users
    """

    plan: Plan
    shares: Shares
    objectives: tuple[GateSpec, ...]
    limits: Limits
    budget_s: float
    poisson: bool = False
    warm_up_s: float = WARM_UP_S
    step_down: StepDown | None = StepDown()
    noun: str = ""

    @property
    def by(self) -> str:
        """What is turned up: rate, users, or connections."""
        return self.noun or str(self.shares.knob)

    @property
    def unit(self) -> str:
        """Of loads, as it follows a number."""
        return "/s" if self.shares.knob is Knob.RATE else f" {self.by}"


def search(
    question: Question,
    *,
    told: Callable[[Level], None] = lambda _: None,
    sinks: Callable[[Plan], Sequence[Sink]] = lambda _: (),
    look: Callable[[], Stretch | None] = lambda: None,
    worker: WorkerProcess | None = None,
    ahead: Callable[[], WorkerProcess | None] = lambda: None,
    command: Sequence[str] = (),
    run: Execute = execute,
    clock: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> Capacity:
    """Find the capacity; Ctrl-C keeps what was learnt.

    told:   hears of each level when it is over
    sinks:  watch a level, given its plan, whose tag `level` says which one it is
    look:   what happened on this machine since it was called before; `probes.contention.Contention.look`
    worker: a worker process that was started ahead, for the first level
    ahead:  gives one for each level that follows; None: each run starts its own
    raises: TargetUnreachable when nothing answers before the first level; PlanError for objectives that do not fit
    """
    hunt = _Hunt(question, told, sinks, look, worker, ahead, command, run, clock, rest)
    recovery = None
    try:
        hunt.go()
        if not hunt.ended and hunt.search.found().outcome is Outcome.FOUND and hunt.down is not None:
            recovery = hunt.step_down(hunt.down)
    except TargetUnreachable as error:
        hunt.cut_short(error, f"the target is gone: {error.what}")
        hunt.gone = True
    except KeyboardInterrupt as error:
        hunt.cut_short(error, "stopped by hand")
        hunt.interrupted = True
    return hunt.capacity(recovery)


def needed_samples(question: Question) -> int:
    """Exchanges that the most demanding objective needs; raises PlanError for objectives that do not fit the plan's metrics."""
    return samples_needed(_ready(question))


def _ready(question: Question) -> list[ReadyGate]:
    probes = Watch.of(question.plan)
    try:
        return resolve_all(question.objectives, catalogue_of(question.plan, probes.metrics), allow_few=True)
    finally:
        probes.close()


class _Hunt:
    """One search under way: asks, runs, judges, and keeps what was learnt."""

    def __init__(
        self,
        question: Question,
        told: Callable[[Level], None],
        sinks: Callable[[Plan], Sequence[Sink]],
        look: Callable[[], Stretch | None],
        worker: WorkerProcess | None,
        ahead: Callable[[], WorkerProcess | None],
        command: Sequence[str],
        run: Execute,
        clock: Callable[[], float],
        rest: Callable[[float], None],
    ) -> None:
        self.question, self.search, self.levels = question, Search(question.limits), list[Level]()
        self.ended, self.gone, self.interrupted = "", False, False
        down = question.step_down
        self.down = down if down is not None and question.budget_s >= 4 * down.seconds else None
        self.reserve_s = self.down.seconds if self.down else 0.0
        self._gates, self._measured = _ready(question), set[int]()  # objectives that some level had data of, by their place
        self._told, self._sinks, self._worker, self._command = told, sinks, worker, command
        self._look, self._limit_s = (
            look,
            min((each.spec.limit for each in self._gates if each.spec.dimension is Dimension.TIME), default=math.inf),
        )
        self._run, self._clock, self._rest, self._ahead = run, clock, rest, ahead
        self._began_s = clock()

    def go(self) -> None:
        """Level after level, until the search knows enough, the time is up, or the target is gone."""
        while (ask := self.search.ask(self.question.budget_s - self.reserve_s - self._spent_s())) is not None:
            if self.levels:
                self._rest(RESTS_S.get(self.levels[-1].seen.answer, REST_S))
            level = self._level(ask)
            self.levels.append(level)
            self.search.see(level.seen)
            self._told(level)
            if level.story.exit_code is ExitCode.INTERRUPTED:
                self.interrupted, self.ended = True, "stopped by hand"
                return
            if len(self.levels) > 1 and all(each.story.exit_code is ExitCode.UNREACHABLE for each in self.levels[-2:]):
                self.gone, self.ended = True, "the target takes no connections any more"
                return
        if self.search.ask(float("inf")) is not None:
            self.ended = "the time was up"

    def step_down(self, down: StepDown) -> Recovery | None:
        """Past the limit, down to half of the capacity, and up again to just below it, in one run without a pause."""
        found = self.search.found()
        if found.met is None or found.not_met is None:
            return None
        overload, low, again = (self._whole(load) for load in (found.not_met * OVERLOAD, found.met * REST_SHARE, found.met * AGAIN_SHARE))
        steps = [(overload, down.overload_s), (low, down.rest_s), (again, down.again_s)]
        plan = step_down_plan(self.question.plan, self.question.shares, steps)
        plan = plan.model_copy(update={"stop": plan.stop.model_copy(update={"error_share": None})})
        kept = _Seconds()
        self._rest(REST_AFTER_FAILURE_S)
        story = self._run(plan, [kept], worker=self._next_worker(), command=self._command)
        if story.exit_code is ExitCode.INTERRUPTED or not kept.snapshots:
            return None
        down_s, up_s = down.overload_s, down.overload_s + down.rest_s
        resting = [each for each in kept.snapshots if down_s <= _middle(each) < up_s]
        # The first second at the new load still holds answers to what was asked before.
        last = [each for each in kept.snapshots if _middle(each) >= up_s + 1 and each.phase != WIND_DOWN]
        seconds = _back_after(resting, self._gates, down_s)
        return Recovery(overload, down.overload_s, low, seconds, down.rest_s, again, _met(Aggregate(last), self._gates))

    def cut_short(self, error: BaseException, why: str) -> None:
        """The search ends here; without a single level there is nothing to tell, and the error goes on."""
        if not self.levels:
            raise error
        self.ended = why

    def capacity(self, recovery: Recovery | None) -> Capacity:
        """The answer."""
        question = self.question
        return Capacity(
            target=question.plan.target or "",
            plan_name=question.plan.name,
            knob=question.by,
            unit=question.unit,
            objectives=tuple(objective_text(spec) for spec in question.objectives),
            levels=tuple(self.levels),
            found=self.search.found(),
            recovery=recovery,
            ended=self.ended,
            gone=self.gone,
            interrupted=self.interrupted,
            seconds=self._spent_s(),
        )

    def _level(self, ask: Ask) -> Level:
        question, kept = self.question, _Seconds(self._look, self._limit_s)
        plan = level_plan(
            question.plan,
            question.shares,
            ask.load,
            seconds=ask.seconds,
            warm_up_s=question.warm_up_s,
            objectives=question.objectives,
            poisson=question.poisson,
        )
        plan = plan.model_copy(update={"tags": {**plan.tags, LEVEL: f"{question.by}={ask.load:.6g}"}})
        story = self._run(plan, [kept, *self._sinks(plan)], worker=self._next_worker(), command=self._command)
        judged = [each for each in kept.snapshots if each.judged and each.phase != WIND_DOWN]
        spoilt = kept.spoilt[-1] if len(kept.spoilt) > SPOILT_SHARE * len(judged) else ""
        crowded = kept.crowded[-1] if len(kept.crowded) > SPOILT_SHARE * len(judged) else ""
        level = judge_level(ask, story, judged, self._gates, Others(spoilt, crowded), self._measured)
        verdicts = story.verdicts[: len(self._gates)]
        self._measured |= {at for at, verdict in enumerate(verdicts) if verdict.status is not Status.NO_DATA}
        return replace(level, by_users=question.shares.knob is Knob.USERS)

    def _next_worker(self) -> WorkerProcess | None:
        worker, self._worker = self._worker, None
        return worker or self._ahead()

    def _spent_s(self) -> float:
        return self._clock() - self._began_s

    def _whole(self, load: float) -> float:
        return float(max(1, round(load))) if self.question.limits.whole else load


def _back_after(snapshots: Sequence[Snapshot], gates: Sequence[ReadyGate], since_s: float) -> float | None:
    """Seconds from the end of the overload until every objective was met in every second that followed; None if never."""
    back: float | None = None
    for snapshot in snapshots:
        if _met(Aggregate([snapshot]), gates) is not True:
            back = None
        elif back is None:
            back = max(0.0, snapshot.start_s - since_s)
    return back


def _met(view: Aggregate, gates: Sequence[ReadyGate]) -> bool | None:
    statuses = [reading.status(gate.spec.op, gate.limit) for gate in gates if not (reading := read(gate, view)).missing]
    return all(status is Status.PASS for status in statuses) if statuses else None


def _middle(snapshot: Snapshot) -> float:
    return (snapshot.start_s + snapshot.end_s) / 2

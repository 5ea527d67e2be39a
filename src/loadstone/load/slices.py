"""A plan played in slices on demand: some iterations now, then silence with the connections kept, then some more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from loadstone.clients.failure import Kind
from loadstone.clients.wire import Wire
from loadstone.clock import SECOND
from loadstone.load.scene import Scene
from loadstone.load.session import Session
from loadstone.load.stage import stage
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.measure.exchanges import FAILED, exchanges, failed_exchanges
from loadstone.measure.recorder import Exchanges, Recorder
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.stats.histogram import Histogram, IntArray

# What a slice tells apart beside requests; the requests behind a model's answer or a message are not told twice.
TIMES = ("llm.ttft", "llm.tpot", "llm.e2e", "ws.round_trip_time")
SERVICE = "http.service_time"
UNREACHED = (Kind.REFUSED, Kind.DNS, Kind.TIMEOUT_CONNECT, Kind.RESET, Kind.CLOSED_EARLY)
CUT_WITHIN_S = 5.0


class Figure(NamedTuple):
    """What is compared: a time of one step."""

    metric: str
    scenario: str
    step: str

    def __str__(self) -> str:
        return f"{self.metric}{{step={self.step}}}" if self.step else self.metric


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice measured.

    times:     ns of the exchanges that ended as expected, by figure, in no order
    asked:     exchanges, those that failed included
    failed:    of them; iterations that raised count here, too
    unreached: of the failed, those that got no answer because nobody was there, or hung up
    errors:    failed exchanges by scenario and step
    reasons:   texts of failures and how often each was seen
    """

    times: Mapping[Figure, IntArray]
    asked: int
    failed: int
    unreached: int
    seconds: float
    errors: Mapping[tuple[str, str], int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)


class SliceRecorder(Recorder):
    """A recorder that gives single values back, so that slices of a few requests need no histogram."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: dict[int, Exchanges] = {}
        self._folded: dict[str, str] = dict(zip(TIMES, TIMES, strict=True))  # what lies in histograms, and the figure it belongs to

    def exchanges(self, scenario: str, step: str, tags: Mapping[str, str], prefix: str = "http") -> Exchanges:
        """See Recorder."""
        found = super().exchanges(scenario, step, tags, prefix)
        self._steps[id(found)] = found
        self._folded[f"{prefix}.service_time"] = SERVICE  # of the rows that were too many for the columns
        return found

    def cut_slice(self, seconds: float) -> Slice:
        """Everything since the last cut."""
        times: dict[Figure, list[IntArray]] = {}
        asked = 0
        for step in self._steps.values():
            good, bad = step.rows.take(), step.failed.take()
            asked += len(good) + len(bad)
            if len(good):
                tags = dict(step.tags)
                times.setdefault(Figure(SERVICE, tags.get("scenario", ""), step.step), []).append(good[:, 3] - good[:, 1])
        total = Aggregate(self.take(0, 0.0, seconds, ""))
        for metric, figure in self._folded.items():
            for series in total.series(metric):
                tags = dict(series.tags)
                values = _values(total.distribution(metric, tags))
                if tags.get("outcome", "ok") == "ok" and len(values):
                    times.setdefault(Figure(figure, tags.get("scenario", ""), tags.get("step", "")), []).append(values)
        told = {(each.scenario, each.step) for each in times if each.metric != SERVICE}
        return Slice(
            {
                each: np.concatenate(parts)
                for each, parts in times.items()
                if each.metric != SERVICE or (each.scenario, each.step) not in told
            },
            asked + exchanges(total),
            failed_exchanges(total) + (total.count("iteration.errors") or 0),
            sum(failed_exchanges(total, {"kind": kind}) for kind in UNREACHED),
            seconds,
            _errors(total),
            {failure.text: count for failure, count in total.failures.items()},
        )


def _errors(total: Aggregate) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for metric in FAILED:
        for series in total.series(metric):
            tags = dict(series.tags)
            key = tags.get("scenario", ""), tags.get("step", "")
            counts[key] = counts.get(key, 0) + (total.count(metric, tags) or 0)
    return counts


def _values(histogram: Histogram | None) -> IntArray:
    """Values in the middle of the buckets; each is off by at most half a bucket (relative 2**-9)."""
    if histogram is None:
        return np.empty(0, np.int64)
    middles = [(low + high) // 2 for low, high, _ in histogram.buckets()]
    return np.repeat(np.array(middles, np.int64), [count for *_, count in histogram.buckets()])


class Slices:
    """One arm: the users of a plan, their connections, and what they are asked to do next.

    raises: UsageError for what the plan's code refuses
    """

    def __init__(self, plan: Plan, wire: Wire) -> None:
        self._wire, self._recorder = wire, SliceRecorder()
        catalogue = Catalogue(declared(plan.metrics))
        self._scenes = [stage(plan, _bare(scenario), wire, self._recorder, catalogue) for scenario in plan.scenarios]
        self._sessions: dict[str, list[Session]] = {scene.name: [] for scene in self._scenes}

    async def play(self, iterations: int, users: int = 1, every_ns: int = 0) -> Slice:
        """Each scenario one after another: so many iterations, shared evenly by its users (rounded up).

        every_ns: least time from the start of a user's iteration to that of its next one; 0 is at once
        """
        began = self._wire.timers.now_ns()
        for scene in self._scenes:
            mine = await self._users(scene, users)
            each = -(-iterations // users)
            if users == 1:
                await self._go_on(scene, mine[0], each, every_ns)
            else:
                async with asyncio.TaskGroup() as group:
                    for session in mine[:users]:
                        group.create_task(self._go_on(scene, session, each, every_ns))
        return self._recorder.cut_slice((self._wire.timers.now_ns() - began) / SECOND)

    async def play_for(self, seconds: float, users: int) -> tuple[Slice, int]:
        """Closed loops for about so long, each user at least one iteration; answers the iterations, too."""
        began = self._wire.timers.now_ns()
        until, iterations = began + round(seconds * SECOND), 0

        async def loop(scene: Scene, session: Session) -> None:
            nonlocal iterations
            more = True
            while more:
                await self._go_on(scene, session, 1, 0)
                iterations += 1
                more = self._wire.timers.now_ns() < until

        everybody = [(scene, session) for scene in self._scenes for session in (await self._users(scene, users))[:users]]
        async with asyncio.TaskGroup() as group:
            for scene, session in everybody:
                group.create_task(loop(scene, session))
        return self._recorder.cut_slice((self._wire.timers.now_ns() - began) / SECOND), iterations

    async def close(self) -> None:
        """End all users and let go of their connections."""
        for scene in self._scenes:
            for session in self._sessions[scene.name]:
                try:
                    await asyncio.wait_for(scene.end(session), CUT_WITHIN_S)
                except (TimeoutError, asyncio.CancelledError):
                    session.close()  # a script's on_stop that hangs keeps nobody from ending
            self._sessions[scene.name].clear()

    async def _users(self, scene: Scene, users: int) -> Sequence[Session]:
        mine = self._sessions[scene.name]
        while len(mine) < users:
            session = scene.enter(len(mine))
            mine.append(session)
            await scene.start(session)
        return mine

    async def _go_on(self, scene: Scene, session: Session, iterations: int, every_ns: int) -> None:
        timers = self._wire.timers
        due = timers.now_ns()
        for _ in range(iterations):
            if every_ns:
                await timers.wait_until(due)
                due = max(due + every_ns, timers.now_ns())
            if session.leaving or not scene.next_row(session):
                return
            await scene.iterate(session)


def _bare(scenario: ScenarioPlan) -> ScenarioPlan:
    """Without warm-up and the times to think: between two slices there is rest enough."""
    steps = tuple(step.model_copy(update={"think": None}) for step in scenario.steps)
    return scenario.model_copy(update={"steps": steps, "think": None, "pacing": None, "warm_up_s": 0.0})

"""Servers that are arithmetic alone, behind the same call that runs a plan: their capacity is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loadstone.capacity import Question, needed_samples
from loadstone.judge.capacity_search import Limits
from loadstone.judge.panel import Panel
from loadstone.judge.story import Story
from loadstone.load.spawn import WorkerProcess
from loadstone.measure.declared import catalogue_of
from loadstone.measure.sink import Sink
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import Plan
from loadstone.plan.profile import ClosedProfile, OpenProfile
from loadstone.plan.scaled import Knob, objectives_of, shares_of
from loadstone.probes.contention import Strained, Stretch
from loadstone.run import judge_again
from loadstone.stats.histogram import Histogram

TAGS = (("outcome", "ok"), ("scenario", "s"), ("step", "ask"))
COUNTED = TAGS[1:]
BUSY = Stretch(1.5, 0.0, Strained(0.6, 0.4, 1.0, 0.4, 0.004), None)  # a second in which others held the target up
Levels = NDArray[np.float64]
Marks = NDArray[np.bool_]
Serve = Callable[[Levels, np.random.Generator], tuple[Levels, Marks]]


def queue(rate_per_s: float, *, servers: int = 1, exponential: bool = False, jitter: float = 0.0, base_s: float = 0.0) -> Serve:
    """Servers that each take one at a time from one queue: response times of arrivals, and which of them failed."""

    def serve(arrivals_s: Levels, rng: np.random.Generator) -> tuple[Levels, Marks]:
        mean_s = servers / rate_per_s
        work = rng.exponential(mean_s, len(arrivals_s)) if exponential else np.full(len(arrivals_s), mean_s)
        free, times = np.zeros(servers), np.zeros(len(arrivals_s))
        for at, (arrival, lasts) in enumerate(zip(arrivals_s, work, strict=True)):
            first = int(free.argmin())
            free[first] = max(free[first], arrival) + lasts
            times[at] = free[first] - arrival
        noise = rng.lognormal(0.0, jitter, len(times)) if jitter else 1.0
        return (times + base_s) * noise, np.zeros(len(times), dtype=bool)

    return serve


@dataclass
class Simulation:
    """Stands in for run.execute; time passes only on its own clock.

    serve:     response times in seconds of arrivals in seconds, of a server that starts idle; whether each failed
    per_user:  for users: response time in seconds at so many users
    late_above: arrivals per second beyond which the generator itself is late
    """

    serve: Serve | None = None
    per_user_s: Callable[[int], float] | None = None
    late_above: float = float("inf")
    seed: int = 1
    now_s: float = 0.0
    loads: list[float] = field(default_factory=list)
    before: Callable[[Simulation], None] = lambda _: None
    cpu_of: Callable[[float], float] | None = None

    def __call__(
        self,
        plan: Plan,
        sinks: Sequence[Sink] = (),
        *,
        worker: WorkerProcess | None = None,  # noqa: ARG002  the call of run.execute
        command: Sequence[str] = (),  # noqa: ARG002
    ) -> Story:
        self.before(self)
        profile, warm_up_s = plan.scenarios[0].profile, plan.scenarios[0].warm_up_s
        rng = np.random.default_rng([self.seed, len(self.loads)])
        lasts_s = profile.duration_s
        if isinstance(profile, OpenProfile):
            arrivals = np.concatenate([np.zeros(0), *profile.arrivals(rng)]) / 1e9
            self.loads.append(profile.peak_rate_per_s)
            assert self.serve is not None
            times, failed = self.serve(arrivals, rng)
        else:
            assert isinstance(profile, ClosedProfile)
            assert self.per_user_s is not None
            self.loads.append(profile.max_users)
            each_s = self.per_user_s(profile.max_users)
            ends = np.arange(0.0, lasts_s, each_s / profile.max_users)
            times = each_s * rng.lognormal(0.0, 0.05, len(ends))
            arrivals, failed = np.maximum(0.0, ends - times), np.zeros(len(ends), dtype=bool)
        snapshots = self._cut(plan, self._seconds(arrivals, times, failed, warm_up_s, lasts_s))
        for snapshot in snapshots:
            for sink in sinks:
                sink.snapshot(snapshot)
        self.now_s += snapshots[-1].end_s + 1.0
        return judge_again(plan, snapshots, datetime(2025, 1, 1, tzinfo=UTC), unfinished=False)

    def _seconds(self, arrivals: Levels, times: Levels, failed: Marks, warm_up_s: float, lasts_s: float) -> list[Snapshot]:
        late = self.loads[-1] > self.late_above
        found = []
        for number, (begin, end) in enumerate(pairwise(np.arange(0.0, lasts_s + 1.0))):
            answered = (arrivals + times >= begin) & (arrivals + times < end)
            due = int(((arrivals >= begin) & (arrivals < end)).sum())
            histogram, lags = Histogram(), Histogram()
            histogram.record_many((times[answered & ~failed] * 1e9).astype(np.int64))
            lags.record(int(1e9 if late else 1e5), max(1, due))
            counts = {Series("http.requests", COUNTED): int(answered.sum()), Series("load.arrivals", COUNTED[:1]): due}
            if errors := int((answered & failed).sum()):
                counts[Series("http.errors", (("kind", "status"), *COUNTED))] = errors
            cpu = self.cpu_of(self.loads[-1]) if self.cpu_of else None
            gauges = {Series("target.cpu"): Gauge.of(cpu), Series("target.cpu_limit"): Gauge.of(100.0)} if cpu is not None else {}
            values = {Series("http.response_time", TAGS): histogram} if histogram.count else {}
            found.append(
                Snapshot(
                    number,
                    float(begin),
                    float(end),
                    bool(begin >= warm_up_s),
                    distributions={**values, Series("load.send_lag"): lags},
                    counts=counts,
                    gauges=gauges,
                )
            )
        return found

    def _cut(self, plan: Plan, snapshots: list[Snapshot]) -> list[Snapshot]:
        panel = Panel(plan.gates, catalogue_of(plan, ()), allow_few=plan.allow_few)
        for number, snapshot in enumerate(snapshots):
            if panel.see(snapshot):
                return snapshots[: number + 1]
        return snapshots

    def clock(self) -> float:
        return self.now_s

    def rest(self, seconds: float) -> None:
        self.now_s += seconds


def question(
    *slos: str, start: float = 10, most: float = 5000, least: float = 0.5, budget_s: float = 180, users: bool = False, poisson: bool = False
) -> Question:
    profile = {"kind": "constant-users", "users": 1, "duration": "1m"} if users else {"kind": "constant-rate", "rate": 1, "duration": "1m"}
    plan = Plan.model_validate(
        {
            "target": "http://127.0.0.1:9",
            "scenarios": {"s": {"profile": profile, "steps": [{"name": "ask", "method": "GET", "path": "/"}]}},
            "gates": list(slos) or ["p95(http.response_time) < 200ms", "rate(http.errors) < 1%"],
        }
    )
    shares = shares_of(plan, Knob.USERS if users else Knob.RATE)
    limits = Limits(start, least, most, whole=users, by_chance=poisson, level_s=7.0)
    asked = Question(plan, shares, objectives_of(plan), limits, budget_s, poisson)
    return replace(asked, limits=replace(limits, needed=needed_samples(asked)))

"""What a search for capacity found: the interval, the curve, who bends first, and what happened on the way back down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadstone.errors import ExitCode, NoSamples
from loadstone.judge.capacity_bend import Bend, Reading, first_bend, per_core, readings_of
from loadstone.judge.capacity_level import Level
from loadstone.judge.capacity_search import SPOILT, Answer, Found, Outcome
from loadstone.judge.verdict import Status
from loadstone.stats.scalability import Scalability, fit

LATENCIES = ("llm.e2e", "ws.round_trip_time", "http.response_time", "iteration.duration")
FELT = ("voice.response_gap", *LATENCIES)  # what users feel; a gap in a call is no time that the call takes


@dataclass(frozen=True, slots=True)
class Recovery:
    """What followed an overload.

    overload, overload_s: how much, for how long
    rest_load:   the load after it
    seconds:     until every objective was met again at that load, and stayed so; None when it was not in the time there was
    watched_s:   how long that was looked for
    again_load:  just below the capacity, tried after the rest
    again_met:   was every objective met there once more? None when it could not be judged; False is hysteresis
    """

    overload: float
    overload_s: float
    rest_load: float
    seconds: float | None
    watched_s: float
    again_load: float
    again_met: bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """The answer of `loadstone capacity`.

    knob:       rate, users or connections
    unit:       of loads: "/s", " users" or " connections"
    objectives: that must all be met, as text
    levels:     in the order they were tried
    ended:      why the search stopped before it was done; empty when it was done
    gone:       the target answered no more
    """

    target: str
    plan_name: str
    knob: str
    unit: str
    objectives: tuple[str, ...]
    levels: tuple[Level, ...]
    found: Found
    recovery: Recovery | None = None
    ended: str = ""
    gone: bool = False
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """0 found, 1 no load meets the objectives, 3 the target is gone, 4 cannot tell, 5 the generator's limit."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.gone:
            return ExitCode.UNREACHABLE
        return {
            Outcome.FOUND: ExitCode.PASS,
            Outcome.AT_LEAST: ExitCode.PASS,
            Outcome.NEVER_MET: ExitCode.GATE_FAILED,
            Outcome.CANNOT_TELL: ExitCode.INCONCLUSIVE,
            Outcome.OWN_LIMIT: ExitCode.UNTRUSTWORTHY,
        }[self.found.outcome]

    @property
    def breaks_first(self) -> str:
        """The objective that failed at the least load that is too much; empty where none is alone in that."""
        lowest = [level for level in self.levels if level.seen.load == self.found.not_met and level.seen.answer is Answer.NOT_MET]
        failed = Counter(objective for level in lowest for objective in level.failed)
        return failed.most_common(1)[0][0] if failed else ""

    @property
    def not_measured(self) -> tuple[str, ...]:
        """Objectives about which no level measured anything: nothing is said of them."""
        statuses = [[verdict.status for verdict in level.story.verdicts[: len(self.objectives)]] for level in self.levels]
        return tuple(
            text
            for at, text in enumerate(self.objectives)
            if statuses and all(at < len(level) and level[at] is Status.NO_DATA for level in statuses)
        )

    @property
    def queue_grows(self) -> bool:
        """At the least load that is too much, did response times grow without end?"""
        return any(level.grows for level in self.levels if level.seen.load == self.found.not_met)

    @property
    def bends_first(self) -> Bend | None:
        """The resource that gave in at the lowest load; None without evidence."""
        if self.found.outcome is not Outcome.FOUND or self.found.not_met is None:
            return None  # what bends at the generator's limit may bend because of the generator
        upto = self.found.not_met
        return first_bend([(level.seen.load, level_readings(level)) for level in self.sound], upto)

    @property
    def per_core(self) -> float | None:
        """Exchanges per second and core of the target; None where its CPU was not read."""
        return per_core([(level.rate_per_s, level_readings(level)) for level in self.sound])

    @property
    def scalability(self) -> Scalability | None:
        """The law that throughput follows over concurrency; None where the levels do not show it."""
        points = [point for level in self.sound if (point := concurrency_and_throughput(level)) is not None]
        try:
            return fit([point[0] for point in points], [point[1] for point in points])
        except NoSamples:
            return None

    @property
    def sound(self) -> list[Level]:
        """Levels that say something of the target; one that was cut short is no steady state."""
        return [level for level in self.levels if level.seen.answer not in (*SPOILT, Answer.NO_DATA) and not level.ended_early]


def level_readings(level: Level) -> Mapping[str, Reading]:
    """The resources that were read during a level."""
    result = level.story.result
    return readings_of(result.total, result.provenance.cores)


def concurrency_and_throughput(level: Level) -> tuple[float, float] | None:
    """Exchanges in the system on average (Little's law) and finished per second; None for a level whose queue grew."""
    result = level.story.result
    if level.grows or result.seconds <= 0:
        return None
    for metric in LATENCIES:
        times = result.total.distribution(metric)
        if times is not None and times.count and not times.beyond:
            rate = times.count / result.seconds
            return rate * times.mean / 1e9, rate
    return None


def latency_of(level: Level) -> tuple[str, Sequence[float | None], int]:
    """Metric, p50, p95 and p99 in ms, and their number; values are None where they lie among what never came back."""
    for metric in FELT:
        times = level.story.result.total.distribution(metric)
        if times is not None and times.count + times.beyond:
            values = [times.quantile(q) / 1e6 for q in (0.5, 0.95, 0.99)]
            return metric, [value if value < float("inf") else None for value in values], times.count + times.beyond
    return LATENCIES[2], [None, None, None], 0

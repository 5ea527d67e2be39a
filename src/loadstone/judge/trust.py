"""May the numbers of a run be believed? What the generator itself added, against stated limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from loadstone.judge.voice import doubt
from loadstone.measure.snapshot import View
from loadstone.units import format_count, format_duration, format_share

# Lag is part of every response time (due to last byte), so a p99 lag of a tenth of the median response is an error that a reader
# would call visible. Below 5 ms it is the scheduler of a shared machine (one tick is 4 ms) and no target is judged by it.
LAG_FLOOR_MS = 5.0
LAG_SHARE = 0.10
# Five times that, and half of what is reported as the target's is ours.
UNTRUSTWORTHY_TIMES = 5.0

# The load is what the numbers are about; a pacer with absolute deadlines has no reason to miss one arrival in a hundred.
LOAD_DEGRADED = 0.99
LOAD_UNREACHED = 0.95

# A worker is one core's work: above this, a burst finds no spare time. With the kernel's clock a full core delays the sends, which
# lag shows; without it, the core's queue is inside every latency.
CPU_BUSY_PERCENT = 90.0
CPU_FULL_PERCENT = 98.0

# Reads without a kernel stamp use the application's clock, which includes our queue.
UNSTAMPED_DEGRADED = 0.05

# The first that has values sets how late is too late.
RESPONSE_METRICS = ("http.response_time", "ws.round_trip_time")


class Level(StrEnum):
    """How far the numbers of a run can be believed."""

    OK = "ok"
    DEGRADED = "degraded"
    UNTRUSTWORTHY = "untrustworthy"


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    """What is known about the generator beside its metrics.

    asked_arrivals:    arrivals that were due in the judged part; None for closed loops, which ask for no number
    achieved_arrivals: of those, the ones that were sent
    clock_steps:       jumps of the wall clock, which the kernel's stamps follow
    kernel_clock:      receive times come from the kernel
    descriptor_limit:  open files allowed per worker; 0 if unknown
    lost:              one line for each worker that died before its work was done
    pressed:           what was taken from this machine on purpose; empty for nothing
    unpressed:         why that did not happen, or not for all of its time
    gaps_s:            how long the run stood still, once for each time that it was continued
    changes:           what people made of the load while it went on, in order
    unmade:            one line for each scenario of which fewer iterations were begun than the plan asks for
    allow_unreached:   the user wants to see what happens past the limit; an unreached load is then told, not punished
    """

    asked_arrivals: int | None
    achieved_arrivals: int
    clock_steps: int = 0
    kernel_clock: bool = True
    descriptor_limit: int = 0
    workers: int = 1
    lost: tuple[str, ...] = ()
    allow_unreached: bool = False
    pressed: str = ""
    unpressed: str = ""
    gaps_s: tuple[float, ...] = ()
    changes: tuple[str, ...] = ()
    unmade: tuple[str, ...] = ()

    @property
    def load_share(self) -> float | None:
        """Share of the asked arrivals that were sent; None when none were asked for."""
        return self.achieved_arrivals / self.asked_arrivals if self.asked_arrivals else None


@dataclass(frozen=True, slots=True)
class Trust:
    """A level, and each reason why it is not better.

    load_reached: at least 95 % of the asked arrivals were sent, or that was allowed to fail
    """

    level: Level
    reasons: list[str]
    load_reached: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """What the generator's own metrics say; None where nothing was measured.

    lag_limit_ms: above it, lag is visible in the response times
    cpu_percent:  mean of the busiest worker; 100 is one core
    """

    lag_p99_ms: float | None
    loop_lag_p99_ms: float | None
    lag_limit_ms: float
    cpu_percent: float | None
    coalesced: float | None
    unstamped: float | None
    descriptors: float | None


def examine(view: View) -> Health:
    """The generator's own metrics over a stretch."""
    medians = (_quantile_ms(view, metric, 0.5, {"outcome": "ok"}) or _quantile_ms(view, metric, 0.5) for metric in RESPONSE_METRICS)
    response_ms = next((median for median in medians if median), None)
    return Health(
        lag_p99_ms=_quantile_ms(view, "load.send_lag", 0.99),
        loop_lag_p99_ms=_quantile_ms(view, "generator.loop_lag", 0.99),
        lag_limit_ms=max(LAG_FLOOR_MS, LAG_SHARE * (response_ms or 0.0)),
        cpu_percent=_worst_mean(view, "generator.cpu"),
        coalesced=_share(view, "generator.coalesced_reads"),
        unstamped=_share(view, "generator.unstamped_reads"),
        descriptors=_greatest(view, "generator.descriptors"),
    )


def how_often(times: int) -> str:
    """`once`, `3 times`."""
    return "once" if times == 1 else f"{times} times"


def assess(view: View, facts: GeneratorFacts) -> Trust:
    """How far the numbers of this stretch can be believed; a run without samples is "ok" here and inconclusive elsewhere."""
    health = examine(view)
    findings = [*_lost(facts), *_load(facts), *_lag(health, facts), *_cpu(health, facts), *_clocks(health, facts), *_voice(view)]
    levels = {level for level, _ in findings}
    level = next((level for level in (Level.UNTRUSTWORTHY, Level.DEGRADED) if level in levels), Level.OK)
    share = facts.load_share
    reached = share is None or share >= LOAD_UNREACHED or facts.allow_unreached
    # the worst reason first: whoever reads only one line reads the right one
    ordered = sorted(findings, key=lambda finding: finding[0] is not Level.UNTRUSTWORTHY)
    return Trust(level, [reason for _, reason in ordered], reached)


Findings = list[tuple[Level, str]]


def _lost(facts: GeneratorFacts) -> Findings:
    return [(Level.UNTRUSTWORTHY, line) for line in facts.lost]


def _load(facts: GeneratorFacts) -> Findings:
    share = facts.load_share
    if share is None or share >= LOAD_DEGRADED:
        return []
    level = Level.UNTRUSTWORTHY if share < LOAD_UNREACHED and not facts.allow_unreached else Level.DEGRADED
    done, asked = format_count(facts.achieved_arrivals), format_count(facts.asked_arrivals or 0)
    return [
        (level, f"{done} of {asked} asked arrivals were sent, {format_share(share)}; at least {format_share(_limit(level))} are needed")
    ]


def _limit(level: Level) -> float:
    return LOAD_UNREACHED if level is Level.UNTRUSTWORTHY else LOAD_DEGRADED


def _lag(health: Health, facts: GeneratorFacts) -> Findings:
    found: Findings = []
    lags = [("sends were late", health.lag_p99_ms)]
    if not facts.kernel_clock:
        # without kernel stamps a late loop also reads the responses late
        lags.append(("reads were late by the application's clock", health.loop_lag_p99_ms))
    for what, lag_ms in lags:
        if lag_ms is None or lag_ms <= health.lag_limit_ms:
            continue
        level = Level.UNTRUSTWORTHY if lag_ms > health.lag_limit_ms * UNTRUSTWORTHY_TIMES else Level.DEGRADED
        limit_ms = health.lag_limit_ms * (UNTRUSTWORTHY_TIMES if level is Level.UNTRUSTWORTHY else 1.0)
        found.append((level, f"{what}: p99 {format_duration(lag_ms / 1e3)}, more than {format_duration(limit_ms / 1e3)}"))
    return found


def _cpu(health: Health, facts: GeneratorFacts) -> Findings:
    cpu = health.cpu_percent
    if cpu is None or cpu <= CPU_BUSY_PERCENT:
        return []
    full = cpu > CPU_FULL_PERCENT and not facts.kernel_clock
    return [
        (
            Level.UNTRUSTWORTHY if full else Level.DEGRADED,
            f"a worker used {cpu:.0f}% of a core on average, more than {CPU_BUSY_PERCENT:.0f}%",
        )
    ]


def _voice(view: View) -> Findings:
    why = doubt(view)
    return [(Level.UNTRUSTWORTHY, why)] if why else []


def _clocks(health: Health, facts: GeneratorFacts) -> Findings:
    found: Findings = []
    if facts.clock_steps and facts.kernel_clock:
        found.append(
            (Level.DEGRADED, f"the wall clock was set {how_often(facts.clock_steps)}; kernel stamps around that moment are off by the step")
        )
    if facts.kernel_clock and (health.unstamped or 0.0) > UNSTAMPED_DEGRADED:
        share = format_share(health.unstamped or 0.0)
        found.append((Level.DEGRADED, f"{share} of the reads had no kernel stamp, more than {format_share(UNSTAMPED_DEGRADED)}"))
    return found


def _quantile_ms(view: View, metric: str, q: float, tags: Mapping[str, str] | None = None) -> float | None:
    histogram = view.distribution(metric, tags)
    return histogram.quantile(q) / 1e6 if histogram is not None and histogram.count else None


def _share(view: View, metric: str) -> float | None:
    reads = view.count("generator.reads")
    return (view.count(metric) or 0) / reads if reads else None


def _worst_mean(view: View, metric: str) -> float | None:
    means = [gauge.mean for series in view.series(metric) if (gauge := view.gauge(metric, dict(series.tags))) and gauge.count]
    return max(means, default=None)


def _greatest(view: View, metric: str) -> float | None:
    gauge = view.gauge(metric)
    return gauge.greatest if gauge and gauge.count else None

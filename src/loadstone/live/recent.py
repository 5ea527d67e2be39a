"""The last seconds of a run, folded into the few figures that a person watching wants."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from loadstone.judge.trust import CPU_BUSY_PERCENT
from loadstone.live.step_rows import LEADS, NO_TIMES, RESPONSE, Groups, Lead, Row, Times, groups_of, lead_of_all, rows_of, times_ms
from loadstone.measure.exchanges import ASKED, FAILED
from loadstone.measure.snapshot import WIND_DOWN, Snapshot
from loadstone.stats.histogram import Histogram

WINDOW_S = 10.0
PAST_S = 60


@dataclass(frozen=True, slots=True)
class Second:
    """One second, as the lines over time draw it; p95 in ms of each leading metric that had samples."""

    end_s: float
    rate_per_s: float
    errors_per_s: float
    tokens_per_s: float
    p95: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Past:
    """The last 60 seconds, oldest first; None where nothing was measured."""

    rate_per_s: tuple[float | None, ...] = ()
    p95: tuple[float | None, ...] = ()
    errors_per_s: tuple[float | None, ...] = ()
    tokens_per_s: tuple[float | None, ...] = ()


NOTHING = Past()


@dataclass(frozen=True, slots=True)
class Figures:
    """What the last seconds came to, and the counts since the run's start, warm-up included.

    asked_per_s: None when the plan asks for users, not for a rate
    lead:        the latency that `times`, `past.p95` and `spread` are of
    tokens_per_s: None unless a language model answers
    share_ms:    p99 of the generator's own share of each response
    spread:      the leading latency over the last 60 seconds; None where nobody wants it
    hint:        why the numbers may be ours and not the target's; empty while all is well
    rows:        one for each step, the worst first
    """

    elapsed_s: float = 0.0
    phase: str = ""
    window_s: float = 0.0
    rate_per_s: float = 0.0
    asked_per_s: float | None = None
    users: int | None = None
    lead: Lead = RESPONSE
    times: Times = NO_TIMES
    tokens_per_s: float | None = None
    errors: int = 0
    requests_in_all: int = 0
    errors_in_all: int = 0
    dropped_in_all: int = 0
    share_ms: float | None = None
    lag_ms: float | None = None
    cpu_percent: float | None = None
    hint: str = ""
    past: Past = NOTHING
    spread: Histogram | None = None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A second of the last minute.

    times: histograms of the leading metrics in bytes, because at work a minute of them takes megabytes; empty where no spread is wanted
    """

    second: Second
    counts: Mapping[str, int]
    times: Mapping[str, bytes]


class Recent:
    """The last seconds of a run; adding one costs the same at every length of the run.

    spread: is the latency of the last minute wanted, too?
    """

    def __init__(self, window_s: float = WINDOW_S, *, spread: bool = False) -> None:
        self._window_s, self._spread = window_s, spread
        self._newest: Snapshot | None = None
        self._window: deque[tuple[float, float, Groups]] = deque()  # end, time under load, what was measured
        self._past: deque[_Kept] = deque(maxlen=PAST_S)
        self._requests = self._errors = self._dropped = 0

    def add(self, snapshot: Snapshot) -> None:
        """Take one more second in, and let go of what is older than the window."""
        groups = groups_of([snapshot])
        self._newest = snapshot
        self._window.append((snapshot.end_s, _load_s(snapshot), groups))
        while self._window[0][0] <= snapshot.end_s - self._window_s:
            self._window.popleft()
        known = groups.whole.times
        times = {lead.metric: known[lead.metric].to_bytes() if self._spread else b"" for lead in LEADS if lead.metric in known}
        self._past.append(_Kept(_second(snapshot, groups), groups.whole.counts, times))
        self._requests += groups.whole.total(ASKED)
        self._errors += groups.whole.total(FAILED)
        self._dropped += sum(count for series, count in snapshot.counts.items() if series.metric == "load.dropped")

    def figures(self) -> Figures:
        """The window folded; a few merges of histograms."""
        newest = self._newest
        if newest is None:
            return Figures()
        window = Groups.merged([groups for *_, groups in self._window])
        seconds = sum(load_s for _, load_s, _ in self._window)
        counts = Counter[str]()
        for kept in self._past:
            counts.update(kept.counts)
        lead = lead_of_all(counts, {metric for kept in self._past for metric in kept.times})
        whole, cpu = window.whole, _busiest(newest)
        return Figures(
            elapsed_s=newest.end_s,
            phase=newest.phase or ("" if newest.judged else "warm-up"),
            window_s=seconds,
            rate_per_s=whole.total(ASKED) / seconds if seconds > 0 else 0.0,
            asked_per_s=_level_sum(newest, "load.target_rate"),
            users=None if (users := _level_sum(newest, "load.users")) is None else round(users),
            lead=lead,
            times=times_ms(whole.times.get(lead.metric)),
            tokens_per_s=window.whole.total(("llm.output_tokens",)) / seconds if "llm.requests" in counts and seconds > 0 else None,
            errors=whole.total(FAILED),
            requests_in_all=self._requests,
            errors_in_all=self._errors,
            dropped_in_all=self._dropped,
            share_ms=times_ms(whole.times.get("generator.share")).p99,
            lag_ms=times_ms(whole.times.get("load.send_lag")).p99,
            cpu_percent=cpu,
            hint="a worker is out of CPU: add workers or lower the load" if cpu is not None and cpu > CPU_BUSY_PERCENT else "",
            past=_past([kept.second for kept in self._past], lead),
            spread=self._spread_of(lead) if self._spread else None,
            rows=rows_of(window, seconds),
        )

    def _spread_of(self, lead: Lead) -> Histogram | None:
        found = [kept.times[lead.metric] for kept in self._past if lead.metric in kept.times]
        whole = Histogram()
        for times in found:
            whole.merge(Histogram.from_bytes(times))
        return whole if found else None


def _second(snapshot: Snapshot, groups: Groups) -> Second:
    seconds, whole = snapshot.end_s - snapshot.start_s, groups.whole
    if seconds <= 0:
        seconds = math.inf
    p95 = {metric: value for metric, times in whole.times.items() if (value := times_ms(times).p95) is not None}
    tokens = whole.total(("llm.output_tokens",))
    return Second(snapshot.end_s, whole.total(ASKED) / seconds, whole.total(FAILED) / seconds, tokens / seconds, p95)


def _past(seconds: list[Second], lead: Lead) -> Past:
    """Each second at its place: a gap stays one."""
    places: list[Second | None] = [None] * PAST_S
    for second in seconds:
        at = PAST_S - 1 - round(seconds[-1].end_s - second.end_s)
        if at >= 0:
            places[at] = second
    return Past(
        tuple(second.rate_per_s if second else None for second in places),
        tuple(second.p95.get(lead.metric) if second else None for second in places),
        tuple(second.errors_per_s if second else None for second in places),
        tuple(second.tokens_per_s if second else None for second in places),
    )


def _load_s(snapshot: Snapshot) -> float:
    """What is sent while a run winds down began before: it is no time under load."""
    return snapshot.end_s - snapshot.start_s if snapshot.phase != WIND_DOWN else 0.0


def _level_sum(snapshot: Snapshot, metric: str) -> float | None:
    """The level now, all scenarios together."""
    found = [level.last for series, level in snapshot.gauges.items() if series.metric == metric]
    return sum(found) if found else None


def _busiest(snapshot: Snapshot) -> float | None:
    return max((level.last for series, level in snapshot.gauges.items() if series.metric == "generator.cpu"), default=None)

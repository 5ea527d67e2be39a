"""The last seconds of a run, folded into the few figures that a person watching wants."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from loadstone.judge.trust import CPU_BUSY_PERCENT
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.exchanges import ASKED, FAILED, exchanges, failed_exchanges
from loadstone.measure.snapshot import Snapshot

WINDOW_S = 10.0
MOST_SCENARIOS = 8
NS_PER_MS = 1e6
RESPONSE, ROUND_TRIP = "http.response_time", "ws.round_trip_time"


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles in ms; None without samples, inf when longer than anything recorded."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario over the window."""

    scenario: str
    rate_per_s: float
    errors: int
    times: Times


@dataclass(frozen=True, slots=True)
class Figures:
    """What the last seconds came to, and the counts since the run's start, warm-up included.

    asked_per_s: None when the plan asks for users, not for a rate
    share_ms:    p99 of the generator's own share of each response
    hint:        why the numbers may be ours and not the target's; empty while all is well
    """

    elapsed_s: float = 0.0
    phase: str = ""
    window_s: float = 0.0
    rate_per_s: float = 0.0
    asked_per_s: float | None = None
    users: int | None = None
    times: Times = Times()
    errors: int = 0
    requests_in_all: int = 0
    errors_in_all: int = 0
    dropped_in_all: int = 0
    share_ms: float | None = None
    lag_ms: float | None = None
    cpu_percent: float | None = None
    hint: str = ""
    scenarios: tuple[Row, ...] = ()


class Recent:
    """The snapshots of the last seconds; adding one costs the same at every length of the run."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._kept: deque[Snapshot] = deque()
        self._requests = self._errors = self._dropped = 0

    def add(self, snapshot: Snapshot) -> None:
        """Take one more second in, and let go of what is older than the window."""
        self._kept.append(snapshot)
        while self._kept[0].end_s <= snapshot.end_s - self._window_s:
            self._kept.popleft()
        for series, count in snapshot.counts.items():
            metric = series.metric
            if metric in ASKED:
                self._requests += count
            if metric in FAILED:
                self._errors += count
            elif metric == "load.dropped":
                self._dropped += count

    def figures(self) -> Figures:
        """The window folded; a few merges of histograms."""
        if not self._kept:
            return Figures()
        newest, whole = self._kept[-1], Aggregate(self._kept)
        share, lag = _quantile_ms(whole, "generator.share"), _quantile_ms(whole, "load.send_lag")
        cpu = _busiest(newest)
        return Figures(
            elapsed_s=newest.end_s,
            phase=newest.phase or ("" if newest.judged else "warm-up"),
            window_s=whole.seconds,
            rate_per_s=_per_second(exchanges(whole), whole.seconds),
            asked_per_s=_level_sum(newest, "load.target_rate"),
            users=None if (users := _level_sum(newest, "load.users")) is None else round(users),
            times=_times(whole, {}),
            errors=failed_exchanges(whole),
            requests_in_all=self._requests,
            errors_in_all=self._errors,
            dropped_in_all=self._dropped,
            share_ms=share,
            lag_ms=lag,
            cpu_percent=cpu,
            hint="a worker is out of CPU: add workers or lower the load" if cpu is not None and cpu > CPU_BUSY_PERCENT else "",
            scenarios=_rows(whole),
        )


def _rows(whole: Aggregate) -> tuple[Row, ...]:
    names = sorted({dict(series.tags).get("scenario", "") for metric in ASKED for series in whole.series(metric)} - {""})
    rows = []
    for name in names[:MOST_SCENARIOS]:
        tags = {"scenario": name}
        rate = _per_second(exchanges(whole, tags), whole.seconds)
        rows.append(Row(name, rate, failed_exchanges(whole, tags), _times(whole, tags)))
    return tuple(rows)


def _times(whole: Aggregate, tags: dict[str, str]) -> Times:
    values = whole.distribution(RESPONSE, tags) or whole.distribution(ROUND_TRIP, tags)
    if values is None or values.count + values.beyond == 0:
        return Times()
    return Times(*(values.quantile(q) / NS_PER_MS for q in (0.5, 0.95, 0.99)))


def _quantile_ms(whole: Aggregate, metric: str, q: float = 0.99) -> float | None:
    values = whole.distribution(metric)
    return values.quantile(q) / NS_PER_MS if values is not None and values.count + values.beyond else None


def _level_sum(snapshot: Snapshot, metric: str) -> float | None:
    """The level now, all scenarios together."""
    found = [level.last for series, level in snapshot.gauges.items() if series.metric == metric]
    return sum(found) if found else None


def _busiest(snapshot: Snapshot) -> float | None:
    return max((level.last for series, level in snapshot.gauges.items() if series.metric == "generator.cpu"), default=None)


def _per_second(count: int | None, seconds: float) -> float:
    return (count or 0) / seconds if seconds > 0 else 0.0

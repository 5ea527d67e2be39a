"""How long a target needs to be itself again after each spike of the load."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadstone.errors import UsageError
from loadstone.judge.panel import Asked
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.catalogue import Kind
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.recovery_text import EXAMPLE, HOLD_S, WITHIN
from loadstone.stats.histogram import Histogram
from loadstone.units import format_duration

Q = 0.95
SPIKE, QUIET = 2.0, 1.2  # times the usual load: above the one is a spike, below the other none
USUAL_S, LEAST_USUAL_S = 60, 5  # seconds before a spike that say what is usual
ERRORS_BACK = 0.01  # share of errors above the usual one that still counts as recovered
LEAST_NS = 1_000_000  # below that a time is as good as any other: 1.5 times 0.2 ms is noise


@dataclass(frozen=True, slots=True)
class Recovery:
    """What followed one spike.

    began_s, ended_s: of the spike, in seconds since the run's start
    seconds:          from its end until p95 and errors were back; inf when they were not before the run or the next spike
    peak:             the spike's load, in times the usual one
    """

    began_s: float
    ended_s: float
    seconds: float
    peak: float


@dataclass(frozen=True, slots=True)
class _Second:
    start_s: float
    load: float
    times: bytes  # of a histogram: at work, a minute of them takes megabytes
    requests: int
    errors: int


class RecoveryWatch:
    """Finds spikes in the load and times what follows them; memory is that of a minute and a line per spike.

    metric:   the distribution whose p95 must be back within `within` times its usual value, and the errors with it, over `hold_s`
    scenario: the one whose load, times and errors are looked at; empty: all of them together
    """

    def __init__(self, metric: str = "http.response_time", within: float = WITHIN, hold_s: float = HOLD_S, scenario: str = "") -> None:
        self._metric, self._within, self._hold = metric, within, max(1, round(hold_s))
        self._tags = {"scenario": scenario} if scenario else {}
        self.recoveries: list[Recovery] = []
        self._usual: deque[_Second] = deque(maxlen=USUAL_S)
        self._after: deque[_Second] = deque(maxlen=self._hold)
        self._spike: tuple[float, float] | None = None  # since when, how high
        self._ended_s: float | None = None
        self._carriers: frozenset[str] = frozenset()

    def see(self, snapshot: Snapshot) -> None:
        """One more second."""
        load, carriers = _load(snapshot, self._tags)
        if load is None or (not load and self._spike is None):
            return  # before its load begins nothing is usual
        self._follow(load, carriers)
        second = _Second(snapshot.start_s, load, *_figures(snapshot, self._metric, self._tags))
        usual = statistics.median(each.load for each in self._usual) if len(self._usual) >= LEAST_USUAL_S else None
        if usual is None:
            self._usual.append(second)
        elif load >= SPIKE * usual:
            self._rise(second, load / usual)
        elif load <= QUIET * usual:
            self._quiet(second)

    def _follow(self, load: float, carriers: frozenset[str]) -> None:
        """Scenarios after one another have levels of their own: another one that begins at another level is no spike."""
        if not carriers:
            return
        if self._usual and carriers.isdisjoint(self._carriers):
            usual = statistics.median(each.load for each in self._usual)
            if not usual / QUIET <= load <= usual * QUIET:
                if self._spike is not None and self._ended_s is not None:
                    self._close(math.inf)
                self._spike = self._ended_s = None
                self._usual.clear()
        self._carriers = carriers

    def _rise(self, second: _Second, peak: float) -> None:
        # Between spikes with less than `hold` between them nobody can see it back: they are one.
        if self._ended_s is not None and self._spike is not None and len(self._after) == self._hold:
            self._close(math.inf)  # the next spike came before it was back
        began_s, before = self._spike or (second.start_s, 0.0)
        self._spike, self._ended_s = (began_s, max(peak, before)), None

    def _quiet(self, second: _Second) -> None:
        if self._spike is None:
            self._usual.append(second)
            return
        if self._ended_s is None:
            self._ended_s = second.start_s
            self._after.clear()
        self._after.append(second)
        if len(self._after) == self._hold and self._is_back():
            back_s, after = self._after[0].start_s - self._ended_s, list(self._after)
            self._close(back_s)
            self._usual.extend(after)

    def _close(self, seconds: float) -> None:
        assert self._spike is not None
        assert self._ended_s is not None
        self.recoveries.append(Recovery(self._spike[0], self._ended_s, seconds, self._spike[1]))
        self._spike = self._ended_s = None
        self._after.clear()

    def _is_back(self) -> bool:
        before, now = _together(self._usual), _together(self._after)
        if before is None or now is None:
            return False  # nothing measured is no recovery
        (usual, usual_errors), (value, errors) = before, now
        return value <= max(self._within * usual, LEAST_NS) and errors <= usual_errors + ERRORS_BACK

    def finish(self) -> list[Recovery]:
        """All recoveries; what was not back at the end of the load never came back as far as anybody knows."""
        if self._spike is None or self._ended_s is None:
            return list(self.recoveries)
        return [*self.recoveries, Recovery(self._spike[0], self._ended_s, math.inf, self._spike[1])]


class RecoveryGate:
    """The gate `recovery(http.response_time) < 30s`: the longest recovery after any spike.

    raises: UsageError for settings that cannot be meant
    """

    def __init__(self, asked: Asked) -> None:
        self._spec, settings = asked.spec, _settings(asked.settings)
        metric = asked.catalogue.get(settings["metric"])
        if metric is None or metric.kind is not Kind.DISTRIBUTION:
            raise UsageError(f"{settings['metric']!r} is no distribution", where=f"gate {self._spec.text!r}", hint=EXAMPLE)
        self._limit_s = float(settings["limit_s"])
        self._watch = RecoveryWatch(metric.name, float(settings["within"]), float(settings["hold_s"]), settings["scenario"])

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        if snapshot.judged:
            self._watch.see(snapshot)
        return None

    def check(self, _view: View) -> Verdict:
        """See Gate."""
        found = self._watch.finish()
        if not found:
            reason = f"no spike of {SPIKE:g} times the usual load that ended, after {LEAST_USUAL_S} s or more of usual load"
            return Verdict(self._spec, Status.NO_DATA, None, self._limit_s, "s", 0, reason)
        worst = max(found, key=lambda each: each.seconds)
        status = Status.PASS if worst.seconds < self._limit_s else Status.FAIL
        each = ", ".join("not back" if math.isinf(one.seconds) else format_duration(one.seconds) for one in found)
        reason = f"after spikes of {', '.join(f'{one.peak:.3g}×' for one in found)}: {each}"
        return Verdict(self._spec, status, worst.seconds, self._limit_s, "s", len(found), reason, worst.ended_s)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    known = {"metric": "http.response_time", "limit_s": None, "within": WITHIN, "hold_s": HOLD_S, "scenario": ""}
    unknown = sorted(given.keys() - known.keys())
    settings = {**known, **given}
    numbers = [settings[key] for key in ("limit_s", "within", "hold_s")]
    if unknown or not all(isinstance(each, int | float) and each > 0 for each in numbers):
        what = f"unknown setting {unknown[0]!r}" if unknown else "limit_s, within and hold_s are numbers above 0"
        raise UsageError(what, where="gate of kind recovery", hint=EXAMPLE)
    return settings


def _load(snapshot: Snapshot, tags: Mapping[str, str]) -> tuple[float | None, frozenset[str]]:
    """The load of that second, the rate that was asked for or the users that were there; and who makes it: metric and scenario."""
    for metric in ("load.target_rate", "load.users"):
        levels = {
            f"{metric} {dict(series.tags).get('scenario', '')}": gauge.greatest
            for series, gauge in snapshot.gauges.items()
            if series.metric == metric and series.carries(tags)
        }
        if levels:
            return sum(levels.values()), frozenset(name for name, level in levels.items() if level)
    return None, frozenset()


def _figures(snapshot: Snapshot, metric: str, tags: Mapping[str, str]) -> tuple[bytes, int, int]:
    times = Histogram()
    for series, histogram in snapshot.distributions.items():
        if series.metric == metric and series.carries(tags):
            times.merge(histogram)
    counts = {"http.requests": 0, "http.errors": 0, "load.dropped": 0}
    for series, count in snapshot.counts.items():
        if series.metric in counts and series.carries(tags):
            counts[series.metric] += count
    return times.to_bytes(), counts["http.requests"] + counts["load.dropped"], counts["http.errors"] + counts["load.dropped"]


def _together(seconds: deque[_Second]) -> tuple[float, float] | None:
    """p95 and share of errors; None when nothing was measured."""
    times = Histogram()
    for each in seconds:
        times.merge(Histogram.from_bytes(each.times))
    if times.count + times.beyond == 0:
        return None
    requests = sum(each.requests for each in seconds)
    return times.quantile(Q), sum(each.errors for each in seconds) / requests if requests else 0.0

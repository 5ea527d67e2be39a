"""When a level that moves will be beyond its limit, from what it came to each day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadstone.judge.alert_rules import Level, ReadyRule
from loadstone.judge.alerts import Alert, Kind
from loadstone.judge.readings import read
from loadstone.measure.snapshot import View
from loadstone.stats.forecast import allowing_for_likeness
from loadstone.stats.trend import trend

FEWEST_DAYS, MOST_DAYS = 5, 28  # with four days even a perfect order is no trend; what was a month ago is another service
# With an autocorrelation of 0.5 the plain test calls 5 of 100 level courses of five or six days a trend, 10 of seven and 20 of fourteen.
LIKE_DAYS = 7
SURE = 0.05
FAR_S = 30 * 86400.0  # nobody acts on what comes later


@dataclass(frozen=True, slots=True)
class Crossing:
    """When a limit is reached if all goes on as before, in seconds from the last value; latest_s is inf where it may never come."""

    in_s: float
    earliest_s: float
    latest_s: float


def crossing(times_s: Sequence[float], values: Sequence[float], limit: float, *, rising: bool) -> Crossing | None:
    """None without a sure trend towards the limit, or when it is reached already.

    times_s, values: one each per day, ascending
    rising:          is the limit reached from below?
    source:          slope and its interval: `loadstone.stats.trend`, through the median of what the slope leaves, and wider where
                     days resemble their neighbours
    """
    times, turned = np.asarray(times_s, dtype=np.float64), np.asarray(values, dtype=np.float64) * (1.0 if rising else -1.0)
    if len(times) < FEWEST_DAYS or not np.isfinite(turned).all():
        return None
    found = trend(times, turned)
    rest = turned - found.slope * (times - times[-1])
    if len(times) >= LIKE_DAYS:
        found = allowing_for_likeness(found, rest)
    goal = limit if rising else -limit

    def reached_in(slope: float) -> float:
        # A steeper line through the middle of the values ends higher, too: both make it earlier.
        missing = goal - float(np.median(turned - slope * (times - times[-1])))
        return max(0.0, missing / slope)

    if found.p > SURE or found.slope <= 0 or reached_in(found.slope) <= 0:
        return None
    latest = reached_in(found.low) if found.low > 0 else math.inf
    earliest = reached_in(found.high) if math.isfinite(found.high) else 0.0
    return Crossing(reached_in(found.slope), earliest, latest)


def forecasts(rules: Sequence[ReadyRule], days: Sequence[tuple[float, View]]) -> list[Alert]:
    """What will be beyond a limit within 30 days: one alert per rule, for the level that comes first.

    days: (middle of the day in s, what was measured in it), ascending
    """
    found = []
    for rule in rules:
        alerts = [alert for level in rule.reach if (alert := _forecast(rule, level, days[-MOST_DAYS:])) is not None]
        found += sorted(alerts, key=lambda alert: alert.in_s or 0.0)[:1]
    return found


def _forecast(rule: ReadyRule, level: Level, days: Sequence[tuple[float, View]]) -> Alert | None:
    gate = rule.reach[level]
    readings = [(at_s, reading) for at_s, view in days if not (reading := read(gate, view)).missing]
    times_s, values = [at_s for at_s, _ in readings], [reading.low for _, reading in readings]
    ahead = crossing(times_s, values, gate.limit, rising=gate.spec.op.startswith(">"))
    if ahead is None or ahead.in_s > FAR_S:
        return None
    return Alert(
        Kind.FORECAST,
        rule.rule.name,
        rule.rule.subject,
        level,
        Level.OK,
        values[-1],
        gate.limit,
        gate.unit,
        in_s=ahead.in_s,
        earliest_s=ahead.earliest_s,
        latest_s=ahead.latest_s,
    )

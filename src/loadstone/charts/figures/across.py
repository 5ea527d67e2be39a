"""Charts of one number over another, and of changes beside their limits, as data: of searches, sweeps, histories and comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from loadstone.charts.figures.axes import value_text, value_ticks
from loadstone.charts.figures.figure import Axis

Sign = Literal["dot", "cross", "ring"]
Tick = tuple[float, str]
FARTHEST = 3.0  # a change of 300 %, and one without an end, stand at the edge


@dataclass(frozen=True, slots=True)
class Dots:
    """What was measured.

    colour: name of a colour of the palette
    notes:  one for each, said when the pointer rests on it; or none
    """

    label: str
    colour: str
    xs: Sequence[float]
    ys: Sequence[float]
    sign: Sign = "dot"
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """A line, interrupted where there is no value; `lows` and `highs` are its band, or empty."""

    label: str
    colour: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    dash: Literal["solid", "dot"] = "solid"
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line at a value of one axis, with its name."""

    along: Literal["x", "y"]
    at: float
    text: str
    colour: str = "soft"


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of the x axis that is shaded: an interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Across:
    """One number over another.

    x_name:  what the x axis has, told at its end
    x_ticks: where x is no number; else round values
    """

    name: str
    title: str
    x: Axis
    y: Axis
    x_name: str
    dots: Sequence[Dots] = ()
    traces: Sequence[Trace] = ()
    rules: Sequence[Rule] = ()
    zones: Sequence[Zone] = ()
    x_ticks: Sequence[Tick] = ()

    @property
    def ticks(self) -> list[Tick]:
        """Where the x axis has which text."""
        return list(self.x_ticks) or [(at, value_text(at, self.x.unit)) for at in value_ticks(self.x)]


@dataclass(frozen=True, slots=True)
class Bar:
    """A change with its interval, as shares: 0.1 is 10 % more; a `limit` of 0 is not drawn.

    colour: good, bad, warn or quiet
    """

    label: str
    point: float
    low: float
    high: float
    limit: float
    colour: str
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes below each other, on one axis that has no change in its middle or at its edge."""

    name: str
    title: str
    bars: Sequence[Bar]

    @property
    def axis(self) -> Axis:
        """Holds every interval as far as it may go, and no change."""
        ends = [
            min(FARTHEST, max(-1.0, end)) for bar in self.bars for end in (bar.low, bar.point, bar.high, bar.limit) if not math.isnan(end)
        ]
        low, high = min([0.0, *ends]), max([0.0, *ends])
        room = max(0.02, (high - low) * 0.06)
        return Axis((low - room) * 100, (high + room) * 100, log=False, unit="%")

    def cut(self, bar: Bar) -> list[tuple[float, int]]:
        """Ends of the axis at which an interval is cut, in %, each with the direction in which it goes on: -1 or 1."""
        ends = ((self.axis.low, -1, bar.low), (self.axis.high, 1, bar.high))
        return [(at, sign) for at, sign, end in ends if sign * (end * 100 - at) > 0]


Chart = Across | Changes


def beside_rule(rule: Rule, chart: Across, x: Callable[[float], float], width: float, end: float) -> bool:
    """Does the name of an upright rule stand at its right? At its left where the next rule, or the chart's end, leaves it no room.

    x:     where a value of the x axis stands
    width: of the name; `end`: of the chart; in the same unit as `x`
    """
    begins = x(rule.at)
    following = [x(other.at) for other in chart.rules if other.along == "y" and other.at > rule.at]
    room = min([end, *following]) - begins
    return room >= width or begins - x(chart.x.low) < width


def axis_over(values: Iterable[float], unit: str, *, log: bool = False, from_zero: bool = True) -> Axis:
    """An axis that holds these values, some room around them."""
    every = [value for value in values if math.isfinite(value) and not (log and value <= 0)]
    if not every:
        return Axis(1, 10, log, unit) if log else Axis(0, 1, log, unit)
    low, high = min(every), max(every)
    if log:
        return Axis(low / 1.25, max(high * 1.25, low * 2), log, unit)
    if from_zero and low >= 0:
        return Axis(0.0, high * 1.04 if high > 0 else 1.0, log, unit)
    room = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    return Axis(low - room, high + room, log, unit)

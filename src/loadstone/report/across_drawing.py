"""Charts of one number over another, and of changes, as matplotlib draws them; imported only where an image is asked for."""

from __future__ import annotations

import math
from typing import Any

from loadstone.charts.figures.across import Across, Changes, Dots, Rule, Trace, beside_rule
from loadstone.charts.figures.axes import plain, value_text, value_ticks
from loadstone.report.drawing import DASHES, LABEL, LETTER, SMALL, Pen

MARKERS = {"dot": "o", "cross": "x", "ring": "o"}
SIGNS = {"dot": "●", "cross": "✕", "ring": "○"}


class AcrossPen(Pen):
    """Draws one such chart into a pair of axes."""

    def across(self, chart: Across) -> None:
        """Dots, lines and rules, with a line of names above them."""
        self.title(chart.title)
        self._values("x", chart.x)
        self._values("y", chart.y)
        self._ticks("x", self._thinned(chart))
        self.axes.grid(visible=True, axis="y", color=self.colours["grid"], linewidth=0.8)
        self.axes.set_axisbelow(True)
        for zone in chart.zones:
            self.axes.axvspan(zone.low, zone.high, color=self.colours["shade"], linewidth=0, zorder=0.5)
        for one in chart.traces:
            self._trace(one)
        for rule in chart.rules:
            self._rule(rule, chart)
        for dots in chart.dots:
            self._dots(dots)
        self._note(chart.x_name, (1, 0), (0, -24), xycoords="axes fraction", ha="right", fontsize=SMALL, color=self.colours["soft"])
        lines = [(one.label, self.colours[one.colour], DASHES.get(one.dash, "-")) for one in chart.traces if one.label]
        named = [(f"{SIGNS[one.sign]} {one.label}", self.colours[one.colour]) for one in chart.dots if one.label]
        self._keys(named, lines)

    def changes(self, chart: Changes) -> None:
        """A row for each change: its name, its interval, its point and its limit."""
        self.title(chart.title)
        axis, count = chart.axis, len(chart.bars)
        self.axes.set_xlim(axis.low, axis.high)
        self.axes.set_ylim(-0.6, count - 0.4)
        self.axes.set_yticks([])
        self._ticks("x", [(at, f"{value_text(at)}%") for at in value_ticks(axis)])
        self.axes.grid(visible=True, axis="x", color=self.colours["grid"], linewidth=0.8)
        self.axes.set_axisbelow(True)
        self.axes.axvline(0, color=self.colours["soft"], linewidth=1)
        for number, bar in enumerate(chart.bars):
            y, colour = count - 1 - number, self.colours[bar.colour]
            low, high = (min(axis.high, max(axis.low, end * 100)) for end in (bar.low, bar.high))
            self.axes.plot([low, high], [y - 0.12, y - 0.12], color=colour, linewidth=4, alpha=0.4, solid_capstyle="round", gid="bar")
            self.axes.plot([min(axis.high, max(axis.low, bar.point * 100))], [y - 0.12], "o", color=colour, markersize=6, gid="point")
            for at, sign in chart.cut(bar):
                self.axes.plot([at], [y - 0.12], ">" if sign > 0 else "<", color=colour, markersize=7, clip_on=False, gid="cut")
            if bar.limit:
                self.axes.plot([bar.limit * 100] * 2, [y - 0.32, y + 0.08], color=self.colours["ink"], linewidth=1.2, gid="limit")
            behind = {"facecolor": self.colours["panel"], "edgecolor": "none", "pad": 1.0}  # the line of no change goes below the names
            look: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center", "bbox": behind}
            self._note(plain(bar.label, 60), (0, y + 0.22), (2, 0), color=self.colours["ink"], **look)
            self._note(bar.text, (1, y + 0.22), (-2, 0), ha="right", color=colour, **look)

    def _thinned(self, chart: Across) -> list[tuple[float, str]]:
        """Ticks whose texts do not touch."""
        found: list[tuple[float, str]] = []
        end = -math.inf
        for at, text in chart.ticks:
            share = _place(at, chart)
            half = (len(plain(text, 24)) * LETTER * LABEL / 2 + 4) / self.width
            if 0 <= share <= 1 and share - half > end:
                found.append((at, text))
                end = share + half
        return found

    def _trace(self, one: Trace) -> None:
        ys = [math.nan if y is None else y for y in one.ys]
        if one.lows:
            self.axes.fill_between(one.xs, one.lows, one.highs, color=self.colours[one.colour], alpha=0.16, linewidth=0, gid="band")
        self.axes.plot(one.xs, ys, color=self.colours[one.colour], linestyle=DASHES.get(one.dash, "-"), linewidth=1.8, gid="trace")

    def _dots(self, dots: Dots) -> None:
        look: dict[str, Any] = {"color": self.colours[dots.colour], "markersize": 6, "linestyle": "none", "gid": "dots", "zorder": 4}
        if dots.sign == "ring":
            look |= {"markerfacecolor": self.colours["panel"], "markeredgewidth": 1.6}
        if dots.sign == "cross":
            look |= {"markeredgewidth": 2}
        self.axes.plot(dots.xs, dots.ys, MARKERS[dots.sign], **look)

    def _rule(self, rule: Rule, chart: Across) -> None:
        colour, text = self.colours[rule.colour], plain(rule.text, 40)
        if rule.along == "x":
            if chart.y.low <= rule.at <= chart.y.high:
                self.axes.axhline(rule.at, color=colour, linewidth=1, linestyle="--", zorder=2, gid="rule")
                self._note(text, (0, rule.at), (3, 2), xycoords=("axes fraction", "data"), fontsize=SMALL, color=colour)
            return
        self.axes.axvline(rule.at, color=colour, linewidth=1, linestyle="--", zorder=2, gid="rule")
        right = beside_rule(rule, chart, lambda at: _place(at, chart) * self.width, len(text) * LETTER * SMALL + 4, self.width)
        look = {"ha": "left" if right else "right", "va": "top", "fontsize": SMALL, "color": colour}
        self._note(text, (rule.at, 1), (3 if right else -3, -1), xycoords=("data", "axes fraction"), **look)

    def _keys(self, named: list[tuple[str, Any]], lines: list[tuple[str, Any, Any]]) -> None:
        """Dots and lines by name, in a row above the chart."""
        if len(named) + len(lines) < 2:
            return
        at = 0.0
        entries = [*named, *((f"{'━' if dash == '-' else '╍'} {label}", colour) for label, colour, dash in lines)]
        for text, colour in entries:
            self._note(plain(text, 40), (0, 1), (at, 4), xycoords="axes fraction", color=colour)
            at += (len(text) * LETTER + 2) * LABEL


def _place(value: float, chart: Across) -> float:
    axis = chart.x
    if axis.log:
        return math.log(value / axis.low) / math.log(axis.high / axis.low) if value > 0 else 0.0
    return (value - axis.low) / (axis.high - axis.low)

"""Charts as matplotlib draws them, by its objects alone: nothing here touches the state that its `pyplot` keeps.

Imports matplotlib, so it is imported only where an image is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap

from loadstone.charts.figures.axes import clock, plain, time_ticks, value_text, value_ticks
from loadstone.charts.figures.figure import Axis, Heat, Line, OverTime, Slope, Spread
from loadstone.charts.figures.marks import Mark, Shade
from loadstone.charts.figures.palette import Theme, palette

DASHES: dict[str, Any] = {"solid": "-", "dot": (0, (1, 1.6))}
LABEL, SMALL = 8.5, 7.5  # points
APART = 12.0  # points between names at the ends of lines
MOST_NAMED = 12  # lines that are named at their ends
MOST_NUMBERED = 9  # events
LETTER = 0.56  # of the size of its font, as wide as a letter usually is


class Pen:
    """Draws into one pair of axes in the colours of one theme."""

    def __init__(self, axes: Axes, theme: Theme) -> None:
        self.axes, self.colours = axes, palette(theme)
        size = axes.get_window_extent().size * 72 / axes.get_figure(root=True).dpi
        self.width, self.height = float(size[0]), float(size[1])  # points
        axes.set_facecolor(self.colours["panel"])
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(self.colours["line"])
        axes.tick_params(colors=self.colours["soft"], labelsize=LABEL, length=0, which="both")
        axes.tick_params(axis="x", length=3, color=self.colours["line"])
        axes.minorticks_off()

    def title(self, text: str) -> None:
        """Above the chart, at its left."""
        self.axes.annotate(
            plain(text),
            (0, 1),
            (0, 17),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=10.5,
            fontweight="bold",
            color=self.colours["ink"],
            va="bottom",
        )

    def over_time(self, figure: OverTime, end_s: float, shades: Sequence[Shade], marks: Sequence[Mark]) -> bool:
        """A chart over time; gives whether any value was longer than anything recorded."""
        self.title(figure.title)
        self.axes.set_xlim(0, end_s)
        self._ticks("x", [(at, clock(at)) for at in time_ticks(end_s, self.width)])
        self._values("y", figure.axis)
        self.axes.grid(visible=True, axis="y", color=self.colours["grid"], linewidth=0.8)
        self.axes.set_axisbelow(True)
        self._shade(shades, end_s)
        if figure.heat is not None:
            self._heat(figure.heat)
        for line in figure.lines:
            self._line(line, halo=figure.heat is not None)
        for slope in figure.slopes:
            self._slope(slope)
        self._mark(marks, end_s)
        self._names(figure.lines, figure.axis)
        return any(line.beyond for line in figure.lines)

    def spread(self, figure: Spread) -> None:
        """How values are spread: a ridge for each curve, or shares from 0 to 100 %."""
        self.title(figure.title)
        self._values("x", figure.axis)
        if figure.ridges:
            self._ridges(figure)
            return
        self._values("y", Axis(0, 100, log=False, unit="%"))
        self.axes.grid(visible=True, axis="y", color=self.colours["grid"], linewidth=0.8)
        for index, curve in enumerate(figure.curves):
            self.axes.plot(
                curve.xs, curve.ys, color=self.colours[str(index + 1)], linewidth=1.6, drawstyle="steps-post", gid=f"curve-{index}"
            )
        if len(figure.curves) > 1 or figure.curves[0].label != "all":
            self._legend([(curve.label, self.colours[str(index + 1)], "-") for index, curve in enumerate(figure.curves)])

    def none(self, text: str) -> None:
        """Axes without a chart, and why."""
        self.axes.set_xticks([])
        self.axes.set_yticks([])
        self.axes.spines["bottom"].set_visible(False)
        self.axes.text(
            0.5, 0.5, plain(text), transform=self.axes.transAxes, ha="center", va="center", fontsize=11, color=self.colours["soft"]
        )

    def _ticks(self, side: str, ticks: Iterable[tuple[float, str]]) -> None:
        places = list(ticks)
        axis = self.axes.xaxis if side == "x" else self.axes.yaxis
        axis.set_ticks([at for at, _ in places], [plain(text, 24) for _, text in places])

    def _values(self, side: str, axis: Axis) -> None:
        room = 0.0 if axis.log else (axis.high - axis.low) * 0.04
        if axis.log:
            (self.axes.set_xscale if side == "x" else self.axes.set_yscale)("log", nonpositive="mask")
        (self.axes.set_xlim if side == "x" else self.axes.set_ylim)(axis.low, axis.high + room)
        self._ticks(side, [(at, value_text(at, axis.unit)) for at in value_ticks(axis)])
        self.axes.minorticks_off()

    def _shade(self, shades: Sequence[Shade], end_s: float) -> None:
        for one in shades:
            from_s, to_s = max(0.0, one.from_s), min(end_s, one.to_s)
            if one.kind == "recovery":
                self.axes.axvspan(from_s, to_s, ymin=0.985, color=self.colours["2"], linewidth=0, zorder=0.5)
            else:
                self.axes.axvspan(from_s, to_s, color=self.colours["spike" if one.kind == "spike" else "shade"], linewidth=0, zorder=0.5)
            if (to_s - from_s) / end_s * self.width > len(one.name) * SMALL * LETTER:
                where = (from_s, 1)
                self._note(one.name, where, (1, 3), xycoords=("data", "axes fraction"), fontsize=SMALL, color=self.colours["soft"])

    def _heat(self, heat: Heat) -> None:
        low, high = self.colours["heat-low"], self.colours["heat-high"]
        most = max((cell for row in heat.rows for cell in row if cell is not None), default=1.0)
        rows = [[math.nan if cell is None else cell for cell in row] for row in heat.rows]
        colours = LinearSegmentedColormap.from_list("heat", [low, high])
        # As a picture also within an SVG: ten thousand cells as shapes are megabytes.
        self.axes.pcolormesh(
            heat.xs, heat.ys, rows, cmap=colours, vmin=0, vmax=most or 1.0, shading="flat", rasterized=True, zorder=1, gid="heat"
        )

    def _line(self, line: Line, *, halo: bool) -> None:
        colour, dash = self.colours[line.colour], DASHES.get(line.dash, "-")
        ys = _gaps(line.ys)
        if line.lows:
            self.axes.fill_between(
                line.xs, _gaps(line.lows), _gaps(line.highs), color=colour, alpha=0.18, linewidth=0, zorder=1.5, gid="band"
            )
        if halo:
            self.axes.plot(line.xs, ys, color=self.colours["panel"], alpha=0.85, linewidth=3.6, zorder=2)
        self.axes.plot(line.xs, ys, color=colour, linestyle=dash, linewidth=1.6, zorder=3, gid="line")
        alone = _alone(line)
        if alone:
            self.axes.plot([x for x, _ in alone], [y for _, y in alone], "o", color=colour, markersize=3.4, zorder=3, gid="alone")
        if line.beyond:
            self._at_height(line.beyond, 0.985, "^", [colour] * len(line.beyond), "beyond")

    def _slope(self, slope: Slope) -> None:
        self.axes.plot(slope.xs, slope.ys, color=self.colours["bad"], linewidth=1.3, linestyle="--", zorder=3, gid="slope")
        self._note(slope.text, (slope.xs[0], slope.ys[0]), (3, 5), fontsize=SMALL, color=self.colours["bad"])

    def _mark(self, marks: Sequence[Mark], end_s: float) -> None:
        behind = {"facecolor": self.colours["panel"], "edgecolor": "none", "pad": 0.6, "alpha": 0.85}  # on the dark parts of a map
        for number, one in enumerate(marks, 1):
            if not 0 <= one.at_s <= end_s:
                continue
            colour = self.colours["bad" if one.bad else "quiet"]
            self.axes.axvline(one.at_s, color=colour, linewidth=0.9, linestyle=DASHES["dot"], zorder=1.6, gid="mark")
            self._at_height([one.at_s], 0.025, "D" if one.bad else "o", [colour], "mark")
            if number <= MOST_NUMBERED:
                where = (one.at_s, 0.025)
                self._note(str(number), where, (3.5, 2), xycoords=("data", "axes fraction"), fontsize=SMALL, color=colour, bbox=behind)

    def _at_height(self, xs: Sequence[float], height: float, sign: str, colours: Sequence[Any], gid: str) -> None:
        places = self.axes.get_xaxis_transform()
        self.axes.scatter(
            xs,
            [height] * len(xs),
            s=20,
            marker=sign,
            c=colours,
            edgecolors=[self.colours["panel"]],
            linewidths=0.6,
            transform=places,
            clip_on=False,
            zorder=4,
            gid=gid,
        )

    def _names(self, lines: Sequence[Line], axis: Axis) -> None:
        """At the ends of the lines, moved apart; above the chart where they are too many."""
        if len(lines) > MOST_NAMED:
            self._legend([(line.label, self.colours[line.colour], DASHES.get(line.dash, "-")) for line in lines])
            return
        ends = [(last, line) for line in lines if (last := _last(line, axis)) is not None]
        ends.sort(key=lambda end: _place(end[0], axis))
        places = _apart([min(1.0, max(0.0, _place(last, axis))) * self.height for last, _ in ends], APART, self.height + 5)
        for place, (_, line) in zip(places, ends, strict=True):
            self._note(plain(line.label, 24), (1, 0), (5, place), xycoords="axes fraction", va="center", color=self.colours[line.colour])

    def _legend(self, entries: Sequence[tuple[str, Any, Any]]) -> None:
        """Names in a row above the chart, as many as have room."""
        at = 0.0
        for number, (label, colour, dash) in enumerate(entries):
            text = plain(label, 26)
            width = (len(text) * LETTER + 3.2) * LABEL
            if at + width > self.width and number:
                self._note(f"+ {len(entries) - number}", (0, 1), (at, 4), xycoords="axes fraction", color=self.colours["soft"])
                return
            sign = "━" if dash == "-" else "╍"
            self._note(sign, (0, 1), (at, 4), xycoords="axes fraction", color=colour)
            self._note(text, (0, 1), (at + 1.4 * LABEL, 4), xycoords="axes fraction", color=self.colours["ink"])
            at += width

    def _ridges(self, figure: Spread) -> None:
        """A row for each curve, as high as its greatest share, so that shapes can be compared where curves would hide each other."""
        count = len(figure.curves)
        self.axes.set_ylim(-0.02, count)
        self.axes.set_yticks([])
        for index, curve in enumerate(figure.curves):
            floor, colour = count - 1 - index, self.colours[str(index + 1)]
            most = max(curve.ys) or 1.0
            corners = [(curve.xs[0], float(floor))]
            for at in range(len(curve.xs) - 1):
                height = floor + 0.66 * curve.ys[at] / most
                corners += [(curve.xs[at], height), (curve.xs[at + 1], height)]
            corners.append((curve.xs[-1], float(floor)))
            ridge = PolyCollection([corners], facecolors=[(*colour[:3], 0.28)], edgecolors=[colour], linewidths=1.2, gid="ridge")
            self.axes.add_collection(ridge, autolim=False)
            self._ridge_name(figure, index, floor)

    def _ridge_name(self, figure: Spread, index: int, floor: int) -> None:
        curve, unit = figure.curves[index], figure.axis.unit
        p50, p99 = (value_text(curve.histogram.quantile(q) / figure.scale, unit) for q in (0.5, 0.99))
        name = plain(curve.label, 24)
        where = (0, floor + 0.99)
        coords = ("axes fraction", "data")
        self._note(name, where, (2, 0), xycoords=coords, va="top", color=self.colours[str(index + 1)])
        figures = f"{value_text(curve.histogram.count + curve.histogram.beyond)} · p50 {p50} · p99 {p99}"
        self._note(figures, where, (self.width - 2, 0), xycoords=coords, va="top", ha="right", color=self.colours["soft"])

    def _note(self, text: str, where: tuple[float, float], offset: tuple[float, float], *, xycoords: Any = "data", **look: Any) -> None:
        look = {"fontsize": LABEL, "va": "bottom", "annotation_clip": False, "zorder": 5, **look}
        self.axes.annotate(text, where, offset, xycoords=xycoords, textcoords="offset points", **look)


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [math.nan if each is None else each for each in values]


def _alone(line: Line) -> list[tuple[float, float]]:
    """A value with none before and none after it has no line: it gets a point."""
    ys = [None, *line.ys, None]
    return [(line.xs[at], y) for at, y in enumerate(line.ys) if y is not None and ys[at] is None and ys[at + 2] is None]


def _place(value: float, axis: Axis) -> float:
    """From 0 at the foot of the axis to 1 at its top."""
    if axis.log:
        return math.log(value / axis.low) / math.log(axis.high / axis.low)
    return (value - axis.low) / ((axis.high - axis.low) * 1.04)


def _last(line: Line, axis: Axis) -> float | None:
    """The last value that has a place on the axis."""
    return next((y for y in reversed(line.ys) if y is not None and not (axis.log and y <= 0)), None)


def _apart(places: Sequence[float], least: float, most: float) -> list[float]:
    """Sorted places, moved up and then down so that neighbours are `least` from each other and none is past `most`."""
    found = list(places)
    for at in range(1, len(found)):
        found[at] = max(found[at], found[at - 1] + least)
    for at in reversed(range(len(found))):
        found[at] = min(found[at], most - least * (len(found) - 1 - at))
    return found

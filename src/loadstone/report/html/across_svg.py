"""Charts of `charts/figures/across` as SVG within a page: drawn here, so that they stand without a script and print as they are.

Colours are the variables of `charts.css`, so that a chart turns dark with its page. A chart is drawn for a width in pixels, because
letters in a picture that is scaled down cannot be read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from loadstone.charts.figures.across import Across, Changes, Chart, Dots, Rule, Tick, Trace, beside_rule
from loadstone.charts.figures.axes import plain, value_text, value_ticks
from loadstone.charts.figures.figure import Axis

HEIGHT, LEFT, RIGHT, TOP, FOOT = 250, 66, 14, 18, 40
ROW, BAR_FOOT = 42, 26
LETTER = 6.6  # px, as wide as a letter of a tick usually is
MOST_DOTS_SAID = 400  # dots that say what they are when a pointer rests on them
SIGNS = {"dot": "●", "cross": "✕", "ring": "○"}


def chart_svg(chart: Chart, width: int) -> Markup:
    """The chart, `width` pixels wide."""
    height = HEIGHT if isinstance(chart, Across) else ROW * len(chart.bars) + BAR_FOOT + 10
    inside = _Across(chart, width).parts() if isinstance(chart, Across) else _changes(chart, width, height)
    name = escape(plain(chart.title))
    body = "".join(inside)
    return _markup(f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{name}">{body}</svg>')


def keys_of(chart: Chart) -> list[tuple[str, str, str]]:
    """Sign, name and colour of what a chart shows; empty where nothing could be taken for another thing."""
    if isinstance(chart, Changes):
        return []
    traces = [("┄" if one.dash == "dot" else "━", one.label, one.colour) for one in chart.traces if one.label]
    found = [*((SIGNS[one.sign], one.label, one.colour) for one in chart.dots if one.label), *traces]
    return [(sign, plain(label, 40), colour) for sign, label, colour in found] if len(found) > 1 or chart.zones else []


class _Across:
    def __init__(self, chart: Across, width: int) -> None:
        self.chart, self.width = chart, width
        self.x_from, self.x_to = LEFT, width - RIGHT
        self.y_from, self.y_to = HEIGHT - FOOT, TOP

    def parts(self) -> Iterator[str]:
        chart = self.chart
        for zone in chart.zones:
            left, right = self._x(zone.low), self._x(zone.high)
            yield _rect(left, TOP, max(1.0, right - left), HEIGHT - FOOT - TOP, 'fill="var(--ls-shade)"')
        for at in value_ticks(chart.y):
            y = self._y(at)
            yield f'<line x1="{self.x_from}" x2="{self.x_to}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--ls-grid)"/>'
            yield _text(self.x_from - 8, y + 4, value_text(at, chart.y.unit), "end")
        yield f'<line x1="{self.x_from}" x2="{self.x_to}" y1="{self.y_from}" y2="{self.y_from}" stroke="var(--ls-line)"/>'
        for at, text in _thinned([(self._x(at), text) for at, text in chart.ticks if chart.x.low <= at <= chart.x.high]):
            yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{self.y_from}" y2="{self.y_from + 4}" stroke="var(--ls-line)"/>'
            yield _text(at, self.y_from + 17, text, "middle")
        yield _text(self.x_to, HEIGHT - 4, chart.x_name, "end")
        for one in chart.traces:
            yield from self._trace(one)
        for rule in chart.rules:
            yield from self._rule(rule)
        for dots in chart.dots:
            yield from self._dots(dots)

    def _trace(self, one: Trace) -> Iterator[str]:
        if one.lows:
            edge = [*zip(one.xs, one.highs, strict=True), *reversed(list(zip(one.xs, one.lows, strict=True)))]
            points = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in edge)
            yield f'<polygon points="{points}" fill="var(--ls-{one.colour})" opacity=".16"/>'
        dash = ' stroke-dasharray="2 4"' if one.dash == "dot" else ""
        for stretch in _stretches(one):
            points = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in stretch)
            look = f'fill="none" stroke="var(--ls-{one.colour})" stroke-width="2" stroke-linejoin="round"{dash}'
            yield f'<polyline points="{points}" {look}/>'
            if len(stretch) == 1:
                x, y = stretch[0]
                yield f'<circle cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="2.5" fill="var(--ls-{one.colour})"/>'

    def _dots(self, dots: Dots) -> Iterator[str]:
        said = list(dots.notes) if len(dots.notes) <= MOST_DOTS_SAID else []
        for at, (x, y) in enumerate(zip(dots.xs, dots.ys, strict=True)):
            note = f"<title>{escape(plain(said[at]))}</title>" if at < len(said) else ""
            left, top, colour = self._x(x), self._y(y), f"var(--ls-{dots.colour})"
            if dots.sign == "cross":
                path = f"M{left - 4:.1f} {top - 4:.1f}l8 8m0-8l-8 8"
                yield f'<path d="{path}" stroke="{colour}" stroke-width="2.5" fill="none" stroke-linecap="round">{note}</path>'
            else:
                fill = colour if dots.sign == "dot" else "var(--ls-panel)"
                edge, thick = (colour, 2) if dots.sign == "ring" else ("var(--ls-panel)", 1)
                look = f'fill="{fill}" stroke="{edge}" stroke-width="{thick}"'
                yield f'<circle cx="{left:.1f}" cy="{top:.1f}" r="4.5" {look}>{note}</circle>'

    def _rule(self, rule: Rule) -> Iterator[str]:
        look = f'stroke="var(--ls-{rule.colour})" stroke-dasharray="5 4" stroke-width="1.25"'
        text, colour = plain(rule.text, 40), f"var(--ls-{rule.colour})"
        if rule.along == "y":
            x = self._x(rule.at)
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 10}" y2="{self.y_from}" {look}/>'
            right = beside_rule(rule, self.chart, self._x, len(text) * LETTER + 5, self.width)
            yield _text(x + (5 if right else -5), TOP - 4, text, "start" if right else "end", colour)
            return
        if self.chart.y.low <= rule.at <= self.chart.y.high:
            y = self._y(rule.at)
            yield f'<line x1="{self.x_from}" x2="{self.x_to}" y1="{y:.1f}" y2="{y:.1f}" {look}/>'
            yield _text(self.x_from + 4, y - 5, text, "start", colour)

    def _x(self, value: float) -> float:
        return self.x_from + (self.x_to - self.x_from) * place(value, self.chart.x)

    def _y(self, value: float) -> float:
        return self.y_from + (self.y_to - self.y_from) * place(value, self.chart.y)


def place(value: float, axis: Axis) -> float:
    """From 0 at the begin of the axis to 1 at its end; what is past an end stands there."""
    if axis.log:
        found = math.log(value / axis.low) / math.log(axis.high / axis.low) if value > 0 else 0.0
    else:
        found = (value - axis.low) / (axis.high - axis.low)
    return min(1.0, max(0.0, found))


def _changes(chart: Changes, width: int, height: int) -> Iterator[str]:
    axis, foot = chart.axis, height - BAR_FOOT

    def x(share: float) -> float:
        return 8 + (width - 16) * place(share * 100, axis)

    for at, text in _thinned([(x(tick / 100), f"{value_text(tick)}%") for tick in value_ticks(axis)]):
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="4" y2="{foot}" stroke="var(--ls-grid)"/>'
        yield _text(at, foot + 17, text, "middle")
    yield f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="{foot}" stroke="var(--ls-soft)"/>'
    for number, bar in enumerate(chart.bars):
        top, colour = 8 + ROW * number, f"var(--ls-{bar.colour})"
        y = top + 25
        yield _text(8, top + 10, _cut(bar.label, int((width - 16) / LETTER) - len(bar.text) - 3), "start", "var(--ls-ink)", halo=True)
        yield _text(width - 8, top + 10, bar.text, "end", colour, halo=True)
        yield _rect(x(bar.low), y - 3, max(2.0, x(bar.high) - x(bar.low)), 6, f'rx="3" fill="{colour}" opacity=".4"')
        for at, sign in chart.cut(bar):
            yield f'<path class="cut" d="M{x(at / 100) + 6 * sign:.1f} {y}l{-8 * sign} -6v12z" fill="{colour}"/>'
        yield f'<circle cx="{x(bar.point):.1f}" cy="{y}" r="5" fill="{colour}"/>'
        if bar.limit:
            at, look = x(bar.limit), 'stroke="var(--ls-ink)" stroke-width="1.5"'
            yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y - 8}" y2="{y + 8}" {look}><title>limit</title></line>'


def _rect(x: float, y: float, width: float, height: float, look: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {look}/>'


def _cut(text: str, most: int) -> str:
    """The middle goes: names of steps differ at their ends."""
    whole = plain(text)
    if len(whole) <= most or most < 5:
        return whole
    return f"{whole[: (most - 1) // 2]}…{whole[-((most - 1) - (most - 1) // 2) :]}"


def _stretches(one: Trace) -> Iterator[list[tuple[float, float]]]:
    found: list[tuple[float, float]] = []
    for x, y in zip(one.xs, one.ys, strict=True):
        if y is not None and math.isfinite(y):
            found.append((x, y))
        elif found:
            yield found
            found = []
    if found:
        yield found


def _thinned(ticks: Sequence[Tick]) -> list[Tick]:
    """Those whose texts do not touch."""
    found: list[Tick] = []
    for at, text in ticks:
        half = len(plain(text, 24)) * LETTER / 2 + 6
        if not found or at - half > found[-1][0] + len(plain(found[-1][1], 24)) * LETTER / 2:
            found.append((at, text))
    return found


def _text(x: float, y: float, text: str, anchor: str, colour: str = "var(--ls-soft)", *, halo: bool = False) -> str:
    kind = ' class="halo"' if halo else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(plain(text, 80))}</text>'


def _markup(text: str) -> Markup:
    return Markup(text)  # noqa: S704  every text from outside was escaped where it was put in

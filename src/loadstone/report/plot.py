"""A plot of marked points in characters: one cell a point, axes with their ends, nothing between the points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

LOG_FROM = 20.0  # a range this wide is drawn on a logarithmic axis: else all but its end lies on the floor
CLASH = "#"


class Mark(NamedTuple):
    """A point and the character that stands for it."""

    x: float
    y: float
    character: str


def plot(
    marks: Sequence[Mark], width: int, height: int, show_x: Callable[[float], str], show_y: Callable[[float], str], title: str = ""
) -> list[str]:
    """Lines of a plot; `#` where two marks meet. Marks that are not finite are left out; no lines without marks.

    width, height: of the field inside the axes, in cells
    """
    known = [mark for mark in marks if math.isfinite(mark.x) and math.isfinite(mark.y)]
    if not known:
        return []
    across, up = _axis([mark.x for mark in known], from_zero=True), _axis([mark.y for mark in known])
    field = [[" "] * width for _ in range(height)]
    for mark in known:
        row, column = height - 1 - _cell(up, mark.y, height), _cell(across, mark.x, width)
        here = field[row][column]
        field[row][column] = mark.character if here in {" ", mark.character} else CLASH
    top, bottom = show_y(up.high), show_y(up.low)
    gutter = max(len(top), len(bottom), 6)
    labels = {0: top, height - 1: bottom}
    lines = [f"{labels.get(row, '').rjust(gutter)} │{''.join(cells).rstrip()}" for row, cells in enumerate(field)]
    low, high = show_x(across.low), show_x(across.high)
    scale = ", ".join([*([title] if title else []), *(["logarithmic upwards"] if up.logarithmic else [])])
    return [
        *([scale] if scale else []),
        *lines,
        f"{' ' * gutter} └{'─' * width}",
        f"{' ' * gutter}  {low}{high.rjust(max(1, width - len(low)))}",
    ]


class _Axis(NamedTuple):
    low: float
    high: float
    logarithmic: bool


def _axis(values: Sequence[float], *, from_zero: bool = False) -> _Axis:
    low, high = min(values), max(values)
    if from_zero:
        return _Axis(min(0.0, low), high if high > low or high > 0 else low + 1.0, logarithmic=False)
    logarithmic = low > 0 and high / low >= LOG_FROM
    if not logarithmic:
        low = min(0.0, low)
    return _Axis(low, high if high > low else low + 1.0, logarithmic)


def _cell(axis: _Axis, value: float, cells: int) -> int:
    low, high = axis.low, axis.high
    if axis.logarithmic:
        low, high, value = math.log(low), math.log(high), math.log(value)
    share = (value - low) / (high - low) if high > low else 0.0
    return min(cells - 1, max(0, round(share * (cells - 1))))

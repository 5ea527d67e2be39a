"""How a latency is spread, as bars over a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from loadstone.live.glyphs import Glyphs, columns
from loadstone.stats.histogram import Histogram
from loadstone.units import format_duration

LEAST_RANGE = 4.0  # greatest ÷ least on the axis: on less, the buckets' own width would be drawn, and not the values
LEAST_BARS, BARS_PER_ROOT = 8, 3.0  # more bars than this for each root of the number of values, and what is drawn is chance
_STEPS = ((1.0,), (2.0, 5.0), (3.0, 4.0, 7.0), (1.5, 2.5, 6.0, 8.0))  # those named first get room first


def latency_columns(times: Histogram, cells: int, rows: int, glyphs: Glyphs) -> list[str]:
    """Bars and the axis below them: `rows + 1` lines of at most so many cells; none when nothing was recorded.

    times: in ns; those beyond anything recorded have no place on the axis
    """
    if times.count == 0 or cells < 1 or rows < 1:
        return []
    low, high = _range(max(1, times.min), max(1, times.max))
    wide = max(1, math.ceil(cells / max(LEAST_BARS, BARS_PER_ROOT * math.sqrt(times.count))))
    bars = max(1, cells // wide)
    heights = [height for height in _counts(times, low, high, bars) for _ in range(wide)]
    return [text.rstrip() for text in columns(heights, rows, glyphs)] + [_axis(low, high, bars * wide, glyphs)]


def _range(least: float, greatest: float) -> tuple[float, float]:
    if greatest / least >= LEAST_RANGE:
        return float(least), float(greatest)
    middle = math.sqrt(least * greatest)
    return middle / math.sqrt(LEAST_RANGE), middle * math.sqrt(LEAST_RANGE)


def _counts(times: Histogram, low: float, high: float, cells: int) -> Sequence[int]:
    found = [0] * cells
    for least, greatest, count in times.buckets():
        found[_cell((max(least, 1) + greatest) / 2, low, high, cells)] += count
    return found


def _cell(value: float, low: float, high: float, cells: int) -> int:
    share = math.log(max(value, 1.0) / low) / math.log(high / low)
    return min(cells - 1, max(0, int(share * cells)))


def _axis(low: float, high: float, cells: int, glyphs: Glyphs) -> str:
    """Marks at round values, as many as have room; those at powers of ten come first."""
    found = [" "] * cells
    for steps in _STEPS:
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
            for step in steps:
                value = step * 10.0**power
                label = glyphs.tick + format_duration(value / 1e9)
                at = _cell(value, low, high, cells)
                if low <= value <= high and at + len(label) <= cells and _is_free(found, at, len(label)):
                    found[at : at + len(label)] = label
    return "".join(found).rstrip()


def _is_free(found: Sequence[str], at: int, length: int) -> bool:
    """With a blank on each side."""
    return all(character == " " for character in found[max(0, at - 2) : at + length + 2])

"""The characters that the live view draws with: Unicode's block elements, or plain ASCII where a terminal has no more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loadstone.live.cells import Line, Piece


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of characters.

    levels: from the lowest bar to the full one, all of one cell
    done, left: the parts of a bar of progress
    """

    levels: str
    done: str
    left: str
    tick: str
    passed: str
    failed: str
    no_data: str
    note: str
    unicode: bool


BLOCKS = Glyphs("▁▂▃▄▅▆▇█", "━", "─", "╵", "✓", "✗", "·", "›", unicode=True)
ASCII = Glyphs("_.:-=+*#", "=", "-", "|", "+", "x", ".", ">", unicode=False)
_IN_ASCII = str.maketrans({"—": "-", "–": "-", "…": "~", "µ": "u", "×": "x", "÷": "/", "−": "-", "·": ".", "∞": "~", "→": ">"})


def ascii_line(pieces: Line) -> Line:
    """The line without anything that an ASCII terminal cannot show; what has no likeness is a question mark."""
    return tuple(Piece(piece.text.translate(_IN_ASCII).encode("ascii", "replace").decode("ascii"), piece.style) for piece in pieces)


def level(value: float | None, most: float, glyphs: Glyphs) -> str:
    """One bar: a blank for no value, the lowest for 0 alone, the full one for `most` and whatever is beyond."""
    if value is None or math.isnan(value):
        return " "
    if value <= 0 or most <= 0:
        return glyphs.levels[0]
    top = len(glyphs.levels) - 1
    return glyphs.levels[min(top, max(1, math.ceil(value / most * top)) if math.isfinite(value) else top)]


def sparkline(values: Sequence[float | None], glyphs: Glyphs) -> str:
    """A bar for each value, the highest of them as high as a cell."""
    most = max((value for value in values if value is not None and math.isfinite(value)), default=0.0)
    return "".join(level(value, most, glyphs) for value in values)


def columns(heights: Sequence[int], rows: int, glyphs: Glyphs) -> list[str]:
    """Bars several rows high, from the top row down; a bar of at least one is never invisible."""
    steps = len(glyphs.levels)
    most = max(heights, default=0) or 1
    eighths = [0 if height <= 0 else max(1, round(height / most * rows * steps)) for height in heights]
    lines = []
    for row in range(rows - 1, -1, -1):
        cells = (min(steps, filled - row * steps) for filled in eighths)
        lines.append("".join(" " if cell <= 0 else glyphs.levels[cell - 1] for cell in cells))
    return lines

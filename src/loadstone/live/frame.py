"""The whole live view: blocks put under each other, or beside each other where there is room, and left out where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadstone.judge.verdict import Verdict
from loadstone.live import blocks
from loadstone.live.blocks import Shown
from loadstone.live.cells import EMPTY, Line, beside, fit
from loadstone.live.glyphs import BLOCKS, Glyphs, ascii_line
from loadstone.live.recent import Figures
from loadstone.measure.event import Event

SILENT_S = 3.0  # without a snapshot for so long, the view says that it shows the past
WIDE = 150  # cells from which two columns are easier to read than one
MOST_BARS, LEAST_BARS = 9, 4
MOST_EVENTS = 6
GROWTH = ("steps", "steps", "gates", "bars", "events")  # who gets the next row, in turns


@dataclass(frozen=True, slots=True)
class Room:
    """What a terminal has: cells across, rows down, and the characters it can show."""

    cells: int = 80
    rows: int = 24
    glyphs: Glyphs = BLOCKS


def frame(now: Figures, shown: Shown, verdicts: Sequence[Verdict], happened: Sequence[Event], room: Room) -> list[Line]:
    """The view, at most `room.rows - 1` lines, none wider than the terminal.

    The first line is empty: what others print while the view is up lands there (`live/screen`).
    """
    cells, glyphs = max(1, room.cells), room.glyphs
    top = [EMPTY, *blocks.head(now, shown, cells, glyphs), *blocks.figures(now, cells, glyphs), blocks.generator_line(now, cells)]
    top += blocks.warning(now, shown, SILENT_S, cells)
    bottom = blocks.keys(shown, cells)
    rows = room.rows - 1
    free = rows - len(top) - len(bottom)
    if free > len(bottom) and bottom:
        bottom, free = [EMPTY, *bottom], free - 1
    if cells >= WIDE:
        middle = _two_columns(now, verdicts, happened, cells, free, glyphs)
    else:
        middle = _one_column(now, verdicts, happened, cells, free, glyphs)
    lines = [fit(each, cells) for each in [*top, *middle, *bottom]][: max(1, rows)]
    return lines if glyphs.unicode else [ascii_line(each) for each in lines]


def _one_column(now: Figures, verdicts: Sequence[Verdict], happened: Sequence[Event], cells: int, free: int, glyphs: Glyphs) -> list[Line]:
    """Each block in turn is given the least it is worth showing with; then what is left goes to those that want more."""
    wants = {
        "gates": (1 if verdicts else 0, 1 + len(verdicts) if verdicts else 0),
        "steps": (min(4, 1 + len(now.rows)) if now.rows else 0, 1 + len(now.rows) if now.rows else 0),
        "bars": (LEAST_BARS if _has_times(now) else 0, MOST_BARS if _has_times(now) else 0),
        "events": (min(1, len(happened)), min(MOST_EVENTS, len(happened))),
    }
    given = _shares(wants, free)
    parts = [
        blocks.histogram(now, cells, given["bars"], glyphs),
        blocks.steps(now, cells, given["steps"]),
        blocks.gates(verdicts, cells, given["gates"], glyphs),
        blocks.events(happened[-given["events"] :] if given["events"] else (), cells, glyphs),
    ]
    return [each for part in parts if part for each in (EMPTY, *part)]


def _two_columns(now: Figures, verdicts: Sequence[Verdict], happened: Sequence[Event], cells: int, free: int, glyphs: Glyphs) -> list[Line]:
    half = (cells - 4) // 2
    wants = {
        "steps": (min(4, 1 + len(now.rows)) if now.rows else 0, 1 + len(now.rows) if now.rows else 0),
        "gates": (1 if verdicts else 0, 1 + len(verdicts) if verdicts else 0),
    }
    left = _stacked(blocks.histogram(now, half, min(MOST_BARS + 4, free - 1) if _has_times(now) else 0, glyphs))
    fitting = max(0, min(2 * MOST_EVENTS, free - len(left) - 1))
    left += _stacked(blocks.events(happened[-fitting:] if fitting else (), half, glyphs))
    given = _shares(wants, free)
    right = _stacked(blocks.steps(now, half, given["steps"])) + _stacked(blocks.gates(verdicts, half, given["gates"], glyphs))
    return beside(left, right, half, 4)[: max(0, free)]


def _stacked(part: list[Line]) -> list[Line]:
    return [EMPTY, *part] if part else []


def _has_times(now: Figures) -> bool:
    return now.spread is not None and now.spread.count > 0


def _shares(wants: dict[str, tuple[int, int]], free: int) -> dict[str, int]:
    """Rows for each block, (least, most) wanted, those named first come first; each that is shown costs one more, for a blank line."""
    given = dict.fromkeys(wants, 0)
    for name, (least, _) in wants.items():
        if least and free >= least + 1:
            given[name], free = least, free - least - 1
    grown = True
    while free > 0 and grown:
        grown = False
        for name in GROWTH:
            if free > 0 and 0 < given.get(name, 0) < wants[name][1]:
                given[name], free, grown = given[name] + 1, free - 1, True
    return given

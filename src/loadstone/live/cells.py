"""Lines of styled text, measured in the cells of a terminal: a wide character takes two, a combining one none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

ELLIPSIS = "…"


class Piece(NamedTuple):
    """Some text in one style: "", "bold", "dim", or the name of a colour."""

    text: str
    style: str = ""


Line = tuple[Piece, ...]
EMPTY: Line = ()


def line(*parts: str | Piece) -> Line:
    """A line of texts and pieces."""
    return tuple(Piece(part) if isinstance(part, str) else part for part in parts)


def text_of(pieces: Line) -> str:
    """The line without its styles."""
    return "".join(piece.text for piece in pieces)


def width_of(pieces: Line) -> int:
    """Cells that the line takes."""
    return sum(cell_len(piece.text) for piece in pieces)


def cut(text: str, cells: int) -> str:
    """The text in at most so many cells; what is longer loses its end and gains an ellipsis."""
    if cell_len(text) <= cells:
        return text
    if cells < 1:
        return ""
    kept = chop_cells(text, cells - 1)[0] if cells > 1 else ""
    return kept + ELLIPSIS


def fit(pieces: Line, cells: int) -> Line:
    """The line in at most so many cells."""
    if width_of(pieces) <= cells:
        return pieces
    kept: list[Piece] = []
    for piece in pieces:
        room = cells - width_of(tuple(kept))
        if cell_len(piece.text) >= room:
            kept.append(Piece(cut(piece.text + " ", room) if cell_len(piece.text) == room else cut(piece.text, room), piece.style))
            break
        kept.append(piece)
    return tuple(kept)


def padded(pieces: Line, cells: int) -> Line:
    """The line in exactly so many cells."""
    pieces = fit(pieces, cells)
    return (*pieces, Piece(" " * (cells - width_of(pieces)))) if width_of(pieces) < cells else pieces


def across(left: Line, right: Line, cells: int) -> Line:
    """Left and right at the two ends of a line; the left one gives way."""
    right = fit(right, cells)
    return (*padded(left, max(0, cells - width_of(right) - 1)), Piece(" " if width_of(right) < cells else ""), *right)


def as_many(parts: Iterable[str], cells: int, between: str = "  ") -> str:
    """As many of the parts as fit, from the first on, none of them cut."""
    shown = ""
    for part in parts:
        longer = f"{shown}{between}{part}" if shown else part
        if cell_len(longer) > cells:
            break
        shown = longer
    return shown


def beside(left: Sequence[Line], right: Sequence[Line], cells: int, gap: int) -> list[Line]:
    """Two columns of lines, the left one so many cells wide."""
    rows = max(len(left), len(right))
    return [
        (*padded(left[row] if row < len(left) else EMPTY, cells + gap), *(right[row] if row < len(right) else EMPTY)) for row in range(rows)
    ]

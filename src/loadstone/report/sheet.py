"""A page of styled lines for a terminal: widths in character cells, colour and Unicode only when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from loadstone.measure.plain_text import plain


class Style(StrEnum):
    """What a piece of text is; the value is its SGR parameter (ECMA-48, 8.3.117)."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    GOOD = "32"
    WARN = "33"
    BAD = "31"
    BANNER_GOOD = "1;30;42"
    BANNER_WARN = "1;30;43"
    BANNER_BAD = "1;97;41"


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    flexible: it gives up room when the table is too wide, and shortens its texts
    middle:   the middle is left out of a text that is too long, not its end: step names differ at their ends, and errors end in their place
    """

    title: str
    left: bool = False
    flexible: bool = False
    middle: bool = False


# One cell each, so that a page keeps its columns without Unicode.
_ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "━": "=", "·": "-", "…": "~", "—": "-", "→": ">", "µ": "u", "×": "x", "│": "|", "└": "+", "─": "-"}
)
INDENT, GAP = 2, 2
READABLE = 24  # a flexible column is not made narrower than this while the gaps can give room


class Sheet:
    """Lines added from the top, drawn by `str()`; every text is made plain first, so that no line can be wider than asked."""

    def __init__(self, width: int, *, color: bool, unicode: bool = True) -> None:
        self.width, self._color, self._unicode = max(40, width), color, unicode
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def line(self, *spans: Span) -> None:
        """One line; what reaches past the page is cut."""
        room = self.width
        drawn = []
        for span in spans:
            text = plain(span.text, 4 * self.width)
            if cell_len(text) > room:
                text = fit(text, room)
            room -= cell_len(text)
            drawn.append(self._draw(text, span.style))
        self._lines.append("".join(drawn).rstrip())

    def blank(self) -> None:
        """An empty line, but never two."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def heading(self, title: str, note: str = "") -> None:
        """The title of a block, after an empty line."""
        self.blank()
        self.line(Span(title, Style.BOLD), Span(f"  {note}" if note else "", Style.DIM))

    def prose(self, text: str, style: Style = Style.PLAIN, *, indent: str = "", first: Span | None = None) -> None:
        """A paragraph broken at blanks; `first` stands in the indent of its first line."""
        lead = first or Span(indent)
        for number, piece in enumerate(wrapped(plain(text, 20 * self.width), self.width - cell_len(indent))):
            self.line(lead if number == 0 else Span(indent), Span(piece, style))

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Span]]) -> None:
        """Rows under their titles, indented, two blanks apart or one where room is short."""
        cells = [[Span(plain(cell.text), cell.style) for cell in row] for row in rows]
        shown = [[Span(column.title, Style.DIM) for column in columns], *cells] if any(c.title for c in columns) else cells
        widths = [max((cell_len(row[at].text) for row in shown), default=0) for at in range(len(columns))]
        spare = self.width - INDENT - sum(widths) - GAP * (len(columns) - 1)
        flexible = sum(width for column, width in zip(columns, widths, strict=True) if column.flexible)
        gap = GAP if flexible + spare >= min(flexible, READABLE) else GAP - 1
        spare += (GAP - gap) * (len(columns) - 1)
        for at, column in enumerate(columns):
            if column.flexible and spare < 0:
                widths[at] = max(6, widths[at] + spare)
        for row in shown:
            spans = [Span(" " * (INDENT - gap))]
            for column, width, cell in zip(columns, widths, row, strict=True):
                text = fit_middle(cell.text, width) if column.middle else fit(cell.text, width)
                pad = " " * (width - cell_len(text))
                spans += [Span(" " * gap), *([Span(text, cell.style), Span(pad)] if column.left else [Span(pad), Span(text, cell.style)])]
            self.line(*spans)

    def rule(self, left: Span, right: str) -> None:
        """A line across the page with a title at its left and a remark at its right end."""
        bar = "━" * max(0, self.width - cell_len(left.text) - cell_len(right) - 6)
        self.line(Span("━━", Style.DIM), left, Span(bar, Style.DIM), Span(f" {right} ", Style.PLAIN), Span("━━", Style.DIM))

    def _draw(self, text: str, style: Style) -> str:
        text = text.replace("\u00a0", " ")  # it kept words together while lines were broken
        if not self._unicode:
            text = "".join(c if c.isascii() else "?" * cell_len(c) for c in text.translate(_ASCII))
        return f"\x1b[{style.value}m{text}\x1b[0m" if self._color and style.value and text.strip() else text


def fit(text: str, width: int) -> str:
    """The text in at most that many cells; a longer one ends in `…`."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…" if width > 0 else ""


def fit_middle(text: str, width: int) -> str:
    """The text in at most that many cells; a longer one has `…` in its middle."""
    if cell_len(text) <= width:
        return text
    tail = ""
    for character in reversed(text):
        if cell_len(character + tail) > width // 2:
            break
        tail = character + tail
    return fit(text, width - cell_len(tail)) + tail


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most that many cells, broken at blanks, and inside a word only when it fills a line alone."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while cell_len(word) > width:
            head = set_cell_size(word, width).rstrip() or word[:1]
            lines.append(head)
            word = word[len(head) :]
        line = word
    return [*lines, line] if line or not lines else lines

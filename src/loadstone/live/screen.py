"""Lines drawn in place on a terminal, over and over.

Between two drawings the cursor rests at the first line of the view, which is empty. So what others write meanwhile stays readable above the
view, and nothing has to be known of how a terminal that was made narrower has wrapped what was there: everything below the cursor is ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TextIO

from loadstone.live.cells import Line

_HIDE, _SHOW, _CLEAR_LINE, _CLEAR_BELOW, _RESET = "\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[J", "\x1b[0m"
_STYLES = {"": "", "bold": "\x1b[1m", "dim": "\x1b[2m", "red": "\x1b[31m", "green": "\x1b[32m", "yellow": "\x1b[33m", "cyan": "\x1b[36m"}
_COLORS = frozenset({"red", "green", "yellow", "cyan"})


def can_redraw(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Is it a terminal that moves its cursor, with a person before it? A log of CI keeps every drawing."""
    is_ci = environment.get("CI", "").lower() not in {"", "0", "false"}
    return stream.isatty() and environment.get("TERM") != "dumb" and not is_ci


def above(lines: Sequence[str], stream: TextIO) -> str:
    """Lines for a stream on which a view may stand: the view goes, to be drawn again below them; without that its rows showed through."""
    return (_CLEAR_BELOW if can_redraw(stream) else "") + "\n".join(lines)


class Screen:
    """A place on a terminal; what cannot be written silences it for good, and never raises."""

    def __init__(self, stream: TextIO, *, color: bool = True) -> None:
        self._stream, self._color = stream, color
        self._begun = self._silent = False

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines in place of the last ones, in one write; the cursor goes back to the first of them."""
        shown = "\r\n".join(f"{_CLEAR_LINE}{self._painted(each)}" for each in lines)
        up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        self._write(f"{'' if self._begun else _HIDE}\r{shown}{_CLEAR_BELOW}{up}\r")
        self._begun = True

    def close(self) -> None:
        """Take the view away and give the cursor back; may be called more than once."""
        if self._begun:
            self._begun = False
            self._write(f"\r{_CLEAR_BELOW}{_SHOW}")

    def _painted(self, pieces: Line) -> str:
        found = []
        for piece in pieces:
            style = "" if piece.style in _COLORS and not self._color else _STYLES[piece.style]
            found.append(f"{style}{piece.text}{_RESET}" if style and piece.text else piece.text)
        return "".join(found)

    def _write(self, text: str) -> None:
        if self._silent:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal has gone; ValueError: the stream was closed
            self._silent = True

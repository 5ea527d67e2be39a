"""What an examination found, one line each: `loadstone doctor`, and the lines at the start of a run."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line; `advice` is empty when all is well."""

    what: str
    found: str
    advice: str = ""


def written(findings: Sequence[Finding], width: int | None = None) -> list[str]:
    """The lines, those with advice marked and their advice below.

    width: cells of the terminal, where lines are broken between words; None: they are not
    """
    names = max((len(each.what) for each in findings), default=0)
    lines = []
    for each in findings:
        lines += _broken(f"{'!' if each.advice else '·'} {each.what:<{names}}  ", each.found, width)
        if each.advice:
            lines += _broken(" " * (names + 4), each.advice, width)
    return lines


def _broken(head: str, text: str, width: int | None) -> list[str]:
    if width is None:
        return [head + text]
    room = max(width, len(head) + 20)
    return textwrap.wrap(text, room, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False, break_on_hyphens=False)

"""A value that a plan cannot hold, said so that a person can put it right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Wrong(ValueError):
    """What is wrong; `example` is a value that would do, in the way a file writes it, `hint` anything else to try."""

    def __init__(self, what: str, *, example: str = "", hint: str = "") -> None:
        self.what, self.example, self.hint = what, example, hint
        super().__init__(what)


def suggest(word: str, known: Iterable[str]) -> str:
    """The hint for a name that nobody knows: the nearest known one, and the rest."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    listed = ", ".join(names)
    if not listed:
        return ""
    return f"{close[0]} (known: {listed})" if close else f"one of {listed}"

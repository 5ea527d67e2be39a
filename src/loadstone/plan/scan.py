"""Reading a text from left to right, with complaints that name the place."""

from __future__ import annotations

import re

from loadstone.errors import UsageError

EXAMPLE = "p95(http.response_time) < 2s"
OPERATORS = ("<=", ">=", "==", "<", ">")
_OPERATOR = re.compile(r"[<>=!~≤≥]+")
_SPACE = re.compile(r"\s*")


class Scan:
    """A position in a text, and complaints that name it."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def skip(self) -> None:
        """Go past white space."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def rest(self) -> str:
        """What has not been read, without white space around it."""
        self.skip()
        return self.text[self.at :].rstrip()

    def try_take(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern finds here, or None."""
        self.skip()
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def take(self, pattern: re.Pattern[str], expected: str, *, hint: str = EXAMPLE) -> str:
        """What the pattern finds here; raises UsageError that says what was expected."""
        found = self.try_take(pattern)
        if found is None:
            raise self.error(f"expected {expected}, found {self.next_shown()}", hint=hint)
        return found

    def word(self, word: str) -> bool:
        """Is this word next? Then it is read."""
        return self.try_take(re.compile(rf"{word}(?!\w)")) is not None

    def expect(self, mark: str, where: str) -> None:
        """Read a mark that must be here."""
        if self.try_take(re.compile(re.escape(mark))) is None:
            raise self.error(f"expected {mark!r} {where}, found {self.next_shown()}")

    def next_shown(self) -> str:
        """The start of what follows, for a complaint."""
        rest = self.rest()
        return repr(rest[:12] + "…" if len(rest) > 13 else rest) if rest else "the end"

    def error(self, what: str, *, at: int | None = None, hint: str = EXAMPLE) -> UsageError:
        """A complaint about this place, or the one given."""
        place = (self.at if at is None else at) + 1
        return UsageError(what, where=f"gate {self.text.strip()!r}, character {place}", hint=hint)


def take_operator(scan: Scan) -> str:
    """One of OPERATORS; raises UsageError with the one that was probably meant."""
    scan.skip()
    at = scan.at
    op = scan.take(_OPERATOR, f"one of {' '.join(OPERATORS)}")
    meant = {"=": "==", "≤": "<=", "≥": ">=", "=<": "<=", "=>": ">="}.get(op, op)
    if op not in OPERATORS:
        guess = f"; did you mean {meant!r}?" if meant in OPERATORS else ""
        raise scan.error(f"unknown comparison {op!r}; known: {' '.join(OPERATORS)}{guess}", at=at)
    return op

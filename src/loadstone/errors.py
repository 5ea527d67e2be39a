"""Everything that Loadstone raises on purpose, and the exit code of each.

LoadstoneError                70  base; raised itself only for our own bugs
├── UsageError                 2  a wrong flag, file or value
│   ├── PlanError              2  every mistake of a plan, all at once
│   ├── UnitError              2  a quantity that cannot be read ("5 parsecs")
│   └── StoreError             2  a store that is locked, damaged, too new, full, or not there
├── TargetUnreachable          3  nothing answers where the load should go
├── NoSamples                  4  a statistic of nothing
└── PluginError                2  a plugin that is unknown, claimed twice or broken
A failing request is data, never one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process answers to its caller; the meaning of each is a promise to scripts."""

    PASS = 0
    GATE_FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INCONCLUSIVE = 4
    UNTRUSTWORTHY = 5
    BUG = 70
    INTERRUPTED = 130


class LoadstoneError(Exception):
    """What went wrong, where, and what to try.

    what:  one clause, no full stop
    where: file:line, flag or host it happened at; may be empty
    hint:  something the reader can do or type; may be empty
    """

    exit_code = ExitCode.BUG

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}{'' if text.endswith('?') else '.'} Try: {self.hint}" if self.hint else text


class UsageError(LoadstoneError):
    """A flag, file or value that cannot be used."""

    exit_code = ExitCode.USAGE


class UnitError(UsageError):
    """A text that is not the quantity it should be."""


class StoreError(UsageError):
    """A store that cannot be read or written; a run that was measured keeps its verdict all the same."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a plan: `suite.yaml:12 profile.rate = -1: must be more than 0. Try: rate: 5/s`."""

    what: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return str(UsageError(self.what, where=self.where, hint=self.hint))


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """By file and line, as a person goes through them; those from elsewhere first."""

    def line(mistake: Mistake) -> tuple[str, int]:
        match = re.match(r"(\S+):(\d+)(?: |$)", mistake.where)
        return (match[1], int(match[2])) if match else ("", 0)

    return sorted(dict.fromkeys(mistakes), key=line)


class PlanError(UsageError):
    """All mistakes of one plan together; a reader fixes them in one go."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        count = len(mistakes)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in the plan")

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)


class TargetUnreachable(LoadstoneError):
    """Nothing answers where the load should go."""

    exit_code = ExitCode.UNREACHABLE


class NoSamples(LoadstoneError):
    """A statistic was asked of nothing; answering 0 would be a lie."""

    exit_code = ExitCode.INCONCLUSIVE


class PluginError(UsageError):
    """A plugin that nobody knows, that two packages claim, or that does not load."""

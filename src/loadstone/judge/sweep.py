"""Several runs of one plan with one knob turned: what each came to, and what all of them come to together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loadstone.errors import ExitCode
from loadstone.judge.story import Story

# The worst first: what says least about the target, down to what says that all is well.
WORST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.UNREACHABLE,
    ExitCode.UNTRUSTWORTHY,
    ExitCode.GATE_FAILED,
    ExitCode.INCONCLUSIVE,
    ExitCode.PASS,
)


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One run of a sweep and the setting it was made at."""

    level: str
    story: Story


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The levels that were run, in order.

    planned:     levels that were asked for
    pause_s:     rest between two levels
    error_limit: share of failed requests that ends the sweep after the level that had it
    ended:       why not all were run; empty when they were
    exit_code:   the worst of the levels', or of what ended the sweep
    """

    knob: str
    levels: tuple[Level, ...]
    planned: tuple[str, ...]
    pause_s: float
    error_limit: float
    ended: str
    exit_code: ExitCode


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code that a script must see; inconclusive when there is none at all."""
    found = set(codes)
    return next((code for code in WORST_FIRST if code in found), ExitCode.INCONCLUSIVE)

"""What a duet came to: every figure's comparison, and one answer with its exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadstone.errors import ExitCode
from loadstone.judge.difference import Answer, Difference


@dataclass(frozen=True, slots=True)
class Pace:
    """How an arm is loaded in its turn.

    every_ns:       least time between the starts of two iterations of a user; 0 is none
    capacity_per_s: measured iterations per second of many users, of the slower arm; None when it was not measured
    rate_per_s:     at most so many in a turn
    """

    users: int = 1
    every_ns: int = 0
    capacity_per_s: float | None = None
    rate_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen beside the times.

    names:   of the targets by arm: A, B, A′
    cpu:     mean share of all processors that was busy; None when unknown
    reasons: texts of failures by arm, and how often each was seen
    """

    names: Mapping[str, str]
    seconds: float
    pace: Pace
    restarts: int = 0
    cpu: float | None = None
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a duet stands, or ended.

    differences: the figures that decide
    shown:       further figures, for the reader
    ended:       clear, futile, pairs, time or interrupted; empty while it goes on
    why:         one sentence to the answer
    more_s:      how much longer would probably make it clear; None when it is clear, or nothing can be said
    """

    answer: Answer
    differences: tuple[Difference, ...]
    shown: tuple[Difference, ...]
    pairs: int
    facts: Facts
    ended: str = ""
    why: str = ""
    notices: tuple[str, ...] = ()
    more_s: float | None = None

    @property
    def exit_code(self) -> ExitCode:
        """0 not worse, 1 worse, 4 cannot tell, 130 interrupted before it was clear."""
        if self.ended == "interrupted":
            return ExitCode.INTERRUPTED
        if self.answer is Answer.WORSE:
            return ExitCode.GATE_FAILED
        return ExitCode.INCONCLUSIVE if self.answer is Answer.CANNOT_TELL else ExitCode.PASS


def more_seconds(differences: Sequence[Difference], seconds: float) -> float | None:
    """How much longer until the interval of every unclear figure is as narrow as its limit; None when unknown.

    The width of an interval shrinks with the root of the number of pairs.
    """
    factors = [
        (difference.effect.half_width / difference.limit) ** 2
        for difference in differences
        if difference.answer is Answer.CANNOT_TELL and difference.effect is not None and difference.limit > 0
    ]
    worst = max(factors, default=0.0)
    return seconds * (worst - 1.0) if 1.0 < worst < 1e4 else None

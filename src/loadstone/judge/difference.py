"""What a comparison says of one figure: worse, better, not worse, or that nobody can tell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from loadstone.stats.effect import Effect


class Answer(StrEnum):
    """The answers of a comparison; "cannot tell" is never a pass."""

    WORSE = "worse"
    BETTER = "better"
    NOT_WORSE = "not worse"
    CANNOT_TELL = "cannot tell"


class Severity(StrEnum):
    """How bad a worsening is, mildest first; given only when the near end of its interval supports it (docs/statistics.md)."""

    NONE = ""
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of a candidate beside the same figure of what it is compared with.

    figure:    as gates name it: `p95(http.response_time{step=ask})`
    unit:      of before and after, the displayed one: ms, %, /s, B
    effect:    candidate ÷ baseline; None without data, or for figures whose baseline is zero
    limit:     the share that is still tolerated, 0.1 for 10 %
    suspected: the severity that only the point reaches
    visible:   the smallest worsening these data could have shown, as a share; None when unknown
    reason:    one sentence: why this answer; with "cannot tell", how much more data would do
    method:    name of the procedure in docs/statistics.md
    """

    figure: str
    unit: str
    before: float | None
    after: float | None
    effect: Effect | None
    answer: Answer
    limit: float
    severity: Severity = Severity.NONE
    suspected: Severity = Severity.NONE
    visible: float | None = None
    samples_before: int = 0
    samples_after: int = 0
    reason: str = ""
    method: str = ""


# The first of these that any figure has is the answer of all of them.
GRAVEST = (Answer.WORSE, Answer.CANNOT_TELL, Answer.BETTER, Answer.NOT_WORSE)


def gravest(answers: Collection[Answer]) -> Answer:
    """The answer of several comparisons; of none, nobody can tell."""
    return next((answer for answer in GRAVEST if answer in answers), Answer.CANNOT_TELL)

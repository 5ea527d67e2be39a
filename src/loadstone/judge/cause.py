"""One likely cause of a failed gate: what, where, when, and how much speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from loadstone.judge.excess import allowed_share, counts_events
from loadstone.judge.limits import ReadyGate
from loadstone.judge.verdict import Verdict
from loadstone.stats.trend import Levels


class CauseKind(StrEnum):
    """What can be named; docs/causes.md has the evidence that each one takes."""

    GENERATOR = "generator"
    GROWTH = "growth"
    OVERLOAD = "overload"
    RISING = "rising"
    SATURATED = "saturated"
    STALL = "stall"
    LOAD_RISE = "load_rise"
    PUSHBACK = "pushback"
    BURST = "burst"
    COLD_START = "cold_start"
    PART = "part"
    SINCE = "since"
    FAILURES = "failures"
    MOVED = "moved"


# How directly a finding of each kind explains: a fact about the whole before a place, a place before a time, a time before a mere
# likeness; a resource that fills up when the load rises is what the rise hit, so it goes before it. The evidence of a cause is this
# times the strength of its own finding, which is a share from 0 to 1.
WEIGHTS: Mapping[CauseKind, float] = {
    CauseKind.GENERATOR: 1.0,
    CauseKind.GROWTH: 1.0,
    CauseKind.OVERLOAD: 0.98,
    CauseKind.RISING: 0.96,
    CauseKind.STALL: 0.95,
    CauseKind.PART: 0.93,
    CauseKind.SATURATED: 0.925,
    CauseKind.LOAD_RISE: 0.92,
    CauseKind.PUSHBACK: 0.90,
    CauseKind.BURST: 0.85,
    CauseKind.COLD_START: 0.85,
    CauseKind.SINCE: 0.80,
    CauseKind.FAILURES: 0.75,
    CauseKind.MOVED: 0.60,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding that explains why gates failed.

    subject: the part, resource or metric: `step=ask`, `target.pool_waiting`
    text:    one sentence with its numbers
    evidence: 0 to 1: weight of the kind times the strength of the finding
    gates:   the gates that it explains, as written
    from_s, to_s: when, in seconds since the run's start; None for the whole judged part
    figures: the numbers in the text, for those who advise
    """

    kind: CauseKind
    subject: str
    text: str
    evidence: float
    gates: tuple[str, ...] = ()
    from_s: float | None = None
    to_s: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """A gate that failed, with its course.

    events, base: per window, as in `Tally`
    """

    gate: ReadyGate
    verdict: Verdict
    events: Levels
    base: Levels

    @property
    def counted(self) -> bool:
        """Are the events a number of things, and not the sum of a level?"""
        return counts_events(self.gate)

    @property
    def upper(self) -> bool:
        """Is a greater value the worse one?"""
        return not self.gate.spec.op.startswith(">")

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Windows that alone would not keep the gate."""
        limit = allowed_share(self.gate) if self.counted else self.gate.limit
        rates = self.rates
        worse = rates > limit if self.counted or self.upper else rates < limit
        found: NDArray[np.bool_] = worse & (self.base > 0)
        return found

    @property
    def rates(self) -> Levels:
        """Events of the base in each window; 0 where there is no base."""
        found: Levels = self.events / self.base.clip(min=1e-12) * (self.base > 0)
        return found


def cause(
    kind: CauseKind,
    subject: str,
    text: str,
    strength: float,
    span: tuple[float, float] | None = None,
    **figures: float,
) -> Cause:
    """A cause with the evidence that its kind and strength make."""
    from_s, to_s = span or (None, None)
    evidence = round(WEIGHTS[kind] * min(1.0, max(0.0, strength)), 3)
    return Cause(kind, subject, text, evidence, (), from_s, to_s, figures)

"""Rounds that may lack a side: a peer that is missing leaves a reason, not a hole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmarks.environments import Missing
from benchmarks.processes import Failed

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure.

    rounds:  how often each figure is measured; the median is reported
    seconds: length of one run of one tool
    minutes: length of the run that watches memory grow
    """

    rounds: int = 5
    seconds: float = 5.0
    minutes: float = 10.0


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """A value, or the reason why there is none."""

    value: T | None
    reason: str = ""

    def map(self, read: Callable[[T], S]) -> Outcome[S]:
        """The same with a number read from it; a result without that number becomes a reason."""
        value = self.value
        if value is None:
            return Outcome(None, self.reason)
        return attempt(lambda: read(value))


def attempt(measure: Callable[[], T]) -> Outcome[T]:
    """Measure once; what is missing or failed is said at once and kept as the reason."""
    try:
        return Outcome(measure())
    except (Missing, Failed) as problem:
        print(f"! {problem}", file=sys.stderr)
        return Outcome(None, str(problem))


def ratio(mine: Outcome[T], peer: Outcome[S], own_number: Callable[[T], float], peer_number: Callable[[S], float]) -> Outcome[float]:
    """Ours divided by the peer's, of one round."""
    ours, theirs = mine.map(own_number), peer.map(peer_number)
    if ours.value is None or theirs.value is None:
        return Outcome(None, ours.reason or theirs.reason)
    return Outcome(ours.value / theirs.value)

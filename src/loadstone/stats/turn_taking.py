"""Taking turns: how often an agent cuts callers off, against how long it lets them wait."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadstone.errors import NoSamples
from loadstone.stats.quantiles import Interval, share_interval

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence of the caller after speech, and what the agent did in it.

    lasts_ns: until the caller spoke on; None for the end of the turn, which only the agent ends
    taken_ns: from its start until the agent took the turn; None where it did not before the caller spoke on, or at all
    """

    lasts_ns: int | None
    taken_ns: int | None

    def cut(self, patience_ns: int = 0) -> bool:
        """Whether an agent that waits so much longer still takes the turn before the caller has spoken on."""
        return self.lasts_ns is not None and self.taken_ns is not None and self.taken_ns + patience_ns < self.lasts_ns


@dataclass(frozen=True, slots=True)
class Balance:
    """One point of the curve: what one setting of patience costs either way.

    patience_ns: what was added to the agent's own wait; 0 is what was observed
    cut:         of the pauses
    share:       interval of the share of pauses that are cut off (Wilson); None where there were no pauses
    median_ns, p95_ns: median and 95th percentile of the waits at true ends of turns; inf where so many were never answered; nan without any
    """

    patience_ns: int
    pauses: int
    cut: int
    share: Interval | None
    ends: int
    unanswered: int
    median_ns: float
    p95_ns: float


def balance(silences: Iterable[Silence], patience_ns: int = 0) -> Balance:
    """What an agent that waits `patience_ns` longer than observed would do in these silences.

    patience_ns: not negative: what a less patient agent would have done in pauses that it sat out is not known
    """
    if patience_ns < 0:
        raise ValueError("a wait can be made longer, not shorter: what would have been cut off then was not observed")
    seen = list(silences)
    pauses = [silence for silence in seen if silence.lasts_ns is not None]
    ends = sorted(math.inf if silence.taken_ns is None else silence.taken_ns + patience_ns for silence in seen if silence.lasts_ns is None)
    cut = sum(silence.cut(patience_ns) for silence in pauses)
    share = share_interval(cut, len(pauses), CONFIDENCE) if pauses else None
    return Balance(patience_ns, len(pauses), cut, share, len(ends), ends.count(math.inf), _rank(ends, 0.5), _rank(ends, 0.95))


def curve(silences: Sequence[Silence], patiences_ns: Sequence[int] = ()) -> list[Balance]:
    """False cut-offs against delay, from what was observed to no cut-offs at all, most eager first.

    patiences_ns: which to show; by default 0 and each at which one pause more is let be
    """
    steps = patiences_ns or sorted(
        {0}
        | {
            silence.lasts_ns - silence.taken_ns
            for silence in silences
            if silence.lasts_ns is not None and silence.taken_ns is not None and silence.cut()
        }
    )
    return [balance(silences, patience_ns) for patience_ns in steps]


def least_delay(points: Sequence[Balance], most_cut: float) -> Balance:
    """The most eager setting of which it is sure, by the upper end of the 95 % interval, that it cuts off at most this share of pauses.

    raises: NoSamples where none is: too few pauses, or too many cut off
    """
    for point in sorted(points, key=lambda each: each.patience_ns):
        if point.share is not None and point.share.high <= most_cut:
            return point
    pauses = max((point.pauses for point in points), default=0)
    raise NoSamples(f"{pauses} pauses do not show that at most {most_cut:.1%} are cut off")


def _rank(ordered: Sequence[float], q: float) -> float:
    """Smallest value that a share q does not exceed; Hyndman & Fan 1996, definition 1."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)] if ordered else math.nan

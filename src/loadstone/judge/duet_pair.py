"""What one pair of neighbouring blocks of a duet says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loadstone.stats.histogram import IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two blocks of requests that saw the same machine, one after the other, and perhaps the baseline once more.

    a:           ns per request of the baseline; more than 0
    b:           ns per request of the candidate
    a2:          ns per request of a second copy of the baseline, the control; None without one
    first:       which of a and b was loaded first; shuffle it in twos (AB BA or BA AB), so that both are equally frequent
    span_*_ns:   how long the block took, for throughput; 0 when that is not to be compared
    errors_*:    requests that failed; they are not among the times
    cpu_share:   the busiest of target's and generator's share of the processors they may use, 0 to 1; None when not known
    """

    a: IntArray
    b: IntArray
    a2: IntArray | None = None
    first: Literal["a", "b"] = "a"
    span_a_ns: int = 0
    span_b_ns: int = 0
    errors_a: int = 0
    errors_b: int = 0
    cpu_share: float | None = None

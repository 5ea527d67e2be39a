"""How much more often something happens in a part than in the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.99
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Lift:
    """Rate inside ÷ rate outside, and where it lies with the stated confidence."""

    ratio: float
    low: float
    high: float


def lift(inside: float, inside_base: float, outside: float, outside_base: float, confidence: float = CONFIDENCE) -> Lift | None:
    """The lift of a part; None where either side is empty.

    source: log interval of Katz et al. 1978, half an event added on each side so that none is not "infinitely often"
    """
    if inside_base <= 0 or outside_base <= 0:
        return None
    a, m = inside + 0.5, inside_base + 0.5
    b, n = outside + 0.5, outside_base + 0.5
    ratio = (a / m) / (b / n)
    spread = _NORMAL.inv_cdf((1 + confidence) / 2) * math.sqrt(max(0.0, 1 / a - 1 / m + 1 / b - 1 / n))
    return Lift(ratio, ratio * math.exp(-spread), ratio * math.exp(spread))

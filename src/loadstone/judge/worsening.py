"""A worsening on the scale of logarithms, where it is judged, and as people say it."""

from __future__ import annotations

import math

MOST = 700  # above it e**x is no float


def share_of(amount: float, better: str) -> float:
    """The share of a logarithm: 0.1 is 10 % more of what should be low, or 10 % less of what should be high."""
    if better == "lower":
        return math.expm1(amount) if amount < MOST else math.inf
    return -math.expm1(-amount) if amount > -MOST else -math.inf


def amount_of(share: float, better: str) -> float:
    """The inverse of `share_of`; inf when all of what should be high may be lost."""
    if better == "lower":
        return math.log1p(share)
    return -math.log1p(-share) if share < 1 else math.inf

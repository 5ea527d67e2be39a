"""Student's t distribution: how far a mean of few values may stray."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_STEPS = 300
_BISECTIONS = 200
NORMAL_FROM = 1e7  # degrees of freedom from which the normal distribution is the same to nine digits


def t_cdf(t: float, freedom: float) -> float:
    """Chance of a value up to t.

    freedom:  degrees of freedom, > 0, not necessarily whole; inf gives the normal distribution
    accuracy: 1e-12
    source:   Abramowitz & Stegun 1964, 26.7.1, over the incomplete beta function
    """
    if freedom <= 0:
        raise ValueError(f"degrees of freedom must be more than 0, not {freedom:g}")
    if freedom >= NORMAL_FROM:
        return _NORMAL.cdf(t)
    if math.isinf(t):
        return 0.0 if t < 0 else 1.0
    tail = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return 1.0 - tail if t > 0 else tail


@lru_cache(maxsize=4096)
def t_quantile(share: float, freedom: float) -> float:
    """The value that a share, inside (0, 1), does not exceed; found by bisection, to ten digits."""
    if not 0.0 < share < 1.0:
        raise ValueError(f"a share between 0 and 1 was meant, not {share:g}")
    if freedom >= NORMAL_FROM:
        return _NORMAL.inv_cdf(share)
    if share < 0.5:
        return -t_quantile(1.0 - share, freedom)
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < share and high < 1e150:
        low, high = high, high * 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if high - low <= 1e-11 * max(1.0, high):
            break
        low, high = (middle, high) if t_cdf(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function, by its continued fraction (Abramowitz & Stegun 26.5.8)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on one side only
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function by Lentz's method (Thompson & Barnett 1986)."""
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _not_zero(1.0 + factor * d)
            c = _not_zero(1.0 + factor / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY

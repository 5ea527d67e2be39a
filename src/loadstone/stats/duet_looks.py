"""Looking more than once without raising more false alarms: how small a p-value must be at each look."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SPENDING_POWER = 2.0  # 1 spends evenly over the pairs; more keeps more for the end
GRID = 400
REACH = 8.0  # deviations that are followed
_NORMAL = NormalDist()


@lru_cache(maxsize=1024)
def look_levels(looks: tuple[int, ...], planned: int, alpha: float) -> tuple[float, ...]:
    """One-sided p-value that each look so far must fall below, so that all looks together raise `alpha` false alarms.

    looks:    pairs at each look, ascending
    planned:  pairs at the last look of the plan; a look there, or later, spends all that is left
    accuracy: the sums of looks are taken as normal; 1 % of each level
    source:   spending Lan & DeMets 1983, with the power family of Kim & DeMets 1987; integration Armitage, McPherson & Rowe 1969
    """
    levels: list[float] = []
    density, points, seen, spent = np.ones(1), np.zeros(1), 0.0, 0.0
    for pairs in looks:
        time = pairs / planned
        budget = alpha * min(1.0, time) ** SPENDING_POWER
        deviation = math.sqrt(time - seen)
        edge = _edge(points, density, deviation, budget - spent, REACH * math.sqrt(time))
        levels.append(1.0 - _NORMAL.cdf(edge / math.sqrt(time)))
        wider = np.linspace(-REACH * math.sqrt(time), edge, GRID)
        steps = (wider[:, None] - points[None, :]) / deviation
        passed = np.exp(-0.5 * steps * steps) @ density / (deviation * math.sqrt(2 * math.pi))
        points, density, seen, spent = wider, passed * _weights(wider), time, budget
    return tuple(levels)


def _edge(points: FloatArray, density: FloatArray, deviation: float, budget: float, reach: float) -> float:
    """The sum that is passed, from where earlier looks left it, with a chance of `budget`."""
    low, high = -reach, reach
    for _ in range(50):
        middle = (low + high) / 2
        passing = float(density @ _upper((middle - points) / deviation))
        low, high = (middle, high) if passing > budget else (low, middle)
    return (low + high) / 2


def _upper(z: FloatArray) -> FloatArray:
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in z.tolist()])


def _weights(points: FloatArray) -> FloatArray:
    """Of the trapezoid rule."""
    weights = np.full(len(points), points[1] - points[0])
    weights[[0, -1]] /= 2
    return weights

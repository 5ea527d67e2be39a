"""Many figures at once: some look bad by chance, and how many is known."""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(chances: Sequence[float]) -> list[float]:
    """Chances such that taking all up to a bound leaves at most that share of false ones among those taken.

    chances: p-values in [0, 1], in any order; those that depend on each other positively (latencies of steps of one run) are fine
    gives:   same order; never less than given, never more than 1
    source:  Benjamini & Hochberg 1995; for positive dependence Benjamini & Yekutieli 2001, theorem 1.2
    """
    m = len(chances)
    order = sorted(range(m), key=lambda index: chances[index], reverse=True)
    results = [1.0] * m
    least = 1.0
    for place, index in enumerate(order):
        least = min(least, chances[index] * m / (m - place))
        results[index] = least
    return results

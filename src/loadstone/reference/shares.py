"""Exact shares of requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class ExactShare:
    """Picks requests so that after n of them the number picked is floor(n * share), plus or minus one.

    One pick per stratum of 1/share requests at a seeded position: even spacing would always hit the same step of a
    load that repeats with the same period. Whole numbers throughout, so a million requests are as exact as ten.
    """

    numerator: int
    denominator: int
    rng: Random
    seen: int = 0
    picked: int = 0
    _due: int = 0
    _next: int = field(default=-1)

    def pick(self) -> bool:
        """Is the next request one of the share?"""
        if self.numerator == 0:
            return False
        if self._next < 0:
            self._next = self.rng.randrange(self.denominator)
        self.seen += 1
        while self._next < self.seen * self.numerator:
            self._due += 1
            self._next = self._due * self.denominator + self.rng.randrange(self.denominator)
        if self.picked < self._due:
            self.picked += 1
            return True
        return False

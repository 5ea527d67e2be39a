"""How bad a worsening is: bands of its size, given only when the interval supports them."""

from __future__ import annotations

from dataclasses import dataclass

from loadstone.judge.difference import Severity
from loadstone.judge.recorded import Figure
from loadstone.judge.worsening import amount_of, share_of
from loadstone.stats.shift import Shift

# With 95 % a true effect of 24.9 % would be called major in 5 of 100 runs; with 99 % in one.
CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class Severities:
    """What the interval supports, and what only the point reaches; the latter is empty when both are the same."""

    sure: Severity
    suspected: Severity


@dataclass(frozen=True, slots=True)
class Bands:
    """Worsening, as a share, from which a severity begins; for shares, points."""

    minor: float = 0.10
    major: float = 0.25
    critical: float = 0.50

    def of(self, worsening: float) -> Severity:
        """The severity of a worsening that is certain; not a number has none."""
        if worsening >= self.critical:
            return Severity.CRITICAL
        if worsening >= self.major:
            return Severity.MAJOR
        return Severity.MINOR if worsening >= self.minor else Severity.NONE

    def supported(self, least: float, point: float) -> Severities:
        """The severity of the least that a worsening may be, and of the point where that differs."""
        sure, seen = self.of(least), self.of(point)
        return Severities(sure, seen if seen is not sure else Severity.NONE)


def severities(figure: Figure, worsening: Shift, bands: Bands) -> Severities:
    """Severity by the lower one-sided bound of a worsening; a point that lies higher makes a suspicion, not a label."""
    return bands.supported(as_share(figure, worsening.least(CONFIDENCE)), as_share(figure, worsening.amount))


def as_share(figure: Figure, amount: float) -> float:
    """A worsening as people say it: 0.1 is 10 % more of what should be low, 10 % less of what should be high, 10 points of a share."""
    return amount if figure.is_share else share_of(amount, figure.better)


def as_amount(figure: Figure, share: float) -> float:
    """The inverse of `as_share`; inf when all of what should be high may be lost."""
    return share if figure.is_share else amount_of(share, figure.better)

"""A figure, what it must reach, and what was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.rounds import Outcome

REASON_WIDTH = 70


@dataclass(frozen=True, slots=True)
class Bound:
    """The range a figure must lie in; both ends included."""

    least: float = -math.inf
    most: float = math.inf
    aim: float | None = None

    def holds(self, value: float) -> bool:
        """Is the value inside."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        if math.isinf(self.least) and math.isinf(self.most):
            return "-"
        if math.isinf(self.most):
            return f">= {self.least:g}" + (f" (aim {self.aim:g})" if self.aim is not None else "")
        return f"<= {self.most:g}" if math.isinf(self.least) else f"{self.least:g} .. {self.most:g}"


@dataclass(slots=True)
class Figure:
    """One row of the table.

    rounds:  one value per round; empty when it could not be measured
    missing: why it could not be measured, and what to install; empty otherwise
    """

    name: str
    unit: str = ""
    bound: Bound = field(default_factory=Bound)
    rounds: list[float] = field(default_factory=list)
    missing: str = ""

    @property
    def median(self) -> float | None:
        """Median of the rounds; None when there is none."""
        return statistics.median(self.rounds) if self.rounds else None

    @property
    def reached(self) -> bool | None:
        """Whether the median is what it must be; None when it was not measured or there is nothing to reach."""
        if self.median is None or self.bound == Bound():
            return None
        return self.bound.holds(self.median)

    @property
    def verdict(self) -> str:
        """The last cell of the row."""
        if self.median is None:
            return "NOT MEASURED"
        return {True: "yes", False: "NO", None: ""}[self.reached]

    def add(self, outcome: Outcome[float]) -> None:
        """One more round; a round without a value leaves its reason."""
        if outcome.value is None:
            self.missing = self.missing or outcome.reason
        else:
            self.rounds.append(outcome.value)

    def as_json(self) -> dict[str, Any]:
        """For the result file."""
        return {
            "figure": self.name,
            "unit": self.unit,
            "must_reach": str(self.bound),
            "median": self.median,
            "rounds": self.rounds,
            "reached": self.reached,
            "missing": self.missing,
        }


def digits(value: float) -> str:
    """Three digits, or all of a large number."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def shortened(text: str) -> str:
    """One line that fits in the table; the whole text was said when it happened, and is in the result file."""
    line = text.strip().splitlines()[0]
    return line if len(line) <= REASON_WIDTH else line[: REASON_WIDTH - 1] + "…"


def measured(figure: Figure) -> str:
    """Median of the rounds with their range."""
    if figure.median is None:
        return shortened(figure.missing or "no value")
    text = f"{digits(figure.median)} {figure.unit}".strip()
    if len(figure.rounds) > 1:
        text += f" ({digits(min(figure.rounds))}–{digits(max(figure.rounds))}, {len(figure.rounds)} rounds)"
    return text


def table(figures: Sequence[Figure]) -> str:
    """All rows, aligned."""
    rows = [("figure", "must reach", "measured (median, range)", "reached?")]
    rows += [(figure.name, str(figure.bound), measured(figure), figure.verdict) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])

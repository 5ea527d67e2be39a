"""How long prompts and answers are: distributions of a number of tokens (or of turns), as a file writes them."""

from __future__ import annotations

import math
import random
import re
from array import array
from bisect import bisect_left
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, model_validator

from loadstone.plan.wrong import Wrong

LONGEST = 10_000_000
EXAMPLE = "256, 100..500, normal 256 64, lognormal 256 128, zipf 1.2 1000 or p50 120, p90 500, p99 2000"
_WAYS = re.compile(r"(normal|lognormal|zipf)\s+(\S+)\s+(\S+)")
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)\s+(\S+)")


class Lengths(BaseModel):
    """A distribution of whole numbers, at least 1.

    written as:  `256` · `100..500` (each as likely) · `normal MEAN SD` · `lognormal MEAN SD` (of the lengths, not of their logarithms)
                 · `zipf EXPONENT GREATEST` · `p50 120, p90 500, p99 2000` (straight between, from 1; nothing above the last);
                 with `in LEAST..GREATEST` behind it, what lies outside is set to the nearer end
    first, second: the numbers of that form
    points:      (share, length) for percentiles
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["constant", "uniform", "normal", "lognormal", "zipf", "percentiles"]
    first: float = 0.0
    second: float = 0.0
    points: tuple[tuple[float, float], ...] = ()
    least: int = Field(default=1, ge=1)
    greatest: int = Field(default=LONGEST, ge=1, le=LONGEST)

    @model_validator(mode="wrap")
    @classmethod
    def _from_text(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Lengths:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        lengths: Lengths = read(_parts(value) if isinstance(value, str) else value)
        if what := lengths._mistake():
            raise Wrong(what, hint=EXAMPLE)
        return lengths

    def _mistake(self) -> str:
        if self.least > self.greatest:
            return "the smaller bound comes first"
        if self.kind == "percentiles":
            rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(self.points))
            inside = all(0 <= share <= 1 and 1 <= length <= LONGEST for share, length in self.points)
            return "" if self.points and rising and inside else "percentiles and their lengths must rise"
        if not 0 < self.first <= LONGEST or not 0 <= self.second <= LONGEST:
            return "a length is a number above 0"
        if self.kind in {"constant", "uniform"} and (self.first % 1 or self.second % 1):
            return "a length is a whole number"
        if self.kind == "uniform" and self.second < self.first:
            return "the smaller length comes first"
        return "zipf takes an exponent and the greatest length" if self.kind == "zipf" and self.second < 1 else ""

    def draw(self, rng: random.Random) -> int:
        """One length; a constant takes nothing from the generator."""
        if self.kind == "constant":
            drawn = self.first
        elif self.kind == "uniform":
            drawn = rng.randint(int(self.first), int(self.second))
        elif self.kind == "normal":
            drawn = rng.normalvariate(self.first, self.second)
        elif self.kind == "lognormal":
            drawn = rng.lognormvariate(*_of_logarithms(self.first, self.second))
        elif self.kind == "zipf":
            drawn = 1 + bisect_left(_zipf(self.first, int(self.second)), rng.random())
        else:
            drawn = _between(self.points, rng.random())
        return min(max(round(drawn), self.least), self.greatest)

    def __str__(self) -> str:
        numbers = f"{self.first:g} {self.second:g}"
        text = {"constant": f"{self.first:g}", "uniform": f"{self.first:g}..{self.second:g}"}.get(self.kind, f"{self.kind} {numbers}")
        if self.kind == "percentiles":
            text = ", ".join(f"p{share * 100:g} {length:g}" for share, length in self.points)
        bounded = (self.least, self.greatest) != (1, LONGEST)
        return f"{text} in {self.least}..{self.greatest}" if bounded else text


def _of_logarithms(mean: float, deviation: float) -> tuple[float, float]:
    """Mean and standard deviation of the logarithms of a lognormal with these of its own."""
    variance = math.log1p((deviation / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


@lru_cache(maxsize=8)
def _zipf(exponent: float, greatest: int) -> array[float]:
    """P(length <= k) for k = 1 …; 8 bytes each."""
    total, sums = 0.0, array("d")
    for k in range(1, greatest + 1):
        total += k**-exponent
        sums.append(total)
    return array("d", (each / total for each in sums))


def _between(points: tuple[tuple[float, float], ...], share: float) -> float:
    before = (0.0, 1.0)
    for point in points:
        if share <= point[0]:
            width = point[0] - before[0]
            return before[1] + (point[1] - before[1]) * (share - before[0]) / width if width else point[1]
        before = point
    return before[1]


def _parts(text: str) -> dict[str, Any]:
    body, bounded, bounds = text.strip().partition(" in ")
    body = body.strip()
    parts: dict[str, Any] = {}
    if bounded:
        least, _, greatest = bounds.partition("..")
        parts = {"least": int(_number(least)), "greatest": int(_number(greatest))}
    if way := _WAYS.fullmatch(body):
        return {"kind": way[1], "first": _number(way[2]), "second": _number(way[3]), **parts}
    if body.startswith("p"):
        found = [_PERCENTILE.fullmatch(each.strip()) for each in body.split(",")]
        points = tuple((float(each[1]) / 100, _number(each[2])) for each in found if each)
        return {"kind": "percentiles", "points": points if all(found) else (), **parts}
    low, dots, high = body.partition("..")
    return {"kind": "uniform" if dots else "constant", "first": _number(low), "second": _number(high) if dots else 0.0, **parts}


def _number(text: str) -> float:
    try:
        number = float(text.strip().replace("_", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Wrong(f"{text.strip()!r} is not a length", hint=EXAMPLE)
    return number

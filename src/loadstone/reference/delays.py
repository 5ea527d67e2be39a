"""Distributions of time, written as people write them: `20ms`, `uniform:10ms,30ms`, `lognormal:20ms,0.3`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from loadstone.errors import UnitError, UsageError
from loadstone.units import parse_duration

EXAMPLES = "20ms, constant:20ms, uniform:10ms,30ms, normal:20ms,5ms, lognormal:20ms,0.3 or exponential:20ms"


@dataclass(frozen=True, slots=True)
class Delay:
    """A distribution of non-negative seconds.

    constant:    first = the delay
    uniform:     first = least, second = greatest
    normal:      first = mean, second = standard deviation; what falls below zero is zero
    lognormal:   first = median, second = sigma of the logarithm, without unit
    exponential: first = mean
    """

    shape: str
    first: float
    second: float = 0.0
    text: str = ""

    def draw(self, rng: Random) -> float:
        """One delay, in seconds."""
        return _DRAW[self.shape](self, rng)

    @property
    def mean(self) -> float:
        """The mean that draws tend to, in seconds; the cut at zero of a normal is included."""
        if self.shape == "uniform":
            return (self.first + self.second) / 2
        if self.shape == "lognormal":
            return self.first * math.exp(self.second**2 / 2)
        if self.shape == "normal" and self.second > 0:
            ratio = self.first / self.second
            density = math.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
            return self.first * (1 + math.erf(ratio / math.sqrt(2))) / 2 + self.second * density
        return self.first

    def __str__(self) -> str:
        return self.text


_DRAW: dict[str, Callable[[Delay, Random], float]] = {
    "constant": lambda delay, _: delay.first,
    "uniform": lambda delay, rng: rng.uniform(delay.first, delay.second),
    "normal": lambda delay, rng: max(0.0, rng.gauss(delay.first, delay.second)),
    "lognormal": lambda delay, rng: delay.first * math.exp(rng.gauss(0.0, delay.second)),
    "exponential": lambda delay, rng: rng.expovariate(1 / delay.first) if delay.first else 0.0,
}
_NUMBERS = {"constant": 1, "uniform": 2, "normal": 2, "lognormal": 2, "exponential": 1}


def parse_delay(text: str | float, *, where: str = "") -> Delay:
    """The distribution that a text names; a plain number is a constant in seconds.

    raises: UsageError for an unknown shape, a wrong number of parameters or a parameter that is no duration
    """
    try:
        return _parse(text, where)
    except UnitError as error:
        raise UsageError(error.what, where=where, hint=EXAMPLES) from None


def _parse(text: str | float, where: str) -> Delay:
    if not isinstance(text, str):
        return Delay("constant", parse_duration(text), 0.0, f"constant:{text:g}s")
    shape, colon, rest = text.partition(":")
    shape, rest = (shape.strip(), rest) if colon else ("constant", text)
    if shape not in _DRAW:
        raise UsageError(f"unknown distribution {shape!r}; known: {', '.join(_DRAW)}", where=where, hint=EXAMPLES)
    parts = [part.strip() for part in rest.split(",")]
    if len(parts) != _NUMBERS[shape]:
        raise UsageError(f"{text!r} has {len(parts)} parameters; {shape} takes {_NUMBERS[shape]}", where=where, hint=EXAMPLES)
    first = parse_duration(parts[0])
    second = 0.0
    if shape == "lognormal":
        second = _sigma(parts[1], where)
    elif len(parts) == 2:
        second = parse_duration(parts[1])
    if shape == "uniform" and second < first:
        raise UsageError(f"{text!r} ends before it starts", where=where, hint="uniform:10ms,30ms")
    return Delay(shape, first, second, text.strip() if colon else f"constant:{text.strip()}")


def _sigma(text: str, where: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        sigma = math.nan
    if not 0 <= sigma <= 10:
        raise UsageError(f"sigma {text!r} is not a number from 0 to 10", where=where, hint="lognormal:20ms,0.3")
    return sigma

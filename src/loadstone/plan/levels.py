"""The levels of a sweep: one knob of a plan, and the values it is turned to, one run for each."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from loadstone.errors import UsageError

LEVEL = "level"  # the tag of a kept run that says what the knob was set to, as `users=4`
MOST_LEVELS = 100
EXAMPLES = "users=1,2,4,8 or rate=10..100x10 or users=1..64*2"
_NUMBER = r"\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:([x*])({_NUMBER}))?([^\d\s.,]*)")
_LEADING = re.compile(_NUMBER)


@dataclass(frozen=True, slots=True)
class Levels:
    """A knob and the texts it is set to, in the order they are run."""

    knob: str
    values: tuple[str, ...]


def parse_levels(text: str) -> Levels:
    """The levels that `--sweep` names; raises UsageError.

    `users=1,2,4`     these values, in this order
    `rate=10..100x4`  that many, evenly spaced: 10, 40, 70, 100; whole numbers stay whole
    `users=1..64*2`   each that many times the one before: 1, 2, 4, … 64
    A unit may follow: `rate=1..5x5/s`.
    """
    knob, equals, listed = (part.strip() for part in text.partition("="))
    if not equals or not knob or not listed:
        raise UsageError(f"{text!r} is not KNOB=LEVELS", where="flag --sweep", hint=EXAMPLES)
    values: list[str] = []
    for part in listed.split(","):
        values += _values(part.strip(), text)
    if len(values) > MOST_LEVELS:
        raise UsageError(f"{len(values)} levels; at most {MOST_LEVELS} are run", where="flag --sweep", hint=EXAMPLES)
    if twice := next((value for value in values if values.count(value) > 1), ""):
        raise UsageError(f"the level {twice} is named twice", where="flag --sweep", hint="each level once; repeat the sweep instead")
    return Levels(knob, tuple(values))


def number_of(level: str) -> float | None:
    """The number that a level begins with, to plot it by; None for a level that is a word."""
    found = _LEADING.match(level)
    return float(found[0]) if found else None


def _values(part: str, text: str) -> list[str]:
    if ".." not in part:
        if not part:
            raise UsageError(f"{text!r} has an empty level", where="flag --sweep", hint=EXAMPLES)
        return [part]
    found = _RANGE.fullmatch(part)
    if found is None or found[3] is None:
        hint = f"{part}x5 for five levels, or {part}*2 to double it each time" if found else EXAMPLES
        raise UsageError(f"{part!r} does not say which levels lie between", where="flag --sweep", hint=hint)
    low, high, step, unit = float(found[1]), float(found[2]), float(found[4]), found[5]
    if high <= low:
        raise UsageError(f"{part!r} does not rise", where="flag --sweep", hint=EXAMPLES)
    numbers = _even(low, high, step, part) if found[3] == "x" else _multiplied(low, high, step, part)
    whole = all("." not in found[at] for at in (1, 2)) and high - low >= len(numbers) - 1
    shown = [f"{round(number)}" if whole else f"{number:.6g}" for number in numbers]
    return [f"{value}{unit}" for value in dict.fromkeys(shown)]


def _even(low: float, high: float, count: float, part: str) -> list[float]:
    if count != int(count) or not 2 <= count <= MOST_LEVELS:
        raise UsageError(f"{part!r}: from 2 to {MOST_LEVELS} levels can lie in a range", where="flag --sweep", hint=EXAMPLES)
    return [low + (high - low) * index / (count - 1) for index in range(int(count))]


def _multiplied(low: float, high: float, factor: float, part: str) -> list[float]:
    if factor <= 1 or low <= 0:
        raise UsageError(f"{part!r} never gets there", where="flag --sweep", hint="a start above 0 and a factor above 1, as 1..64*2")
    steps = math.floor(math.log(high / low) / math.log(factor) + 1e-9)
    if steps >= MOST_LEVELS:
        raise UsageError(f"{part!r}: at most {MOST_LEVELS} levels are run", where="flag --sweep", hint=EXAMPLES)
    return [low * factor**index for index in range(steps + 1)]

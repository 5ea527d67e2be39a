"""The limit of a gate: a number and the unit that says what kind of quantity it is."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from enum import StrEnum

from loadstone.errors import UnitError
from loadstone.units import BYTES, SECONDS, parse_duration, parse_rate, parse_size


class Dimension(StrEnum):
    """What kind of quantity a limit is, and the unit its number is in."""

    TIME = "a duration"  # seconds
    SHARE = "a share"  # 0.01 is 1 %; a load of two cores is 2.0
    RATE = "a rate"  # per second
    SIZE = "a size"  # bytes
    SIZE_RATE = "a size per time"  # bytes per second
    NUMBER = "a number"


def read_limit(text: str) -> tuple[float, Dimension]:
    """A quantity of any dimension; its unit says which: "2s", "1%", "150/s", "500MB", "5MB/s", "12".

    raises: UnitError with the known units
    """
    number, unit = _split(text)
    if not unit:
        return _finite(float(number), text), Dimension.NUMBER
    if unit == "%":
        return _finite(float(Decimal(number) / 100), text), Dimension.SHARE
    amount, slash, per = text.partition("/")
    if slash:
        if unit.startswith("/"):
            return parse_rate(text, negative=True), Dimension.RATE
        return parse_size(amount, negative=True) * parse_rate(f"1/{per}"), Dimension.SIZE_RATE
    if unit.lower() in {name.lower() for name in BYTES}:
        return float(parse_size(text, negative=True)), Dimension.SIZE
    try:
        return parse_duration(text, negative=True), Dimension.TIME
    except UnitError:
        known = ", ".join((*(name for name in SECONDS if name != "μs"), "%", "/s", "/m", "/h", *BYTES))
        raise UnitError(f"unknown unit {unit!r}; known: {known}", hint="2s, 1%, 150/s or 500MB") from None


def _split(text: str) -> tuple[str, str]:
    match = re.match(r"([+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*", text)
    if match is None:
        raise UnitError(f"{text!r} is not a limit", hint="2s, 1%, 150/s or 500MB")
    return match[1].replace("_", ""), text[match.end() :]


def _finite(value: float, text: str) -> float:
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is too large a number", hint="a number that can be reached")
    return value

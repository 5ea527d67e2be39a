"""The types of a plan's fields: quantities that are written as text ("5m", "150/s") and kept as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from loadstone.errors import UnitError
from loadstone.plan.wrong import Wrong
from loadstone.units import parse_duration, parse_rate, parse_share, parse_size


def _quantity(parse: Callable[[Any], float], example: str, unit: str, *, zero: bool) -> BeforeValidator:
    bound = f"must be {'0 or more' if zero else 'more than 0'} {unit}"

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise Wrong(f"must be a quantity in {unit}", example=example)
        if _is_negative(value):
            raise Wrong(bound, example=example)
        try:
            number = parse(value)
        except UnitError as error:
            raise Wrong(error.what, example=example, hint=error.hint) from None
        if number == 0 and not zero:
            raise Wrong(bound, example=example)
        return number

    return BeforeValidator(read)


def _times(value: str | float) -> float:
    """2 of "2x", "2 ×" or 2."""
    text = value.strip().removesuffix("x").removesuffix("×").strip() if isinstance(value, str) else value
    try:
        factor = float(text)
    except ValueError:
        factor = math.inf
    if not math.isfinite(factor):
        raise UnitError(f"{value!r} is not a factor", hint="2x, or 0.5")
    return factor


def _is_negative(value: float | str) -> bool:
    return value.strip().startswith("-") if isinstance(value, str) else value < 0


def _schema(example: str, what: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}], "description": f"{what}, for example {example}"})


Duration = Annotated[float, _quantity(parse_duration, "30s", "seconds", zero=False), _schema("30s", "a duration longer than 0")]
Delay = Annotated[float, _quantity(parse_duration, "5s", "seconds", zero=True), _schema("5s", "a duration, 0 allowed")]
Rate = Annotated[float, _quantity(parse_rate, "5/s", "requests/s", zero=False), _schema("5/s", "a rate above 0")]
RateOrZero = Annotated[float, _quantity(parse_rate, "5/s", "requests/s", zero=True), _schema("5/s", "a rate, 0 allowed")]
Share = Annotated[float, _quantity(parse_share, "1%", "of all", zero=True), _schema("1%", "a share of all")]
Speed = Annotated[float, _quantity(_times, "2x", "times as fast", zero=False), _schema("2x", "a factor above 0")]
Size = Annotated[int, _quantity(parse_size, "64MB", "bytes", zero=False), _schema("64MB", "a size in bytes")]

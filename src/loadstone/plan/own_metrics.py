"""Metrics that a suite declares, so that gates can name them before anything was recorded."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loadstone.plan.wrong import Wrong
from loadstone.units import BYTES, SECONDS

# What a script records has six decimals at most: values up to 10**12 then fit 64 bits.
FINEST = 1e6
_NAME = re.compile(r"[A-Za-z_](?:[\w.:/-]*\w)?")  # as gates spell it
_NOUN = re.compile(r"[^\W\d_][\w°-]{0,23}(?:/s)?")
_MEANT = {
    "1": ("", "count", "counts", "number", "none", "points", "ratio", "score"),
    "%": ("percent", "pct", "percentage"),
    "us": ("micros", "microsecond", "microseconds", "usec"),
    "ms": ("msec", "msecs", "millis", "millisecond", "milliseconds"),
    "s": ("sec", "secs", "second", "seconds"),
    "m": ("min", "mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours"),
    "B": ("byte", "bytes"),
}
_KNOWN = ("1", "%", *SECONDS, *BYTES)
_ALIASES = {alias: unit for unit, aliases in _MEANT.items() for alias in aliases} | {unit.lower(): unit for unit in reversed(_KNOWN)}


class MetricLine(BaseModel):
    """A metric of the suite's own, as `metrics:` declares it; its name is the key there.

    unit:     shown behind values, and what limits of gates are given in: 1, %, ms, s, B, MB, 1/s, or a noun such as tokens
    scale:    steps per unit that a distribution keeps: 1e6 keeps six decimals, 1 whole numbers
    share_of: the count that `rate(...)` of this count divides by
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["distribution", "count", "gauge"] = "distribution"
    unit: str = "1"
    better: Literal["lower", "higher", "neither"] = "neither"
    meaning: str = "recorded by the suite"
    scale: float | None = Field(default=None, ge=1, le=FINEST)
    share_of: str | None = None

    @field_validator("unit", mode="before")
    @classmethod
    def _known_unit(cls, value: Any) -> str:
        text = str(value).strip()
        unit, per_s = text.removesuffix("/s"), "/s" if text.endswith("/s") else ""
        if unit in _KNOWN:
            return text
        meant = _ALIASES.get(unit.lower())
        if meant is not None:
            raise Wrong(f"unknown unit {text!r}", example=meant + per_s)
        if not _NOUN.fullmatch(text):
            raise Wrong(f"{text!r} is not a unit", example="ms", hint="1, %, ms, s, B, MB, 1/s, or one word such as tokens")
        return text

    @model_validator(mode="after")
    def _fits_its_kind(self) -> MetricLine:
        if self.share_of is not None and self.kind != "count":
            raise Wrong(f"share_of is for counts, and this is a {self.kind}", hint="kind: count")
        if self.scale not in (None, 1) and self.kind != "distribution":
            raise Wrong(f"scale is for distributions, and this is a {self.kind}", hint="leave scale out")
        return self


def by_name(value: Any) -> Any:
    """Metrics as a mapping, whether they came as one or as a list whose members have names."""
    if not isinstance(value, (list, tuple)):
        return value
    found: dict[str, Any] = {}
    for each in value:
        line = dataclasses.asdict(each) if dataclasses.is_dataclass(each) and not isinstance(each, type) else each
        if not isinstance(line, Mapping) or not isinstance(line.get("name"), str):
            raise Wrong("each metric of a list needs a name", example="{name: shop.basket, unit: '1'}")
        if line["name"] in found:
            raise Wrong(f"declares {line['name']!r} twice", hint="keep one of them")
        found[line["name"]] = {key: item for key, item in line.items() if key != "name" and item is not None}
    return found


def well_named(lines: Mapping[str, MetricLine]) -> Mapping[str, MetricLine]:
    """The same; raises Wrong for a name that no gate could spell."""
    for name in lines:
        if not _NAME.fullmatch(name):
            raise Wrong(f"{name!r} is not a name of a metric", hint="letters, digits and . _ - : /, as shop.basket_value")
    return lines

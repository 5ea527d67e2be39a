"""How long a user waits between tasks, and how often it starts one."""

from __future__ import annotations

import random
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidatorFunctionWrapHandler, model_validator

from loadstone.plan.quantities import Delay, Duration
from loadstone.plan.wrong import Wrong


class ThinkTime(BaseModel):
    """A distribution of waits in seconds; a file writes `2s`, `1s..3s` (uniform) or `exponential 2s` (the mean)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["constant", "uniform", "exponential"]
    low_s: Delay
    high_s: Delay

    @model_validator(mode="wrap")
    @classmethod
    def _from_text(cls, value: Any, read: ValidatorFunctionWrapHandler) -> ThinkTime:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str):
            value = _parts(value)
        think: ThinkTime = read(value)
        if think.low_s > think.high_s:
            raise Wrong("the shorter wait comes first", example="1s..3s")
        return think

    @property
    def mean_s(self) -> float:
        """Mean wait."""
        return (self.low_s + self.high_s) / 2

    def draw_s(self, rng: random.Random) -> float:
        """One wait, in seconds."""
        if self.kind == "uniform":
            return rng.uniform(self.low_s, self.high_s)
        return rng.expovariate(1 / self.high_s) if self.kind == "exponential" and self.high_s else self.high_s

    def __str__(self) -> str:
        if self.kind == "uniform":
            return f"{self.low_s:g}s..{self.high_s:g}s"
        return f"exponential {self.high_s:g}s" if self.kind == "exponential" else f"{self.high_s:g}s"


def _parts(text: str) -> dict[str, str]:
    if match := re.fullmatch(r"\s*exponential[\s(]+(.+?)\)?\s*", text):
        return {"kind": "exponential", "low_s": match[1], "high_s": match[1]}
    low, dots, high = text.partition("..")
    return {"kind": "uniform" if dots else "constant", "low_s": low.strip(), "high_s": (high if dots else low).strip()}


class Pacing(BaseModel):
    """One iteration is due every `every_s`, on an absolute grid: a late one does not push the next."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    every_s: Duration

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"every_s": value} if isinstance(value, (str, int, float)) else value

    def __str__(self) -> str:
        return f"{self.every_s:g}s"


def constant(wait: str | float) -> ThinkTime:
    """Always the same wait."""
    return ThinkTime.model_validate({"kind": "constant", "low_s": wait, "high_s": wait})


def between(shortest: str | float, longest: str | float) -> ThinkTime:
    """Any wait from shortest to longest is as likely."""
    return ThinkTime.model_validate({"kind": "uniform", "low_s": shortest, "high_s": longest})


def exponential(mean: str | float) -> ThinkTime:
    """Waits of independent decisions: many short, few long."""
    return ThinkTime.model_validate({"kind": "exponential", "low_s": mean, "high_s": mean})


def pacing(every: str | float) -> Pacing:
    """One iteration each `every`, without drift."""
    return Pacing.model_validate({"every_s": every})

"""What a gate came to: pass, fail or no data, with the evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from loadstone.judge.leak_cause import LeakCause
from loadstone.plan.gate_text import GateSpec
from loadstone.units import BYTES, SECONDS, format_count, format_duration, format_rate, format_share, format_size

COMPARING = frozenset({"regression", "baseline"})  # kinds of gates that look at earlier runs


class Status(StrEnum):
    """The three answers of a gate; lacking data is never a pass."""

    PASS = "pass"  # noqa: S105  # a verdict, not a password
    FAIL = "fail"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of one gate.

    value, limit: in `unit`, the displayed one: ms, %, /s, B …; value is inf when the rank fell among what never came back,
                  None without data
    low, high:    95 % interval of the value, where one can be computed
    samples:      how many values, or events of the denominator, the value rests on
    cause:        of a leak, where something that tells was read beside it
    collecting:   no data only because the baseline that it is compared with has too few runs so far
    at_s:         end of the worst window, or when an abort gate fired, in seconds since the run's start
    """

    gate: GateSpec
    status: Status
    value: float | None
    limit: float
    unit: str
    samples: int
    reason: str
    at_s: float | None = None
    low: float | None = None
    high: float | None = None
    cause: LeakCause | None = None
    collecting: bool = False

    @property
    def compares(self) -> bool:
        """Is it about what a change did, and not about the run alone?"""
        return self.gate.stat in COMPARING and not self.gate.metric

    @property
    def passed(self) -> bool:
        """True only for a pass; no data is not one."""
        return self.status is Status.PASS


def show_value(value: float, unit: str) -> str:
    """A value in its displayed unit as people read it: 2300 ms is "2.3 s", 0.4 % is "0.4%"."""
    if unit in SECONDS:
        return format_duration(value * SECONDS[unit])
    if unit in BYTES:
        return format_size(value * BYTES[unit])
    amount, slash, _ = unit.partition("/s")
    if slash and amount in BYTES:
        return f"{format_size(value * BYTES[amount])}/s"
    if slash:
        return format_rate(value) if amount in ("", "1") else f"{format_rate(value)[:-2]} {unit}" if value >= 1 else f"{value:.3g} {unit}"
    if unit == "%" and math.isfinite(value):
        return format_share(value / 100)
    number = format_count(value)
    return number if unit in ("", "1") else f"{number} {unit}"

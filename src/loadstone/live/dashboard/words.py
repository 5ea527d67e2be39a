"""Gates and the last seconds as the page of a run shows them: values with their units, nothing left to work out in a browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.live.recent import Figures
from loadstone.measure.plain_text import plain

MOST_TEXT = 300


def gate_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """One row for each gate: how it stands, and how far from its limit."""
    return [
        {
            "gate": plain(str(each.gate), MOST_TEXT),
            "status": each.status.value,
            "value": None if each.value is None else show_value(each.value, each.unit),
            "limit": show_value(each.limit, each.unit) if math.isfinite(each.limit) else "",
            "used": _used(each),
            "samples": each.samples,
            "reason": plain(each.reason, MOST_TEXT),
        }
        for each in verdicts
    ]


def _used(verdict: Verdict) -> float | None:
    """The value as a share of its limit; None where that says nothing."""
    if verdict.value is None or not verdict.limit or not math.isfinite(verdict.limit):
        return None
    return min(10.0, verdict.value / verdict.limit) if math.isfinite(verdict.value) else 10.0


def standing(gates: Sequence[dict[str, Any]]) -> str:
    """The verdict so far: fail when a gate fails, no_data while one has none, else pass; empty without gates."""
    found = {gate["status"] for gate in gates}
    return next((status.value for status in (Status.FAIL, Status.NO_DATA, Status.PASS) if status.value in found), "")


def state_of(figures: Figures) -> dict[str, Any]:
    """The headline; None for what is not known, `beyond` for a percentile among what never came back."""
    p95 = figures.times.p95
    return {
        "elapsed_s": round(figures.elapsed_s, 3),
        "phase": figures.phase,
        "users": figures.users,
        "rate_per_s": figures.rate_per_s,
        "asked_per_s": figures.asked_per_s,
        "p50_ms": _finite(figures.times.p50),
        "p95_ms": _finite(p95),
        "p99_ms": _finite(figures.times.p99),
        "beyond": p95 is not None and not math.isfinite(p95),
        "errors": figures.errors,
        "requests_in_all": figures.requests_in_all,
        "errors_in_all": figures.errors_in_all,
        "dropped_in_all": figures.dropped_in_all,
        "window_s": figures.window_s,
    }


def health_of(figures: Figures) -> dict[str, Any]:
    """What the generator itself takes and adds."""
    return {
        "cpu_percent": _finite(figures.cpu_percent),
        "lag_ms": _finite(figures.lag_ms),
        "share_ms": _finite(figures.share_ms),
        "hint": figures.hint,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

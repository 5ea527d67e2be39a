"""Gates and the last seconds as the page of a run shows them: values with their units, nothing left to work out in a browser."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loadstone.judge.alert_rules import Level, ReadyRule
from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.live.recent import Figures
from loadstone.measure.plain_text import plain
from loadstone.measure.snapshot import Failure

MOST_TEXT = 300
MOST_FAILURES = 5
WARNING = "warning"
STANDING = {Level.OK: Status.PASS.value, Level.WARNING: WARNING, Level.CRITICAL: Status.FAIL.value}


def gate_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """One row for each gate: how it stands, and how far from its limit; those that fail first, as everywhere."""
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
        for each in sorted(verdicts, key=lambda verdict: verdict.status is not Status.FAIL)
    ]


def rule_rows(rules: Iterable[ReadyRule], levels: Mapping[str, tuple[Level, float | None]]) -> list[dict[str, Any]]:
    """One row for each rule of a monitor: its level as a status, its last value, and the limit that comes next, or is passed."""
    return [_rule_row(each, *levels[each.rule.name]) for each in rules]


def _rule_row(each: ReadyRule, level: Level, value: float | None) -> dict[str, Any]:
    gate = each.reach[next((at for at in sorted(each.reach) if at > level), max(each.reach))]
    limits = " ".join(f"{at} {spec.op} {spec.limit_text}" for at, spec in each.rule.limits.items())
    rising = gate.spec.op in {">", ">="}
    known = value is not None and math.isfinite(value)
    return {
        "gate": plain(each.rule.name if each.rule.name == each.rule.subject else f"{each.rule.name}: {each.rule.subject}", MOST_TEXT),
        "status": STANDING[level] if value is not None or level else Status.NO_DATA.value,
        "value": None if value is None else show_value(value, gate.unit),
        "limit": show_value(gate.limit, gate.unit),
        "used": min(10.0, value / gate.limit) if known and rising and gate.limit > 0 and value is not None else None,
        "samples": 0,
        "reason": plain(f"no value; {limits}" if value is None else limits, MOST_TEXT),
    }


def _used(verdict: Verdict) -> float | None:
    """The value as a share of its limit; None where that says nothing."""
    if verdict.value is None or not verdict.limit or not math.isfinite(verdict.limit):
        return None
    return min(10.0, verdict.value / verdict.limit) if math.isfinite(verdict.value) else 10.0


def standing(gates: Sequence[dict[str, Any]]) -> str:
    """The verdict so far: fail when a gate fails or a rule is critical; warning; no_data while one has none; pass; empty without any."""
    found = {gate["status"] for gate in gates}
    order = (Status.FAIL.value, WARNING, Status.NO_DATA.value, Status.PASS.value)
    return next((status for status in order if status in found), "")


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


def failure_rows(failures: Mapping[Failure, int]) -> list[dict[str, Any]]:
    """The failures that came most often: how often, of which kind, in which step, and their text."""
    most = heapq.nlargest(MOST_FAILURES, failures.items(), key=lambda item: item[1])
    return [
        {"count": count, "kind": each.kind, "step": plain(each.step, MOST_TEXT), "text": plain(each.text, MOST_TEXT)}
        for each, count in most
    ]


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

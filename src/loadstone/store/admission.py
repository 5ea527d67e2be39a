"""Which runs may enter a baseline, and the few figures of a run that a file of a baseline holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadstone.judge.story import Story
from loadstone.judge.verdict import Status
from loadstone.measure.event import CONTROL
from loadstone.store.rows import RunRow

FIGURES = ("response_p50_ms", "response_p95_ms", "response_p99_ms", "success_rate", "peak_memory_mb", "cpu_percent")
# Whose response times a run is about: the first of these that it has.
TIMES = ("http.response_time", "llm.e2e", "ws.round_trip_time", "call.response_time", "iteration.duration")
MOST_OF_A_REASON = 300  # characters
EXCHANGES = (
    ("http.requests", "http.errors"),
    ("llm.requests", "llm.errors"),
    ("call.requests", "call.errors"),
    ("iteration.count", "iteration.errors"),
)


def refusal(row: RunRow, document: Mapping[str, Any] | None = None, *, accept: bool = False) -> str:
    """Why a run may not enter a baseline; empty when it may.

    document: its report. A run that lacks nothing but comparisons, because the baseline has too few runs so far, is how it gets more
    accept:   a person has looked at a run that a comparison flagged, or could not tell of, and takes it
    """
    if not row.finished:
        return f"run {row.id} did not come to its end"
    if row.verdict != "pass" and not _only_compared(document or {}, accept=accept):
        return f"the verdict of run {row.id} is {row.verdict}, and only runs that passed are compared with"
    if row.interrupted:
        return f"run {row.id} was interrupted"
    if row.trust == "untrustworthy":
        return f"the generator of run {row.id} was not trustworthy"
    return _unlike_others(row, document or {}, accept=accept)


def _unlike_others(row: RunRow, document: Mapping[str, Any], *, accept: bool) -> str:
    if any(event.get("kind") == CONTROL for event in document.get("events", [])):
        return f"the load of run {row.id} was changed by hand, so no other run did the same"
    return f"run {row.id} is flagged ({row.flagged})" if row.flagged and not accept else ""


def flaw(story: Story) -> str:
    """Why a finished run is to be flagged: a load changed by hand, the comparisons that it failed, one after another; empty for none."""
    changed = [f"the load was changed by hand: {event.text}" for event in story.events if event.kind == CONTROL]
    worse = [verdict for verdict in story.verdicts if verdict.compares and verdict.status is Status.FAIL]
    return "; ".join([*changed[:1], *(f"{verdict.gate.name or verdict.gate}: {verdict.reason}" for verdict in worse)])[:MOST_OF_A_REASON]


def _only_compared(document: Mapping[str, Any], *, accept: bool) -> bool:
    """Did every gate pass but those that compare, and was something measured?"""
    if document.get("verdict") not in {"inconclusive", "fail"} or not figures_of(document):
        return False
    missed = [gate for gate in document.get("gates", []) if gate["status"] != "pass"]
    return bool(missed) and all(gate.get("compares") and (accept or gate.get("collecting")) for gate in missed)


def figures_of(document: Mapping[str, Any]) -> dict[str, float]:
    """The figures of FIGURES that a report's document holds; what it lacks is left out."""
    metrics: Mapping[str, Mapping[str, Any]] = document.get("metrics", {})
    found: dict[str, float | None] = {}
    times: Mapping[str, Any] = next((metrics[name] for name in TIMES if metrics.get(name, {}).get("count")), {})
    found |= {f"response_{name}_ms": times.get(name) for name in ("p50", "p95", "p99")}
    for whole, failed in EXCHANGES:
        if count := metrics.get(whole, {}).get("count"):
            found["success_rate"] = 1.0 - (metrics.get(failed, {}).get("count") or 0) / count
            break
    memory = metrics.get("target.memory", {}).get("max")
    found["peak_memory_mb"] = None if memory is None else memory / 1e6
    found["cpu_percent"] = metrics.get("target.cpu", {}).get("mean")
    return {name: value for name, value in found.items() if value is not None}

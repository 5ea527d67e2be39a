"""The figures of a run in the Bencher Metric Format: benchmark, measure, value and interval.

Measures carry their unit in the name, because the format has no place for it: `http-response-time-p95-ms`. Two are of the format's
own, `latency` (ns, the median) and `throughput` (operations a second), so that a project needs no measures of its own to begin.
"""

from __future__ import annotations

import json
import re

from loadstone.report.told import Told
from loadstone.report.tracked import Tracked, tracked

LONGEST = 64  # of a measure's name
UNITS = {"%": "percent", "/s": "per-s"}
TIMES = ("llm.e2e", "ws.round_trip_time", "http.response_time")
RATES = ("llm.requests", "ws.messages_out", "http.requests")


def render_bencher(told: Told) -> bytes:
    """A benchmark for the run, and one for each step of several."""
    plan = told.document.provenance.plan or "run"
    found: dict[str, dict[str, dict[str, float]]] = {plan: {}}
    figures = tracked(told.document, told.catalogue)
    for figure in figures:
        benchmark = f"{plan} / {figure.step}" if figure.step else plan
        found.setdefault(benchmark, {})[measure_of(figure)] = _value(figure, 1.0)
    whole = {(figure.metric, figure.statistic): figure for figure in figures if not figure.step}
    for name, metrics, statistic, unit, factor in (("latency", TIMES, "p50", "ms", 1e6), ("throughput", RATES, "rate", "/s", 1.0)):
        main = next((whole[metric, statistic] for metric in metrics if (metric, statistic) in whole), None)
        if main is not None and main.unit == unit:
            found[plan][name] = _value(main, factor)
    return (json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def measure_of(figure: Tracked) -> str:
    """The slug of a measure, at most 64 characters."""
    unit = UNITS.get(figure.unit, figure.unit)
    text = f"{figure.metric}-{figure.statistic}-{unit}"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST]


def _value(figure: Tracked, factor: float) -> dict[str, float]:
    value = {"value": figure.value * factor}
    if figure.low is not None:
        value["lower_value"] = figure.low * factor
    if figure.high is not None:
        value["upper_value"] = figure.high * factor
    return value

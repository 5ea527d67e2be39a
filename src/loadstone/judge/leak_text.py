"""A leak's finding in a sentence, with what to do next."""

from __future__ import annotations

import math

from loadstone.judge.leak import FEWEST_READINGS, Course, Finding
from loadstone.judge.verdict import show_value
from loadstone.units import BYTES, format_duration

HOUR_S, THOUSAND = 3600.0, 1000.0

_SAID = {
    Course.LEAK: "it rises steadily",
    Course.STABLE: "it does not rise",
    Course.PLATEAU: "it rose, and stopped",
    Course.SLOWING: "it rises ever more slowly, as fragmentation and records of the largest request do",
    Course.GROWING: "it rises, not yet long, much or steadily enough to tell",
    Course.UNSTEADY: "it wanders too far to exclude a leak",
}
LET_LIVE = "let processes live longer, or watch between their restarts"


def explain(
    finding: Finding,
    unit: str,
    *,
    what: str = "leak",
    whose: str = "",
    per_s: float = 0.0,
    exhausted_s: float | None = None,
    restarting: bool = False,
) -> str:
    """The verdict, its course, the rate with its interval, and advice: one line.

    unit:        the level's displayed unit
    what:        "leak", or "drift" of a latency or a share of errors
    whose:       the series, when there are several
    per_s:       requests per second; 0 when they are not known
    exhausted_s: seconds until a limit is reached, when there is one
    restarting:  the target is started again and again: a longer run has no longer stretches
    """
    verdict = finding.answer.value.replace("LEAK", what.upper())
    head = f"{verdict}: {whose}: " if whose else f"{verdict}: "
    if finding.course is Course.SHORT and finding.readings >= FEWEST_READINGS:
        advice = LET_LIVE if restarting else "run longer, or beside less other work"
        return f"{head}{finding.readings} readings, nearly all in a few moments; {advice}"
    if finding.course is Course.SHORT:
        return f"{head}{finding.readings} readings, and {FEWEST_READINGS} are the fewest; {LET_LIVE if restarting else 'run longer'}"
    if finding.course is Course.UNANSWERED:
        return f"{head}it is known in {finding.readings} readings alone; in the others most requests never came back"
    parts = [f"{head}{_SAID[finding.course]}: {rate_text(finding, unit)}"]
    if finding.course is Course.LEAK:
        if per_s > 0:
            parts.append(f"{show_value(finding.rate / per_s * THOUSAND, unit)} per 1,000 requests")
        parts.append(f"since {format_duration(finding.settled_s)} at {show_value(finding.base, unit)}")
        if exhausted_s is not None:
            parts.append(f"at its limit in {format_duration(exhausted_s)}")
    if finding.step:
        parts.append(f"one step of {show_value(finding.step, unit)} left out")
    if finding.answer.value == "CANNOT TELL":
        parts.append(LET_LIVE if restarting else f"run {format_duration(2 * finding.span_s)}, twice as long")
    return "; ".join(parts)


def rate_text(finding: Finding, unit: str) -> str:
    """Growth per hour with its 95 % interval: "12.1 MB/h (95%: 11 MB to 13.2 MB)"."""
    now, low, high = (finding.rate * HOUR_S, finding.low * HOUR_S, finding.high * HOUR_S)
    shown = f"{_amount(now, unit)}/h"
    if not (math.isfinite(low) and math.isfinite(high)):
        return shown
    return f"{shown} (95%: {_amount(low, unit)} to {_amount(high, unit)})"


def _amount(value: float, unit: str) -> str:
    text = show_value(abs(value) if unit in BYTES else value, unit)
    return f"-{text}" if value < 0 and unit in BYTES else text

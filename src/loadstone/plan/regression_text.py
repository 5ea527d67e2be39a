"""The gate on what a change did: `regression(p95(http.response_time)) < 10% against main`.

    gate   = "regression" "(" STAT "(" METRIC [ tags ] ")" ")" "<" LIMIT [ "against" BASELINE ]
    LIMIT  = a share ("10%"): so much worse than the baseline is tolerated; of a share such as `rate(http.errors)`, in points

Worse is up for what should be low and down for what should be high; the metric says which.
"""

from __future__ import annotations

import re
from typing import Any

from loadstone.errors import UnitError, UsageError
from loadstone.plan.gate_text import COURSE_STATS, parse_gate
from loadstone.plan.limit_text import Dimension, read_limit

KIND = "regression"
EXAMPLE = "regression(p95(http.response_time)) < 10%"
_START = re.compile(r"\s*regression\s*\(")
_WHOLE = re.compile(
    r"\s*regression\s*\(\s*(?P<figure>.+\))\s*\)\s*<=?\s*(?P<limit>[\d.]+\s*(?:%|points?|pp))(?:\s+against\s+(?P<baseline>\S+))?\s*",
    re.DOTALL,
)


def regression_settings(text: str) -> dict[str, Any] | None:
    """Settings of the gate in code that a text means; None when it is no such text.

    raises: UsageError for one that cannot be read
    """
    if not _START.match(text):
        return None
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text.strip()!r} is no limit for a regression", hint=f"{EXAMPLE}, or {EXAMPLE} against main")
    return {"figure": figure_text(match["figure"]), "limit": _share(match["limit"]), "baseline": match["baseline"] or ""}


def figure_text(text: str) -> str:
    """A figure such as `p95(http.response_time{step=ask})` in the one spelling that reports use; raises UsageError."""
    spec = parse_gate(f"{text} < 1")
    if spec.stat in COURSE_STATS:
        raise UsageError(f"{spec.stat} is about one run, and has no regression", hint=EXAMPLE)
    return spec.subject


def _share(text: str) -> float:
    number = re.sub(r"\s*(points?|pp)$", "%", text)
    try:
        value, dimension = read_limit(number)
    except UnitError as error:
        raise UsageError(error.what, hint=EXAMPLE) from None
    if dimension is not Dimension.SHARE or not 0 < value < 10:
        raise UsageError(f"{text!r} is no share that a figure may be worse by", hint=EXAMPLE)
    return value

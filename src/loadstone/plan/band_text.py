"""What a band grades: a figure, what is left of a share (`1 - rate(ws.connect_failures)`), or how a level grows with the load.

    value = FIGURE | "1 - rate(" METRIC [ tags ] ")" | "by_load(" METRIC ")"

A figure that grows with the load is graded in words: linear, faster than linear, leak. `good` is then the ratio up to which it
counts as linear: growth per user in the upper half of the load, over that in the lower half.
"""

from __future__ import annotations

import re

from loadstone.errors import UnitError, UsageError
from loadstone.plan.gate_text import parse_gate
from loadstone.plan.limit_text import Dimension, read_limit

LEAK = "leak"
BY_LOAD_EXAMPLE = "value: by_load(target.memory), good: 1.5, issue: leak"
REST_EXAMPLE = "value: 1 - rate(ws.connect_failures), good: 95%, issue: 80%"
_REST = re.compile(r"\s*1\s*-\s*(?=rate\s*\()")
_BY_LOAD = re.compile(r"\s*by_load\(\s*([A-Za-z_][\w.]*)\s*\)\s*")


def level_by_load(value: str) -> str | None:
    """The level that a band grades by its growth with the load; None for another band."""
    found = _BY_LOAD.fullmatch(value)
    return found[1] if found else None


def linear_up_to(good: str, concern: str | None, issue: str) -> float:
    """The ratio of a band by load; raises UsageError."""
    try:
        ratio, dimension = read_limit(good)
    except UnitError as error:
        raise UsageError(error.what, hint=BY_LOAD_EXAMPLE) from None
    if issue != LEAK or concern is not None or dimension is not Dimension.NUMBER or ratio < 1:
        raise UsageError("growth with the load is linear up to a ratio of 1 or more, and an issue when it is a leak", hint=BY_LOAD_EXAMPLE)
    return ratio


def is_rest(value: str) -> bool:
    """Is it what is left of a share?"""
    return _REST.match(value) is not None


def figure_of(value: str) -> str:
    """The figure that has to be read for it."""
    return _REST.sub("", value, count=1)


def edge_of(value: str, edge: str) -> str:
    """An edge as one of the figure that is read: 95% of successes are 5% of failures; raises UsageError."""
    spec = parse_gate(f"{figure_of(value)} < {edge}")
    if not is_rest(value):
        return edge
    if spec.dimension is not Dimension.SHARE or not 0 <= spec.limit <= 1:
        raise UsageError(f"{edge!r} is no share of successes", hint=REST_EXAMPLE)
    return f"{round((1 - spec.limit) * 100, 9):.12g}%"

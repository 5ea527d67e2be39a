"""Service-level objectives over single requests: `ttft < 500ms and tpot < 50ms`, which a request meets or does not.

    slo   = limit { "and" limit }
    limit = METRIC OP LIMIT            METRIC is a name of KNOWN, with or without "llm." before it

The term and the counting of requests are those of goodput: Zhong et al. 2024, DistServe, section 2.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from loadstone.errors import UnitError
from loadstone.plan.limit_text import Dimension, read_limit
from loadstone.plan.scan import Scan, take_operator
from loadstone.units import nearest

PREFIX = "llm."
KNOWN: Mapping[str, Dimension] = {
    **dict.fromkeys(
        ("ttft", "ttft_any", "first_byte", "tpot", "token_gap", "chunk_gap", "longest_gap", "stall_time", "e2e"), Dimension.TIME
    ),
    **dict.fromkeys(("stalls", "input_tokens", "output_tokens"), Dimension.NUMBER),
    "output_rate": Dimension.RATE,
}
EXAMPLE = "goodput(ttft < 500ms and tpot < 50ms) > 95%"
NS_PER_S = 1_000_000_000

_SYNONYMS = {"itl": "token_gap", "e2el": "e2e", "latency": "e2e", "e2e_latency": "e2e", "time_to_first_token": "ttft"}
_SYNONYMS |= {"time_per_output_token": "tpot", "inter_token_latency": "token_gap", "request_latency": "e2e", "max_gap": "longest_gap"}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_NAME = re.compile(r"[A-Za-z_](?:[\w.:/-]*\w)?")
_LIMIT = re.compile(r".*?(?=\s*(?:\b(?:and|or|over)\b|[),&|<>=]|$))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Slo:
    """Limits that one request must all keep.

    limits: (metric, operator, limit) in one order, however they were written; metrics with their whole name (`llm.ttft`);
            times in whole ns, everything else in the unit that the metric is shown in
    """

    limits: tuple[tuple[str, str, float], ...]

    def met(self, values: Mapping[str, float | None], ok: bool) -> bool:
        """Is the request a good one? One that failed is not, and neither is one that lacks a value.

        values: by whole name, in the units of `limits`
        """
        if not ok:
            return False
        for metric, op, limit in self.limits:
            value = values.get(metric)
            if value is None or not _COMPARE[op](value, limit):
                return False
        return True

    def __str__(self) -> str:
        """The objective in one spelling, which is the value of the tag `slo`."""
        return " and ".join(f"{metric.removeprefix(PREFIX)} {op} {_shown(metric, limit)}" for metric, op, limit in self.limits)


def parse_slo(text: str) -> Slo:
    """The objective that a text states; raises UsageError with the place in it."""
    scan = Scan(text)
    slo = take_slo(scan)
    if scan.rest():
        raise scan.error(f"nothing was expected after the objective, found {scan.rest()!r}", hint="ttft < 500ms and tpot < 50ms")
    return slo


def take_slo(scan: Scan) -> Slo:
    """The objective that starts at the scan's position; raises UsageError."""
    limits: dict[tuple[str, str], float] = {}
    while True:
        scan.skip()
        at = scan.at
        name = _name(scan)
        op = take_operator(scan)
        if (name, op) in limits:
            raise scan.error(f"{name} {op} is given twice", at=at, hint="keep the stricter one")
        limits[name, op] = _limit(scan, name)
        if not scan.word("and"):
            break
    order = list(KNOWN)
    ordered = sorted(limits.items(), key=lambda each: (order.index(each[0][0]), each[0][1]))
    return Slo(tuple((PREFIX + name, op, limit) for (name, op), limit in ordered))


def _name(scan: Scan) -> str:
    at = scan.at
    name = scan.take(_NAME, f"a metric of single requests ({', '.join(KNOWN)})", hint=EXAMPLE).removeprefix(PREFIX)
    if name not in KNOWN:
        meant = _SYNONYMS.get(name.lower())
        guess = f"; did you mean {meant!r}?" if meant else nearest(name.lower(), list(KNOWN))
        raise scan.error(f"{name!r} is no metric of single requests; known: {', '.join(KNOWN)}{guess}", at=at, hint=EXAMPLE)
    return name


def _limit(scan: Scan, name: str) -> float:
    scan.skip()
    at, wanted = scan.at, KNOWN[name]
    example = {Dimension.TIME: "500ms", Dimension.RATE: "20/s"}.get(wanted, "100")
    text = " ".join(scan.take(_LIMIT, "a limit", hint=EXAMPLE).split())
    try:
        value, got = read_limit(text) if text else (0.0, None)
    except UnitError as error:
        raise scan.error(error.what, at=at, hint=f"{name} < {example}") from None
    if got is None:
        raise scan.error(f"expected a limit such as {example}, found {scan.next_shown()}", at=at, hint=EXAMPLE)
    if got is not wanted and not (got is Dimension.NUMBER and wanted is Dimension.RATE):
        raise scan.error(f"{name} is {wanted}, and {text!r} is {got}", at=at, hint=f"{name} < {example}")
    return float(round(value * NS_PER_S)) if wanted is Dimension.TIME else value


def _shown(metric: str, limit: float) -> str:
    """The shortest text with which the limit is read back exactly."""
    dimension = KNOWN[metric.removeprefix(PREFIX)]
    if dimension is Dimension.TIME:
        unit, size = next((each for each in (("s", 10**9), ("ms", 10**6), ("us", 10**3)) if abs(limit) >= each[1]), ("ns", 1))
        return f"{limit / size:.15g}{unit}"
    return f"{limit!r}/s" if dimension is Dimension.RATE else f"{limit:.15g}"

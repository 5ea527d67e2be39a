"""Gates as people write them: `p95(http.response_time{step=ask}) < 2s over 10s abort`.

    gate     = STAT "(" METRIC [ "{" tag "=" value { "," tag "=" value } "}" ] ")" OP LIMIT [ "over" DURATION ] [ "abort" ]
    STAT     = p50 … p99.99 | median | min | max | mean | count | sum | rate | throughput | last | growth
             | ( "leak" | "drift" ) "(" METRIC [ tags ] ")" "=" "none", which is a whole gate
             | "goodput" "(" METRIC OP LIMIT { "and" METRIC OP LIMIT } ")" [ "{" tags "}" ] OP LIMIT …, see `loadstone.plan.slo`
    OP       = "<" | "<=" | ">" | ">=" | "=="
    LIMIT    = a duration, a share ("1%"), a rate ("150/s"), a size ("500MB"), a size per time ("5MB/s") or a number

Whether the metric exists and whether the limit's unit is one of the metric's is not decided here: the catalogue knows that
(`loadstone.judge.limits.resolve`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from decimal import Decimal

from loadstone.errors import UnitError
from loadstone.plan.limit_text import Dimension, read_limit
from loadstone.plan.scan import Scan, take_operator
from loadstone.plan.slo import EXAMPLE as GOODPUT_EXAMPLE
from loadstone.plan.slo import Slo, take_slo
from loadstone.units import nearest, parse_duration

__all__ = ["Dimension", "GateSpec", "parse_gate", "read_limit"]

STATS = ("median", "min", "max", "mean", "count", "sum", "rate", "throughput", "last", "growth")
NONE_STATS = ("leak", "drift")  # of which there should be none, as in `leak(target.memory) = none`
COURSE_STATS = ("growth", *NONE_STATS)  # about the whole course of a run
GOODPUT, GOOD, SLO_TAG = "goodput", "llm.good", "slo"
SHORTEST_WINDOW_S = 1.0  # a snapshot; nothing shorter is kept

_SYNONYMS = {"avg": "mean", "average": "mean", "med": "median", "minimum": "min", "maximum": "max", "total": "sum", "ratio": "rate"}
_SYNONYMS |= {"tps": "throughput", "rps": "throughput", "latest": "last", "p0": "min", "p100": "max", "errors": "rate"}

_WORD = re.compile(r"[A-Za-z_][\w.]*")
_METRIC = re.compile(r"[A-Za-z_](?:[\w.:/-]*\w)?")
_TAG = re.compile(r"[A-Za-z_](?:[\w.-]*\w)?")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_BARE = re.compile(r'[^\s,{}"=]+(?:[ \t]+[^\s,{}"=]+)*')
_NONE = re.compile(r"==?\s*none(?!\w)")
_LIMIT = re.compile(r".*?(?=\s*(?:\bover\b|\babort\b|$))", re.DOTALL)
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A statement about a run that can pass, fail, or lack data.

    stat:       as written, percentiles without needless zeros: "p95", "p99.9", "rate"
    q:          share of the quantile for percentiles and the median, else None
    limit:      in the unit that the dimension names
    window_s:   the statement must hold in every window of that length; None: over everything judged
    abort:      stop the run once it has decisively failed
    slo:        what a good request keeps, for goodput: then the metric is `llm.good` with the tag `slo`, and the statistic its
                rate (a share of `llm.requests`) or its throughput (good requests per second), as the limit asks
    text:       the gate as it was written; two ways to write the same gate are equal
    at:         where it was written: `suite.yaml:6 gates[0] = …`; empty where nobody knows
    """

    stat: str
    q: float | None
    metric: str
    tags: tuple[tuple[str, str], ...]
    op: str
    limit: float
    dimension: Dimension
    limit_text: str = field(compare=False)
    window_s: float | None = None
    abort: bool = False
    requirement: str = ""
    name: str = ""
    text: str = field(default="", compare=False)
    slo: Slo | None = None
    at: str = field(default="", compare=False)

    @property
    def where(self) -> str:
        """How messages name it."""
        return self.at or f"gate {(self.text or str(self))!r}"

    @property
    def subject(self) -> str:
        """What is looked at: `p95(http.response_time{step=ask})`."""
        tags = ",".join(f"{key}={_quoted(value)}" for key, value in self.tags if key != SLO_TAG or self.slo is None)
        if self.slo is not None:
            return f"{GOODPUT}({self.slo}){{{tags}}}" if tags else f"{GOODPUT}({self.slo})"
        return f"{self.stat}({self.metric}{{{tags}}})" if tags else f"{self.stat}({self.metric})"

    @classmethod
    def in_code(cls, kind: str, text: str, requirement: str = "", name: str = "", scenario: str = "", at: str = "") -> GateSpec:
        """What reports say of a judgement that is no statement: it has no metric, operator or limit.

        scenario: the one that it looks at alone
        """
        tags = (("scenario", scenario),) if scenario else ()
        return cls(kind, None, "", tags, "", math.inf, Dimension.NUMBER, "", None, False, requirement, name, text, at=at)

    def __str__(self) -> str:
        """The gate in one spelling; `parse_gate` reads a statement back as an equal gate."""
        if not self.metric:
            return self.text
        over = "" if self.window_s is None else f" over {_seconds(self.window_s)}"
        op = "=" if self.stat in NONE_STATS else self.op
        return f"{self.subject} {op} {self.limit_text}{over}{' abort' if self.abort else ''}"


def parse_gate(text: str, *, requirement: str = "", name: str = "", at: str = "") -> GateSpec:
    """The gate that a text states.

    raises: UsageError that names the place in the text, what was expected there and the nearest known word
    """
    scan = Scan(text)
    stat, q = _stat(scan)
    scan.expect("(", "after the statistic")
    slo = None
    if stat == GOODPUT:
        metric, slo = GOOD, take_slo(scan)
        scan.expect(")", "or 'and' after a limit")
        tags = tuple(sorted((*_tags(scan), (SLO_TAG, str(slo)))))
    else:
        metric = scan.take(_METRIC, "the name of a metric")
        tags = _tags(scan)
        scan.expect(")", "after the metric")
    op, (limit_text, limit, dimension), limit_at = _none(scan, stat, metric) if stat in NONE_STATS else _comparison(scan)
    if slo is not None:
        stat = _of_goodput(scan, limit_at, limit_text, dimension)
    window_s = _window(scan)
    abort = scan.word("abort")
    if window_s is None and (window_s := _window(scan)) is not None:
        raise scan.error("'abort' comes last", hint=f"{op} {limit_text} over {_seconds(window_s)} abort")
    if scan.rest():
        raise scan.error(f"nothing was expected after the gate, found {scan.rest()!r}")
    return GateSpec(stat, q, metric, tags, op, limit, dimension, limit_text, window_s, abort, requirement, name, text.strip(), slo, at)


def _comparison(scan: Scan) -> tuple[str, tuple[str, float, Dimension], int]:
    """Operator, limit, and where the limit stands."""
    op = take_operator(scan)
    scan.skip()
    at = scan.at
    return op, _limit(scan), at


def _none(scan: Scan, stat: str, metric: str) -> tuple[str, tuple[str, float, Dimension], int]:
    at = scan.at
    if scan.try_take(_NONE) is None:
        raise scan.error(f"expected '= none', found {scan.next_shown()}", hint=f"{stat}({metric}) = none, or growth({metric}) < 50MB")
    return "==", ("none", 0.0, Dimension.NUMBER), at


def _of_goodput(scan: Scan, at: int, limit_text: str, dimension: Dimension) -> str:
    """The statistic of good requests that a limit is about."""
    if dimension in {Dimension.SHARE, Dimension.NUMBER}:
        return "rate"
    if dimension is Dimension.RATE:
        return "throughput"
    what = f"goodput is a share of the requests, or good requests per second, and {limit_text!r} is {dimension}"
    raise scan.error(what, at=at, hint=GOODPUT_EXAMPLE)


def _stat(scan: Scan) -> tuple[str, float | None]:
    scan.skip()
    at = scan.at
    word = scan.take(_WORD, f"a statistic ({', '.join(('p95', *STATS, *NONE_STATS, GOODPUT))})")
    percentile = _PERCENTILE.fullmatch(word)
    if percentile and 0 < (percent := Decimal(percentile[1])) < 100:
        return f"p{percent.normalize():f}", float(percent / 100)
    if word in {*STATS, *NONE_STATS, GOODPUT}:
        return word, 0.5 if word == "median" else None
    meant = _SYNONYMS.get(word.lower())
    guess = f"; did you mean {meant!r}?" if meant else nearest(word, ["p50", "p90", "p95", "p99", "p99.9", *STATS, *NONE_STATS, GOODPUT])
    raise scan.error(
        f"unknown statistic {word!r}; known: p<number between 0 and 100>, {', '.join((*STATS, *NONE_STATS))}, {GOODPUT}{guess}", at=at
    )


def _tags(scan: Scan) -> tuple[tuple[str, str], ...]:
    if scan.try_take(re.compile(r"\{")) is None:
        return ()
    tags: dict[str, str] = {}
    while True:
        key = scan.take(_TAG, "a tag's name")
        if key in tags:
            raise scan.error(f"the tag {key!r} is given twice", hint="one value per tag; a gate per value")
        scan.expect("=", f"after the tag {key!r}")
        quoted = scan.try_take(_QUOTED)
        tags[key] = re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted is not None else scan.take(_BARE, f"the value of {key!r}")
        if scan.try_take(re.compile(r"\}")) is not None:
            return tuple(sorted(tags.items()))
        scan.expect(",", "or '}' after a tag")


def _limit(scan: Scan) -> tuple[str, float, Dimension]:
    scan.skip()
    at = scan.at
    text = " ".join(scan.take(_LIMIT, "a limit").split())
    if not text:
        raise scan.error(f"expected a limit such as 2s, 1%, 150/s or 500MB, found {scan.next_shown()}", at=at)
    try:
        value, dimension = read_limit(text)
    except UnitError as error:
        raise scan.error(error.what, at=at, hint=error.hint) from None
    return text, value, dimension


def _window(scan: Scan) -> float | None:
    if not scan.word("over"):
        return None
    scan.skip()
    at = scan.at
    try:
        window_s = parse_duration(" ".join(scan.take(_LIMIT, "a duration").split()))
    except UnitError as error:
        raise scan.error(error.what, at=at, hint="over 10s") from None
    if window_s < SHORTEST_WINDOW_S:
        raise scan.error(f"a window of {window_s:g} s is shorter than the {SHORTEST_WINDOW_S:g} s that are kept", at=at, hint="over 10s")
    return window_s


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _seconds(seconds: float) -> str:
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{seconds!r}s"

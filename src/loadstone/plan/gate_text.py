"""Gates as people write them: `p95(http.response_time{step=ask}) < 2s over 10s abort`.

    gate     = STAT "(" METRIC [ "{" tag "=" value { "," tag "=" value } "}" ] ")" OP LIMIT [ "over" DURATION ] [ "abort" ]
    STAT     = p50 … p99.99 | median | min | max | mean | count | sum | rate | throughput | last
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
from enum import StrEnum

from loadstone.errors import UnitError, UsageError
from loadstone.units import BYTES, SECONDS, nearest, parse_duration, parse_rate, parse_size

STATS = ("median", "min", "max", "mean", "count", "sum", "rate", "throughput", "last")
OPERATORS = ("<=", ">=", "==", "<", ">")
SHORTEST_WINDOW_S = 1.0  # a snapshot; nothing shorter is kept
EXAMPLE = "p95(http.response_time) < 2s"

_SYNONYMS = {"avg": "mean", "average": "mean", "med": "median", "minimum": "min", "maximum": "max", "total": "sum", "ratio": "rate"}
_SYNONYMS |= {"tps": "throughput", "rps": "throughput", "latest": "last", "p0": "min", "p100": "max", "errors": "rate"}

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][\w.]*")
_METRIC = re.compile(r"[A-Za-z_](?:[\w.:/-]*\w)?")
_TAG = re.compile(r"[A-Za-z_](?:[\w.-]*\w)?")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_BARE = re.compile(r'[^\s,{}"=]+(?:[ \t]+[^\s,{}"=]+)*')
_OPERATOR = re.compile(r"[<>=!~≤≥]+")
_LIMIT = re.compile(r".*?(?=\s*(?:\bover\b|\babort\b|$))", re.DOTALL)
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")


class Dimension(StrEnum):
    """What kind of quantity a limit is, and the unit its number is in."""

    TIME = "a duration"  # seconds
    SHARE = "a share"  # 0.01 is 1 %; a load of two cores is 2.0
    RATE = "a rate"  # per second
    SIZE = "a size"  # bytes
    SIZE_RATE = "a size per time"  # bytes per second
    NUMBER = "a number"


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A statement about a run that can pass, fail, or lack data.

    stat:       as written, percentiles without needless zeros: "p95", "p99.9", "rate"
    q:          share of the quantile for percentiles and the median, else None
    limit:      in the unit that the dimension names
    window_s:   the statement must hold in every window of that length; None: over everything judged
    abort:      stop the run once it has decisively failed
    text:       the gate as it was written; two ways to write the same gate are equal
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

    @property
    def subject(self) -> str:
        """What is looked at: `p95(http.response_time{step=ask})`."""
        tags = ",".join(f"{key}={_quoted(value)}" for key, value in self.tags)
        return f"{self.stat}({self.metric}{{{tags}}})" if tags else f"{self.stat}({self.metric})"

    def __str__(self) -> str:
        """The gate in one spelling; `parse_gate` reads it back as an equal gate."""
        over = "" if self.window_s is None else f" over {_seconds(self.window_s)}"
        return f"{self.subject} {self.op} {self.limit_text}{over}{' abort' if self.abort else ''}"


def parse_gate(text: str, *, requirement: str = "", name: str = "") -> GateSpec:
    """The gate that a text states.

    raises: UsageError that names the place in the text, what was expected there and the nearest known word
    """
    scan = _Scan(text)
    stat, q = _stat(scan)
    scan.expect("(", "after the statistic")
    metric = scan.take(_METRIC, "the name of a metric")
    tags = _tags(scan)
    scan.expect(")", "after the metric")
    op = _operator(scan)
    limit_text, limit, dimension = _limit(scan)
    window_s = _window(scan)
    abort = scan.word("abort")
    if window_s is None and (window_s := _window(scan)) is not None:
        raise scan.error("'abort' comes last", hint=f"{stat}({metric}) {op} {limit_text} over {_seconds(window_s)} abort")
    if scan.rest():
        raise scan.error(f"nothing was expected after the gate, found {scan.rest()!r}")
    return GateSpec(stat, q, metric, tags, op, limit, dimension, limit_text, window_s, abort, requirement, name, text.strip())


class _Scan:
    """A position in a text, and complaints that name it."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def rest(self) -> str:
        self.skip()
        return self.text[self.at :].rstrip()

    def try_take(self, pattern: re.Pattern[str]) -> str | None:
        self.skip()
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def take(self, pattern: re.Pattern[str], expected: str) -> str:
        found = self.try_take(pattern)
        if found is None:
            raise self.error(f"expected {expected}, found {self.next_shown()}")
        return found

    def word(self, word: str) -> bool:
        return self.try_take(re.compile(rf"{word}(?!\w)")) is not None

    def expect(self, mark: str, where: str) -> None:
        if self.try_take(re.compile(re.escape(mark))) is None:
            raise self.error(f"expected {mark!r} {where}, found {self.next_shown()}")

    def next_shown(self) -> str:
        rest = self.rest()
        return repr(rest[:12] + "…" if len(rest) > 13 else rest) if rest else "the end"

    def error(self, what: str, *, at: int | None = None, hint: str = EXAMPLE) -> UsageError:
        place = (self.at if at is None else at) + 1
        return UsageError(what, where=f"gate {self.text.strip()!r}, character {place}", hint=hint)


def _stat(scan: _Scan) -> tuple[str, float | None]:
    scan.skip()
    at = scan.at
    word = scan.take(_WORD, f"a statistic ({', '.join(('p95', *STATS))})")
    percentile = _PERCENTILE.fullmatch(word)
    if percentile and 0 < (percent := Decimal(percentile[1])) < 100:
        return f"p{percent.normalize():f}", float(percent / 100)
    if word in STATS:
        return word, 0.5 if word == "median" else None
    meant = _SYNONYMS.get(word.lower())
    guess = f"; did you mean {meant!r}?" if meant else nearest(word, ["p50", "p90", "p95", "p99", "p99.9", *STATS])
    raise scan.error(f"unknown statistic {word!r}; known: p<number between 0 and 100>, {', '.join(STATS)}{guess}", at=at)


def _tags(scan: _Scan) -> tuple[tuple[str, str], ...]:
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


def _operator(scan: _Scan) -> str:
    scan.skip()
    at = scan.at
    op = scan.take(_OPERATOR, f"one of {' '.join(OPERATORS)}")
    meant = {"=": "==", "≤": "<=", "≥": ">=", "=<": "<=", "=>": ">="}.get(op, op)
    if op not in OPERATORS:
        guess = f"; did you mean {meant!r}?" if meant in OPERATORS else ""
        raise scan.error(f"unknown comparison {op!r}; known: {' '.join(OPERATORS)}{guess}", at=at)
    return op


def _limit(scan: _Scan) -> tuple[str, float, Dimension]:
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


def _window(scan: _Scan) -> float | None:
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


def read_limit(text: str) -> tuple[float, Dimension]:
    """A quantity of any dimension; its unit says which: "2s", "1%", "150/s", "500MB", "5MB/s", "12".

    raises: UnitError with the known units
    """
    number, unit = _split(text)
    if not unit:
        return _finite(float(number), text), Dimension.NUMBER
    if unit == "%":
        return _finite(float(Decimal(number) / 100), text), Dimension.SHARE
    amount, slash, per = text.partition("/")
    if slash:
        if unit.startswith("/"):
            return parse_rate(text, negative=True), Dimension.RATE
        return parse_size(amount, negative=True) * parse_rate(f"1/{per}"), Dimension.SIZE_RATE
    if unit.lower() in {name.lower() for name in BYTES}:
        return float(parse_size(text, negative=True)), Dimension.SIZE
    try:
        return parse_duration(text, negative=True), Dimension.TIME
    except UnitError:
        known = ", ".join((*(name for name in SECONDS if name != "μs"), "%", "/s", "/m", "/h", *BYTES))
        raise UnitError(f"unknown unit {unit!r}; known: {known}", hint="2s, 1%, 150/s or 500MB") from None


def _split(text: str) -> tuple[str, str]:
    match = re.match(r"([+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*", text)
    if match is None:
        raise UnitError(f"{text!r} is not a limit", hint="2s, 1%, 150/s or 500MB")
    return match[1].replace("_", ""), text[match.end() :]


def _finite(value: float, text: str) -> float:
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is too large a number", hint="a number that can be reached")
    return value


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _seconds(seconds: float) -> str:
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{seconds!r}s"

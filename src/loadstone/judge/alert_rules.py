"""Rules of a monitor as people write them: `p95(http.response_time) warning > 1s critical > 5s for 2m clear 90%`.

rule  = VALUE { LEVEL OP LIMIT } { "for" DURATION | "recover" DURATION | "clear" SHARE | "again" DURATION }
VALUE = what a gate looks at: `p95(http.response_time{step=ask})`, `rate(http.errors)`, `max(target.memory)`
LEVEL = "warning" | "critical"
OP    = "<" | "<=" | ">" | ">="
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from loadstone.errors import Mistake, PlanError, UsageError
from loadstone.judge.limits import ReadyGate, resolve
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.gate_text import COURSE_STATS, STATS, GateSpec, parse_gate
from loadstone.units import parse_duration, parse_share

EXAMPLE = "p95(http.response_time) warning > 1s critical > 5s for 2m"
CLEAR_SHARE = 0.9
_PART = re.compile(r"\b(warning|critical|for|recover|clear|again)\b")
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    WARNING = 1
    CRITICAL = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A value and the limits beyond which somebody should know.

    name:        how messages and files call it
    limits:      statements that hold when a level is reached, as gates: warning `p95(x) > 1s`
    for_s:       the level must be reached all that time before it is told
    recover_s:   the value must be back all that time before the recovery is told; that of `for_s` when None
    clear_share: hysteresis: a level is left only on the good side of this share of its limit (for ">"; of its inverse for "<")
    again_s:     a level that stays is told again after so long; None: told once
    """

    name: str
    limits: Mapping[Level, GateSpec]
    for_s: float = 0.0
    recover_s: float | None = None
    clear_share: float = CLEAR_SHARE
    again_s: float | None = None

    @property
    def subject(self) -> str:
        """What it looks at."""
        return next(iter(self.limits.values())).subject


# Warning and critical levels that fit most services; `mean` and `for` keep a short burst of work from waking anybody.
BY_PROBES = ("target.", "machine.")  # what only a probe records
DEFAULT_RULES: Mapping[str, str] = {
    "response": "p95(http.response_time) warning > 1s critical > 5s",
    "errors": "rate(http.errors) warning > 5% critical > 20%",
    "memory": "max(target.memory) warning > 1GB critical > 2GB",
    "cpu": "mean(target.cpu) warning > 80% critical > 95%",
}


def parse_rule(text: str, name: str = "") -> AlertRule:
    """The rule that a text states; `NAME: RULE` names it.

    raises: UsageError with the text, what is wrong with it, and an example
    """
    head, colon, rest = text.partition(":")
    if colon and re.fullmatch(r"\s*[\w.-]+\s*", head):
        name, text = head.strip(), rest
    first, *parts = _PART.split(text.strip())
    subject = first.strip()
    found: dict[str, str] = {}
    for word, value in zip(parts[::2], parts[1::2], strict=True):
        if word in found:
            raise _wrong(text, f"{word!r} is given twice")
        found[word] = value.strip()
    limits = {level: _limit(text, subject, found[str(level)]) for level in (Level.WARNING, Level.CRITICAL) if str(level) in found}
    if not limits:
        raise _wrong(text, "it has no level: warning or critical")
    _need_order(text, limits)
    return AlertRule(
        name or subject,
        limits,
        for_s=_time(text, "for", found["for"]) if "for" in found else 0.0,
        recover_s=_time(text, "recover", found["recover"]) if "recover" in found else None,
        clear_share=_share(text, found["clear"]) if "clear" in found else CLEAR_SHARE,
        again_s=_time(text, "again", found["again"]) if "again" in found else None,
    )


def rules_of_gates(specs: Iterable[GateSpec]) -> list[AlertRule]:
    """Each gate turned round: what breaks it is critical. Those over windows, on goodput, a whole course and with == are left to runs."""
    return [
        AlertRule(f"gate {spec.subject}", {Level.CRITICAL: replace(spec, op=_OPPOSITE[spec.op], abort=False)})
        for spec in specs
        if spec.metric and spec.op in _OPPOSITE and spec.window_s is None and spec.slo is None and spec.stat not in COURSE_STATS
    ]


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule whose metric is known: each level with the gate that reaches it and the one that keeps it."""

    rule: AlertRule
    reach: Mapping[Level, ReadyGate]
    keep: Mapping[Level, ReadyGate]


def ready(rules: Iterable[AlertRule], catalogue: Catalogue, read: Collection[str] | None = None) -> tuple[list[ReadyRule], list[AlertRule]]:
    """The rules for one catalogue, and those that name a metric which nothing here records.

    read:   metrics that probes read here; None where nobody knows
    raises: PlanError with every limit that does not fit its metric
    """
    found, absent, mistakes = [], [], []
    for rule in rules:
        names = {spec.metric for spec in rule.limits.values()}
        unread = {name for name in names if name.startswith(BY_PROBES) and read is not None and name not in read}
        if unread or any(catalogue.get(name) is None for name in names):
            absent.append(rule)
            continue
        try:
            reach = {level: resolve(spec, catalogue, allow_few=True) for level, spec in rule.limits.items()}
        except UsageError as error:
            mistakes.append(Mistake(error.what, f"alert {rule.name}", error.hint))
            continue
        found.append(ReadyRule(rule, reach, {level: _kept(gate, rule.clear_share) for level, gate in reach.items()}))
    if mistakes:
        raise PlanError(mistakes)
    return found, absent


def _kept(gate: ReadyGate, share: float) -> ReadyGate:
    rising = gate.spec.op in {">", ">="}
    return replace(gate, limit=gate.limit * share if rising else gate.limit / share)


def _limit(text: str, subject: str, condition: str) -> GateSpec:
    try:
        spec = parse_gate(f"{subject} {condition}")
    except UsageError as error:
        raise _wrong(text, error.what) from None
    if spec.op not in _OPPOSITE or spec.window_s is not None or spec.abort or spec.slo is not None or spec.stat in COURSE_STATS:
        raise _wrong(text, f"{condition!r} is no limit of an alert; it has an operator ({', '.join(_OPPOSITE)}) and one value")
    return spec


def _need_order(text: str, limits: Mapping[Level, GateSpec]) -> None:
    if len(limits) < 2:
        return
    warning, critical = limits[Level.WARNING], limits[Level.CRITICAL]
    rising = critical.op in {">", ">="}
    same_way = (warning.op in {">", ">="}) == rising and warning.dimension == critical.dimension
    if not same_way or (critical.limit < warning.limit if rising else critical.limit > warning.limit):
        raise _wrong(text, "critical lies on the good side of warning, or they look different ways")


def _time(text: str, word: str, value: str) -> float:
    try:
        return parse_duration(value)
    except UsageError as error:
        raise _wrong(text, f"{word}: {error.what}") from None


def _share(text: str, value: str) -> float:
    try:
        share = parse_share(value)
    except UsageError as error:
        raise _wrong(text, f"clear: {error.what}") from None
    if not 0 < share <= 1:
        raise _wrong(text, f"clear: {value!r} is not more than 0% and at most 100%")
    return share


def _wrong(text: str, what: str) -> UsageError:
    return UsageError(f"{what}; a value has a statistic (p95, {', '.join(STATS)})", where=f"alert {text.strip()!r}", hint=EXAMPLE)

"""Gates made ready for one catalogue: the metric exists, has that statistic, and the limit is in its unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loadstone.clients.call import RAISED
from loadstone.clients.failure import Kind as FailureKind
from loadstone.clients.llm.transcript import Fault
from loadstone.clients.voice.speech_answers import BAD_ANSWER, NOT_SOUND, USELESS
from loadstone.errors import Mistake, PlanError, UsageError
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.plan.gate_text import COURSE_STATS, NONE_STATS, Dimension, GateSpec
from loadstone.stats.quantiles import least_samples, least_trials
from loadstone.units import BYTES, SECONDS, nearest

FAILURE_KINDS = tuple(str(kind) for kind in FailureKind)
KINDS_OF = {
    "http.errors": FAILURE_KINDS,
    "llm.errors": (*FAILURE_KINDS, *(str(fault) for fault in Fault)),
    "voice.stt_errors": (*FAILURE_KINDS, BAD_ANSWER),
    "voice.tts_errors": (*FAILURE_KINDS, NOT_SOUND, *sorted(USELESS)),
    "call.errors": (RAISED, str(FailureKind.TIMEOUT_TOTAL)),
    "sse.errors": (*FAILURE_KINDS, str(Fault.CONTENT_TYPE)),
}

# Tags that tell apart the members of a share (errors by kind, good answers by objective), and that its denominator therefore never carries.
DETAIL_TAGS = frozenset({"kind", "slo"})

STATS_OF = {
    Kind.DISTRIBUTION: ("p<number>", "median", "min", "max", "mean", "count", "sum", "drift"),
    Kind.COUNT: ("count", "sum", "rate", "throughput", "drift"),
    Kind.GAUGE: ("last", "min", "max", "mean", "growth", "leak"),
}


@dataclass(frozen=True, slots=True)
class ReadyGate:
    """A gate whose metric is known; limit and unit are the displayed ones (ms, %, /s, B …).

    floor: fewest samples on which its percentile is judged; 0 when any number will do
    """

    spec: GateSpec
    metric: Metric
    limit: float
    unit: str
    floor: int = 0


def resolve(spec: GateSpec, catalogue: Catalogue, *, allow_few: bool = False) -> ReadyGate:
    """The gate for this catalogue.

    allow_few: judge percentiles of any metric on any number of samples
    raises: UsageError for an unknown metric (with the nearest name), a statistic it does not have, or a limit of another unit
    """
    metric = known_metric(spec, catalogue)
    limit, unit = own_limit(spec, metric)
    floor = least_samples(spec.q) if spec.q is not None and metric.has_floors and not allow_few else 0
    return ReadyGate(spec, metric, limit, unit, floor)


def known_metric(spec: GateSpec, catalogue: Catalogue) -> Metric:
    """The metric of a statement, which has the statistic that is asked for; raises UsageError as `resolve` does."""
    metric = catalogue.get(spec.metric)
    if metric is None:
        raise _mistake(
            spec,
            f"unknown metric {spec.metric!r}{nearest(spec.metric, catalogue.names())}",
            "`loadstone metrics` lists all of them; what the suite records itself it declares under metrics:",
        )
    known = STATS_OF[metric.kind]
    if spec.stat not in known and not (spec.stat.startswith("p") and spec.q is not None and "p<number>" in known):
        raise _mistake(
            spec, f"{metric.name} is a {metric.kind} and has no {spec.stat!r}; it has {', '.join(known)}", f"{known[0]}({metric.name})"
        )
    if spec.stat in COURSE_STATS and (spec.window_s is not None or spec.abort):
        raise _mistake(spec, f"{spec.stat}() is about the whole run: it has no window and does not end it", f"{spec.subject} {spec.op} …")
    if spec.stat in {"rate", "drift"} and metric.kind is Kind.COUNT and metric.share_of is None:
        raise _mistake(spec, f"{metric.name} is not a share of anything, so it has no {spec.stat}", f"throughput({metric.name}) > 10/s")
    kind = dict(spec.tags).get("kind")
    kinds = KINDS_OF.get(metric.name)
    if kind is not None and kinds is not None and kind not in kinds:
        raise _mistake(spec, f"unknown kind of failure {kind!r}{nearest(kind, list(kinds))}", f"one of {', '.join(kinds)}")
    return metric


def base_tags(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Tags of what a share with these tags is a share of."""
    return {key: value for key, value in tags if key not in DETAIL_TAGS}


def trials_needed(spec: GateSpec) -> int:
    """Fewest trials on which a share that is as good as can be is sure to keep its limit; 0 for what is no share, or has no room."""
    spare = spec.limit if spec.op.startswith("<") else 1 - spec.limit
    return least_trials(spare) if spec.stat == "rate" and spec.op != "==" and 0 < spare < 1 else 0


def resolve_all(specs: Iterable[GateSpec], catalogue: Catalogue, *, allow_few: bool = False) -> list[ReadyGate]:
    """All gates of a run; raises PlanError with every mistake at once."""
    ready, mistakes = [], []
    for spec in specs:
        try:
            ready.append(resolve(spec, catalogue, allow_few=allow_few))
        except UsageError as error:
            mistakes.append(Mistake(error.what, error.where, error.hint))
    if mistakes:
        raise PlanError(mistakes)
    return ready


def own_limit(spec: GateSpec, metric: Metric) -> tuple[float, str]:
    """The limit in displayed units, and that unit; raises UsageError for one of another dimension."""
    value, got = spec.limit, spec.dimension
    if spec.stat in NONE_STATS:
        return 0.0, "%" if metric.share_of else metric.unit
    if spec.stat == "rate":
        # a bare 1 could be 1 % or all of them; below that only a share can be meant
        if (got is Dimension.SHARE or (got is Dimension.NUMBER and value < 1)) and 0 <= value <= 1:
            return value * 100, "%"
        raise _mistake(
            spec, f"rate() is a share of {metric.share_of}, and {spec.limit_text!r} is not a share from 0% to 100%", "rate(…) < 1%"
        )
    if spec.stat == "throughput":
        if metric.unit in BYTES and got is Dimension.SIZE_RATE:
            return value / BYTES[metric.unit], f"{metric.unit}/s"
        if metric.unit not in BYTES and got is Dimension.RATE:
            return value, "/s" if metric.unit == "1" else f"{metric.unit}/s"
        want = "5MB/s" if metric.unit in BYTES else "150/s"
        raise _mistake(
            spec, f"throughput({metric.name}) is per second, and {spec.limit_text!r} is {got}", f"throughput({metric.name}) > {want}"
        )
    if spec.stat == "count":
        if got is Dimension.NUMBER:
            return value, "1"
        raise _mistake(spec, f"count() is a number, and {spec.limit_text!r} is {got}", f"count({metric.name}) > 100")
    return _plain_limit(spec, metric), metric.unit


def _plain_limit(spec: GateSpec, metric: Metric) -> float:
    value, got, unit = spec.limit, spec.dimension, metric.unit
    if unit in SECONDS and got is Dimension.TIME:
        return value / SECONDS[unit]
    if unit in BYTES and (got is Dimension.SIZE or got is Dimension.NUMBER):
        return value / (BYTES[unit] if got is Dimension.SIZE else 1)
    if unit == "%" and (got is Dimension.SHARE or got is Dimension.NUMBER):
        return value * 100 if got is Dimension.SHARE else value
    if unit.endswith("/s") and (got is Dimension.RATE or got is Dimension.NUMBER):
        return value
    if got is Dimension.NUMBER and unit not in SECONDS:
        return value
    example = "2s" if unit in SECONDS else "500MB" if unit in BYTES else "90%" if unit == "%" else "12"
    what = f"{metric.name} is measured in {unit}, and {spec.limit_text!r} is {got}" if unit != "1" else f"{metric.name} is a plain number"
    raise _mistake(spec, what, f"{spec.subject} {spec.op} {example}")


def _mistake(spec: GateSpec, what: str, hint: str) -> UsageError:
    return UsageError(what, where=spec.where, hint=hint)

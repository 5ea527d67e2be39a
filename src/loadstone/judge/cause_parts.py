"""Where a gate failed: which step, scenario, agent or other tag carries what is too much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from loadstone.judge.cause import Cause, CauseKind, Failed, cause
from loadstone.judge.excess import Tally, tally_of_part
from loadstone.measure.catalogue import Kind
from loadstone.measure.snapshot import View
from loadstone.stats.lift import lift
from loadstone.units import format_share

LEAST_EVENTS = 5
LEAST_SHARE = 0.5  # of the events
LEAST_LIFT = 1.5  # lower end of its 99 % interval
LEAST_SAMPLES = 30  # of a mean
MOST_VALUES = 50  # of one tag; a tag with more names single requests, not parts
SILENT_TAGS = frozenset({"kind", "outcome", "slo", "worker", "probe", "shared", "code"})  # results, and who measured


def parts(failed: Failed, view: View) -> list[Cause]:
    """The parts that carry most of what is too much, each only once."""
    gate = failed.gate
    if gate.metric.kind is Kind.GAUGE or not (failed.counted or (gate.spec.stat == "mean" and failed.upper)):
        return []
    whole = tally_of_part(gate, view, {})
    found: dict[tuple[float, float], list[tuple[str, Tally]]] = {}
    for name, tally in _tallies(failed, view):
        found.setdefault((tally.events, tally.base), []).append((name, tally))
    causes = []
    for same in found.values():
        names = ", ".join(name for name, _ in same)
        made = _counted(names, same[0][1], whole) if failed.counted else _mean(names, same[0][1], whole, gate.limit)
        if made is not None and not _wider(same[0][1], (other[0][1] for other in found.values())):
            causes.append(made)
    return causes


def _tallies(failed: Failed, view: View) -> Iterator[tuple[str, Tally]]:
    gate = failed.gate
    fixed = {key for key, _ in gate.spec.tags} | SILENT_TAGS
    values: dict[str, set[str]] = {}
    for name in {gate.metric.name, gate.metric.share_of} - {None}:
        for series in view.series(name or ""):
            if all(dict(series.tags).get(key) == value for key, value in gate.spec.tags if key not in SILENT_TAGS):
                for key, value in series.tags:
                    if key not in fixed:
                        values.setdefault(key, set()).add(value)
    for key, known in sorted(values.items()):
        if len(known) <= MOST_VALUES:
            for value in sorted(known):
                yield f"{key}={value}", tally_of_part(gate, view, {key: value})


def _counted(name: str, part: Tally, whole: Tally) -> Cause | None:
    if part.events < LEAST_EVENTS or part.base >= whole.base:
        return None
    share, fair = part.events / whole.events, part.base / whole.base
    found = lift(part.events, part.base, whole.events - part.events, whole.base - part.base)
    if found is None or share < LEAST_SHARE or found.low < LEAST_LIFT:
        return None
    rest = whole.events - part.events
    beside = f"elsewhere {format_share(round(rest / (whole.base - part.base), 4))}" if rest else "elsewhere none"
    text = (
        f"{name} carries {format_share(round(share, 3))} of what is past the limit, with {format_share(round(fair, 3))} of the samples: "
        f"{format_share(round(part.rate, 4))} of its own are past it, {beside}"
    )
    strength = share * (1 - 1 / found.low)
    return cause(CauseKind.PART, name, text, strength, share=share, fair=fair, lift=found.ratio, events=part.events)


def _mean(name: str, part: Tally, whole: Tally, limit: float) -> Cause | None:
    rest = Tally(whole.events - part.events, whole.base - part.base)
    too_much = whole.events - limit * whole.base
    if min(part.base, rest.base) < LEAST_SAMPLES or too_much <= 0 or rest.rate <= 0:
        return None
    share, ratio = (part.events - limit * part.base) / too_much, part.rate / rest.rate
    if share < LEAST_SHARE or ratio < LEAST_LIFT:
        return None
    fair = part.base / whole.base
    text = f"{name} is {ratio:.1f} times as high as the rest: {format_share(round(min(share, 1.0), 3))} of what is too much is its own"
    return cause(CauseKind.PART, name, text, min(share, 1.0) * (1 - 1 / ratio), share=min(share, 1.0), fair=fair, lift=ratio)


def _wider(part: Tally, others: Iterable[Tally]) -> bool:
    """Is there a part with (nearly) all of its events and fewer samples? Then that one says more."""
    return any(other.base < part.base and other.events >= 0.95 * part.events for other in others)

"""The figures of a run that runs are compared by: which there are, and what they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from loadstone.errors import UsageError
from loadstone.judge.limits import ReadyGate, known_metric
from loadstone.judge.readings import read
from loadstone.judge.recorded import Figure, Sections, Share
from loadstone.judge.works import main_texts, tags_of, texts_by
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.snapshot import Series, View
from loadstone.plan.gate_text import GateSpec, parse_gate
from loadstone.stats.quantiles import least_samples
from loadstone.units import BYTES, nearest

MOST_FIGURES = 200
OURS = ("generator.", "load.", "iteration.")  # the generator's own doing, and what scripts add up to
# Tags by which figures are told apart beside the whole; other tags (kind, worker, outcome) say what happened, not what was asked.
WHOSE = ("step", "agent", "path", "scenario")
PERCENTILES = ("p50", "p95")


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure, and how it is read from a run."""

    figure: Figure
    gate: ReadyGate


def asked_for(text: str, catalogue: Catalogue) -> Asked:
    """The figure that a text such as `p95(http.response_time{step=ask})` names.

    raises: UsageError for an unknown metric, a statistic it does not have, or a metric of which neither way is better
    """
    try:
        spec = parse_gate(f"{text} < 1")
        return _asked(spec, known_metric(spec, catalogue))
    except UsageError as error:  # of the limit, which nobody wrote, nothing is said
        raise UsageError(error.what, where=f"figure {text!r}", hint=error.hint) from None


def main_figures(view: View, catalogue: Catalogue) -> list[Asked]:
    """What decides whether a run is worse when nobody says: see `works.main_texts`."""
    return [asked_for(text, catalogue) for text in main_texts(view, catalogue)]


def figures_by(view: View, catalogue: Catalogue, tag: str) -> list[Asked]:
    """Times and failures for each value of a tag; raises UsageError, with those that there are, when nothing carries it."""
    found = texts_by(view, tag)
    if not found:
        known = tags_of(view)
        hint = f"one of {', '.join(known)}" if known else "a run that measured something"
        raise UsageError(f"the times of this run have no tag {tag!r}{nearest(tag, known)}", where="flag --by", hint=hint)
    return [asked_for(text, catalogue) for text in found]


def usual_figures(view: View, catalogue: Catalogue) -> list[Asked]:
    """What runs are compared by when nobody says: p50 and p95 of times, shares, throughputs and means of levels.

    Of metrics that know a better way only; of each as a whole and by step, agent, path and scenario.
    """
    return [_asked(parse_gate(f"{text} < 1"), metric) for text, metric in _texts(view, catalogue)][:MOST_FIGURES]


def figures_of(view: View, asked: Iterable[Asked]) -> tuple[dict[str, float], dict[str, Share], dict[str, int]]:
    """Values, shares and samples by figure; what the run does not have is missing, and what only has a lower end is inf."""
    figures: dict[str, float] = {}
    shares: dict[str, Share] = {}
    samples: dict[str, int] = {}
    for each in asked:
        name = each.figure.name
        if each.figure.is_share:
            share = _share(view, each.gate)
            if share.samples:
                shares[name] = share
            continue
        reading = read(each.gate, view)
        if not reading.missing:
            figures[name], samples[name] = reading.high, reading.samples
    return figures, shares, samples


def sections_of(parts: Sequence[View], asked: Asked) -> Sections:
    """One figure over the sections of a run, for comparisons that know how much it varied inside."""
    gate, tags = asked.gate, dict(asked.gate.spec.tags)
    if asked.figure.is_share:
        return Sections(shares=[share for part in parts if (share := _share(part, gate)).samples])
    if gate.metric.kind is Kind.DISTRIBUTION and gate.spec.q is not None:
        found = [part.distribution(gate.metric.name, tags) for part in parts]
        return Sections(times=[each for each in found if each is not None], q=gate.spec.q, unit_size=gate.metric.scale)
    readings = [read(gate, part, quiet_is_zero=True) for part in parts]
    return Sections(levels=[reading.high for reading in readings if not reading.missing])


def _asked(spec: GateSpec, metric: Metric) -> Asked:
    if metric.better == "neither":
        raise UsageError(f"of {metric.name} neither more nor less is better", where=f"figure {spec.subject!r}", hint="loadstone metrics")
    unit = _unit(spec, metric)
    figure = Figure(spec.subject, unit, metric.better, is_share=spec.stat == "rate")
    floor = least_samples(spec.q) if spec.q is not None else 0
    return Asked(figure, ReadyGate(spec, metric, 0.0, unit, floor))


def _unit(spec: GateSpec, metric: Metric) -> str:
    if spec.stat == "rate":
        return "%"
    if spec.stat == "throughput":
        return f"{metric.unit}/s" if metric.unit in BYTES else "/s" if metric.unit == "1" else f"{metric.unit}/s"
    return "1" if spec.stat == "count" else metric.unit


def _share(view: View, gate: ReadyGate) -> Share:
    reading = read(gate, view)
    return Share(0, 0) if reading.missing else Share(round(reading.low / 100 * reading.samples), reading.samples)


def _texts(view: View, catalogue: Catalogue) -> Iterator[tuple[str, Metric]]:
    for name in catalogue.names():
        metric = catalogue.get(name)
        if metric is None or metric.better == "neither" or name.startswith(OURS):
            continue
        series = view.series(name)
        if not series and not (metric.share_of and view.series(metric.share_of)):
            continue
        for tags in ("", *_whose(series)):
            for stat in statistics_of(metric):
                yield f"{stat}({name}{tags})", metric


def statistics_of(metric: Metric) -> tuple[str, ...]:
    """The statistics of a metric that runs are compared by."""
    if metric.kind is Kind.DISTRIBUTION:
        return PERCENTILES
    if metric.kind is Kind.GAUGE:
        return ("mean", "max")
    return ("rate",) if metric.share_of else ("throughput",)


def _whose(series: Sequence[Series]) -> list[str]:
    """Tag texts of the parts of a metric, where there is more than one part."""
    values = {key: _values(series, key) for key in WHOSE}
    return [f'{{{key}="{value}"}}' for key in WHOSE for value in values[key] if len(values[key]) > 1]


def _values(series: Iterable[Series], key: str) -> list[str]:
    return sorted({value for one in series for own, value in one.tags if own == key})

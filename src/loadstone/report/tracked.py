"""The figures of a run that are worth following from run to run, as services that draw histories of benchmarks take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from loadstone.measure.catalogue import Catalogue, Metric
from loadstone.report.document import Count, Distribution, Document, Figures, Gate, Level

OURS = ("generator.", "load.", "iteration.")  # the generator's own doing
STATISTICS = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Tracked:
    """A number that is better when it is smaller, or when it is greater.

    name:      as gates write it: `p95(http.response_time{step="ask"})`
    step:      of which step it is; empty for the whole run
    statistic: p95, rate, mean, max
    low, high: ends of its 95 % interval, where a gate computed one
    """

    name: str
    metric: str
    step: str
    statistic: str
    value: float
    unit: str
    smaller_is_better: bool
    low: float | None = None
    high: float | None = None


def tracked(document: Document, catalogue: Catalogue) -> list[Tracked]:
    """Percentiles of times, shares and rates of counts, levels of the target: of the whole run, and times by step.

    What has no value is left out, and so is a percentile that rests on too few samples, and a metric of which neither way is better.
    """
    intervals = {gate.gate: gate for gate in document.gates}
    found = list(_of_all(document.metrics, document.metrics, catalogue, "", intervals))
    if len({step.step for step in document.steps}) > 1:
        for step in document.steps:
            times = {name: figures for name, figures in step.metrics.items() if isinstance(figures, Distribution)}
            found += _of_all(times, step.metrics, catalogue, step.step, intervals)
    return found


def _of_all(
    wanted: Mapping[str, Figures], known: Mapping[str, Figures], catalogue: Catalogue, step: str, gates: Mapping[str, Gate]
) -> Iterator[Tracked]:
    for name, figures in wanted.items():
        metric = catalogue.get(name)
        if metric is None or metric.better == "neither" or name.startswith(OURS):
            continue
        for statistic, value, unit in _values(figures, metric, known):
            subject = f'{name}{{step="{step}"}}' if step else name
            text = f"{statistic}({subject})"
            gate = next((gate for words, gate in gates.items() if words.startswith(f"{text} ") and gate.unit == unit), None)
            low, high = (gate.low, gate.high) if gate else (None, None)
            yield Tracked(text, name, step, statistic, value, unit, metric.better == "lower", low, high)


def _values(figures: Figures, metric: Metric, known: Mapping[str, Figures]) -> Iterator[tuple[str, float, str]]:
    match figures:
        case Distribution():
            for statistic in STATISTICS:
                value = getattr(figures, statistic)
                if value is not None and statistic not in figures.too_few:
                    yield statistic, value, figures.unit
        case Count(count=int(count), rate=rate):
            whole = known.get(metric.share_of or "")
            if metric.share_of is None and rate is not None:
                yield "rate", rate, f"{'' if figures.unit == '1' else figures.unit}/s"
            elif isinstance(whole, Count) and whole.count:
                yield "rate", round(100 * count / whole.count, 6), "%"
        case Level(mean=float(mean), max=float(greatest)):
            yield "mean", mean, figures.unit
            yield "max", greatest, figures.unit

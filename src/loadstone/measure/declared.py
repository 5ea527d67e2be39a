"""The catalogue of one plan: the built-in metrics, those of plug-ins, and those that the plan declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loadstone.errors import Mistake, PlanError
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.plan.model import Plan
from loadstone.plan.own_metrics import FINEST, MetricLine
from loadstone.units import nearest


def declared(lines: Mapping[str, MetricLine]) -> tuple[Metric, ...]:
    """What a plan declares, in the words of the catalogue."""
    return tuple(_metric(name, line) for name, line in lines.items())


def catalogue_of(plan: Plan, recorded: Iterable[Metric] = ()) -> Catalogue:
    """Everything that the plan's gates and reports can name.

    recorded: what scripts recorded without declaring it
    raises:   PlanError for a name that is taken, and for a share of what is no count
    """
    catalogue, mistakes = Catalogue(), []
    own = declared(plan.metrics)
    for metric in own:
        if catalogue.get(metric.name) is not None:
            what = f"the name {metric.name!r} is taken by a metric that is known already"
            mistakes.append(Mistake(what, f"metrics.{metric.name}", f"my.{metric.name.partition('.')[2] or metric.name}"))
    for metric in own:
        catalogue.add(metric)
    for metric in own:
        whole = catalogue.get(metric.share_of) if metric.share_of else None
        if metric.share_of and (whole is None or whole.kind is not Kind.COUNT or whole is metric):
            counts = [name for name in catalogue.names() if catalogue[name].kind is Kind.COUNT and name != metric.name]
            what = f"share_of names {metric.share_of!r}, which is no other count{nearest(metric.share_of, counts)}"
            mistakes.append(Mistake(what, f"metrics.{metric.name}.share_of", "a metric with kind: count"))
    if mistakes:
        raise PlanError(mistakes)
    for metric in recorded:
        catalogue.add(metric)
    return catalogue


def _metric(name: str, line: MetricLine) -> Metric:
    kind = Kind(line.kind)
    scale = line.scale if line.scale is not None else FINEST if kind is Kind.DISTRIBUTION else 1.0
    return Metric(name, line.unit, kind, line.better, line.meaning, scale, line.share_of)

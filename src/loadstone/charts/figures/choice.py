"""Which charts a run has: those of the list, then one for each metric that none of them shows."""

from __future__ import annotations

from collections.abc import Sequence

from loadstone.charts.figures.figure import Figure
from loadstone.charts.figures.lines import Row, by_tag
from loadstone.charts.figures.panels import PANELS, Lines, Panel
from loadstone.charts.figures.recorded import Recorded
from loadstone.errors import UsageError
from loadstone.measure.catalogue import Kind
from loadstone.units import nearest

# A sheet shows those of these that a run has: what most readers look for first.
MAIN = (
    "latency",
    "throughput",
    "llm_ttft",
    "llm_gaps",
    "ws_round_trip",
    "ws_messages",
    "voice_gap",
    "voice_parts",
    "latency_parts",
    "errors",
    "distribution",
    "ecdf",
    "users",
    "target_cpu",
    "target_memory",
    "generator_cpu",
)
MOST_MAIN = 8
_NEVER = {"load.time", "iteration.interrupted", "llm.concurrency", "probe.readings"}
_SHOWN = _NEVER | {row.metric for panel in PANELS if isinstance(panel, Lines) for row in panel.rows}
_SHOWN |= {panel.metric for panel in PANELS if not isinstance(panel, Lines)}
_TAGS = ("step", "scenario", "process", "instance", "check", "kind", "device", "interface")


def panels_of(recorded: Recorded) -> list[Panel]:
    """Charts that have something to show, in the order of the list; metrics without a chart come last, by name."""
    others = [_other(recorded, metric) for metric in recorded.names() if metric not in _SHOWN]
    return [panel for panel in (*PANELS, *others) if panel.figure(recorded) is not None]


def chosen(recorded: Recorded, names: Sequence[str]) -> list[Figure]:
    """The charts of these names; raises UsageError for one that is unknown, or that has nothing to show in this run."""
    found = {panel.name: panel for panel in panels_of(recorded)}
    known = list(dict.fromkeys((*found, *(panel.name for panel in PANELS))))
    figures: list[Figure] = []
    for name in names:
        if name not in known:
            raise UsageError(f"unknown plot {name!r}{nearest(name, known)}", where="flag --plot", hint="loadstone report RUN --plots")
        figure = found[name].figure(recorded) if name in found else None
        if figure is None:
            has = ", ".join(found) or "none: nothing was kept over time"
            raise UsageError(f"the run has no data for the plot {name!r}", where="flag --plot", hint=f"one that it has ({has})")
        figures.append(figure)
    return figures


def main_figures(recorded: Recorded) -> list[Figure]:
    """Those of a sheet; a run that has none of them shows its first ones."""
    found = {panel.name: panel for panel in panels_of(recorded)}
    names = [name for name in MAIN if name in found] or list(found)
    return [figure for name in names[:MOST_MAIN] if (figure := found[name].figure(recorded)) is not None]


def _other(recorded: Recorded, metric: str) -> Lines:
    """Quantiles of a distribution, the rate of a count, a level with its extremes."""
    kind, unit, name = recorded.kind(metric), recorded.unit(metric), f"metric:{metric}"
    if kind is Kind.DISTRIBUTION:
        rows = tuple(Row(metric, stat, stat, colour) for stat, colour in (("p50", "1"), ("p95", "5"), ("p99", "2")))
        return Lines(name, f"{metric}, p50, p95 and p99", unit, rows)
    tag = next((each for each in _TAGS if len(recorded.values(each, metric)) > 1), "")
    if kind is Kind.COUNT:
        row, title = Row(metric, "rate", "rate", "1"), f"{metric} per second"
        unit = "B/s" if unit == "B" else unit or "1/s"
    else:
        row, title = Row(metric, "mean", "mean", "1", band=not tag), metric
    rows = tuple(by_tag(recorded, row, tag)) if tag else (row,)
    leak = metric if kind is Kind.GAUGE else ""
    return Lines(name, title, unit, rows, from_zero=recorded.unit(metric) != "B", leak=leak)

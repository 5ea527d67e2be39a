"""A run as a tidy table: one number a line, with the time, metric, tags and statistic that it belongs to.

`time_s` is the end of a stretch, in seconds since the run's start; empty in the lines of the judged part as a whole. A stretch that
is not judged says so in its tags (`phase=warm-up`). A number that is not there has no line: an empty value is never zero.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.plain_text import plain
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.measure.timeline import Stretch
from loadstone.report.account import Account, Line
from loadstone.report.difference_table import DifferencePart, part_of
from loadstone.report.document import Count, Distribution, Figures, Level
from loadstone.report.telling import figures
from loadstone.report.told import Told
from loadstone.report.trend import trend_document_of

if TYPE_CHECKING:
    from loadstone.report.document import Document
    from loadstone.report.trend import Trend

COLUMNS = ("time_s", "metric", "tags", "statistic", "value", "unit")
DISTRIBUTION = ("count", "beyond", "mean", "min", "p50", "p90", "p95", "p99", "p99_9", "max")
OVER_TIME = frozenset({"count", "mean", "p50", "p95", "p99", "max"})
LEVEL = ("last", "mean", "min", "max")
LONGEST_TAG = 200


def render_csv(told: Told | Account) -> bytes:
    """UTF-8, a comma between cells, lines ended as RFC 4180 has them."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(
        ["" if cell is None else cell for cell in line] for line in (told.lines if isinstance(told, Account) else lines_of(told))
    )
    return file.getvalue().encode()


def lines_of(told: Told) -> Iterator[Line]:
    """The lines that the view wants: the comparison, the histories, the gates, or everything that was measured."""
    match told.view:
        case "regression":
            yield from difference_lines(map(part_of, told.compared.found.differences if told.compared is not None else ()))
        case "trend":
            yield from history_lines(told.trends)
        case "decision":
            yield from _gates(told)
        case "performance":
            yield from document_lines(told.document)
            yield from _gates(told)
            for stretch in told.timeline:
                yield from _stretch(stretch, told.catalogue)


def tag_text(tags: tuple[tuple[str, str], ...]) -> str:
    """`key=value` with semicolons between; those that belong to a key or a value stand behind a backslash."""
    return ";".join(f"{_escaped(key)}={_escaped(value)}" for key, value in tags)


def _escaped(text: str) -> str:
    return plain(text, LONGEST_TAG).replace("\\", "\\\\").replace(";", "\\;").replace("=", "\\=")


def document_lines(run: Document, more: tuple[tuple[str, str], ...] = ()) -> Iterator[Line]:
    """The judged part of a run as a whole, and of each step; `more` are further tags of every line."""
    for name, found in run.metrics.items():
        yield from _numbers(None, name, tag_text(more), found)
    for step in run.steps:
        tags = tag_text((*more, *((("scenario", step.scenario), ("step", step.step)) if step.scenario else (("step", step.step),))))
        for name, found in step.metrics.items():
            yield from _numbers(None, name, tags, found)


def _stretch(stretch: Stretch, catalogue: Catalogue) -> Iterator[Line]:
    """Each series, and the metric as a whole where it has several."""
    snapshot = stretch.snapshot()
    whole = Aggregate.of(snapshot)
    phase = () if stretch.judged else (("phase", stretch.phase or "not judged"),)
    tables = (snapshot.distributions, snapshot.counts, snapshot.gauges)
    for name in sorted({series.metric for table in tables for series in table}):
        metric, several = catalogue.get(name), whole.series(name)
        if metric is None:
            continue
        if len(several) > 1 or several[0].tags:
            yield from _of_stretch(stretch.end_s, name, tag_text(phase), figures(whole, metric))
        for series in several:
            found = figures(whole if len(several) == 1 else Aggregate.of(_alone(snapshot, series)), metric)
            yield from _of_stretch(stretch.end_s, name, tag_text((*series.tags, *phase)), found)


def _of_stretch(end_s: float, metric: str, tags: str, found: Figures) -> Iterator[Line]:
    """Of times, what a chart is drawn from: a run of many series would else be several times as long."""
    for line in _numbers(round(end_s, 3), metric, tags, found):
        if not isinstance(found, Distribution) or line.statistic in OVER_TIME:
            yield line


def _alone(snapshot: Snapshot, series: Series) -> Snapshot:
    """One series of a stretch, with the scenarios' times under load that rates are divided by."""
    counts = {each: count for each, count in snapshot.counts.items() if each == series or each.metric == "load.time"}
    distributions = {series: snapshot.distributions[series]} if series in snapshot.distributions else {}
    gauges = {series: snapshot.gauges[series]} if series in snapshot.gauges else {}
    return Snapshot(snapshot.seq, snapshot.start_s, snapshot.end_s, snapshot.judged, snapshot.phase, distributions, counts, gauges)


def _numbers(time_s: float | None, metric: str, tags: str, found: Figures) -> Iterator[Line]:
    match found:
        case Distribution():
            named = [(name, getattr(found, name)) for name in DISTRIBUTION] if found.count or found.beyond else []
        case Count():
            named = [("count", found.count), ("rate", found.rate)]
        case Level():
            named = [(name, getattr(found, name)) for name in LEVEL]
    for statistic, value in named:
        if value is not None:
            unit = "1" if statistic in {"count", "beyond"} and isinstance(found, Distribution) else found.unit
            yield Line(time_s, plain(metric, LONGEST_TAG), tags, statistic, value, f"{unit}/s" if statistic == "rate" else unit)


def _gates(told: Told) -> Iterator[Line]:
    """Value, interval and limit of each gate, and its answer as a number: 1 holds, 0 does not; none without data."""
    for gate in told.document.gates:
        named = (("value", gate.value), ("low", gate.low), ("high", gate.high), ("limit", gate.limit), ("samples", gate.samples))
        answer = {"pass": 1, "fail": 0}.get(gate.status)
        for statistic, value in (*named, ("holds", answer)):
            if value is not None:
                unit = "1" if statistic in {"samples", "holds"} else gate.unit
                yield Line(gate.at_s, "gate", tag_text((("gate", gate.gate),)), statistic, value, unit)


def difference_lines(differences: Iterable[DifferencePart]) -> Iterator[Line]:
    """Both values of each figure, the ratio with its interval, and what is tolerated."""
    for each in differences:
        tags = tag_text((("answer", each.answer),))
        for statistic in ("before", "after", "ratio", "low", "high", "limit"):
            value = getattr(each, statistic)
            if value is not None:
                unit = each.unit if statistic in {"before", "after"} else "1"
                yield Line(None, plain(each.figure, LONGEST_TAG), tags, statistic, value, unit)


def history_lines(trends: Mapping[str, Trend]) -> Iterator[Line]:
    """A line for each run that has the figure."""
    for figure, trend in trends.items():
        document = trend_document_of(figure, "", trend)
        for history, raw in zip(document.histories, trend.histories, strict=True):
            for run, value in zip(history.runs, history.values, strict=True):
                tags = tag_text((("machine", history.machine), ("run", run)))
                yield Line(None, plain(figure, LONGEST_TAG), tags, "value", value, raw.figure.unit)

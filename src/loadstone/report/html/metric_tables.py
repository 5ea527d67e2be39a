"""What was measured as tables: steps first, then distributions, counts and levels by the part of the system they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from loadstone.measure.catalogue import FLOORED, Catalogue
from loadstone.report.document import Count, Distribution, Document, Figures, Level, Step
from loadstone.report.html.table import NONE, SPREAD, Cell, Row, Table, amount, errors_cell, measured, spread
from loadstone.report.text_latency import RESPONSE, SERVICE, TITLES
from loadstone.units import format_count, format_rate

GROUPS = (  # prefix of the metric's name -> title; the first that fits
    (("http.",), "HTTP"),
    (("sse.",), "Event streams"),
    (("llm.",), "Language model"),
    (("ws.",), "WebSockets"),
    (("call.",), "Calls in process"),
    (("iteration.", "check."), "Users and checks"),
    (("target.", "machine.", "gpu."), "Target"),
    (("load.",), "Load"),
    (("generator.", "probe."), "Generator and probes"),
)
OWN = "Metrics of the suite"
STEP_TIMES = ("llm.ttft", "llm.tpot", "llm.e2e", "ws.round_trip_time", "sse.first_event", SERVICE)


def metric_tables(document: Document, catalogue: Catalogue) -> list[Table]:
    """All tables in which something was measured; the table of steps first."""
    found = steps_table(document)
    return [*found, *_grouped(document, catalogue)]


def steps_table(document: Document) -> list[Table]:
    """One row per step and one for all: requests, rate, errors, response time."""
    steps = [step for step in document.steps if measured(step.metrics.get(RESPONSE))]
    if not measured(document.metrics.get(RESPONSE)):
        return []
    several = len({step.scenario for step in document.steps}) > 1
    rows = [_step_row(_name(step, several=several), step.metrics, _tags(step)) for step in steps]
    if len(rows) != 1:
        rows.append(_step_row("all", document.metrics, {}))
    note = "ms, from the moment a request was due to its last byte; service times count from the moment it was sent"
    columns = ("step", "requests", "rate", "errors", *TITLES.values(), "max", "service p50", "service p95")
    return [Table("steps", "Steps", columns, rows, note)]


def _step_row(name: str, metrics: dict[str, Figures], tags: dict[str, str]) -> Row:
    requests = metrics.get("http.requests")
    cells = [_count_cell(requests, "http.requests"), _rate_cell(requests, "http.requests")]
    cells += [errors_cell(metrics.get("http.errors"), requests)]
    cells += spread(metrics.get(RESPONSE), RESPONSE)[1:]
    service = spread(metrics.get(SERVICE), SERVICE)
    return Row(name, [*cells, service[1], service[3]], tags)


def _grouped(document: Document, catalogue: Catalogue) -> Iterable[Table]:
    left = {name: values for name, values in document.metrics.items() if measured(values)}
    for prefixes, title in (*GROUPS, (("",), OWN)):
        mine = {name: left.pop(name) for name in list(left) if name.startswith(prefixes)}
        key = title.lower().replace(" ", "-")
        times = [name for name, values in mine.items() if isinstance(values, Distribution)]
        counts = [name for name, values in mine.items() if isinstance(values, Count)]
        levels = [name for name, values in mine.items() if isinstance(values, Level)]
        if times:
            rows = [row for name in times for row in _time_rows(document, catalogue, name)]
            yield Table(f"{key}-times", title, ("metric", *SPREAD), rows, _unit_note(mine[name] for name in times))
        if counts:
            rows = [_count_row(name, mine[name], catalogue) for name in counts]
            yield Table(f"{key}-counts", "Counts" if times else f"{title}: counts", ("metric", "count", "rate"), rows, inner=bool(times))
        if levels:
            rows = [_level_row(name, mine[name], catalogue) for name in levels]
            yield Table(
                f"{key}-levels",
                "Levels" if times or counts else title,
                ("metric", "least", "mean", "greatest", "last"),
                rows,
                inner=bool(times or counts),
            )


def _time_rows(document: Document, catalogue: Catalogue, name: str) -> list[Row]:
    values, floors = document.metrics[name], name.startswith(FLOORED)
    rows = [Row(_with_unit(name, values, plain="ms"), spread(values, name, floors=floors), meaning=meaning(catalogue, name))]
    steps = [step for step in document.steps if measured(step.metrics.get(name))]
    if name in STEP_TIMES and len(steps) > 1:
        several = len({step.scenario for step in steps}) > 1
        rows += [
            Row(_name(step, several=several), spread(step.metrics.get(name), name, floors=floors), _tags(step), inner=True)
            for step in steps
        ]
    return rows


def _count_row(name: str, values: Figures, catalogue: Catalogue) -> Row:
    metric = catalogue.get(name)
    whole = (metric.share_of or "") if metric is not None else ""
    cells = [replace(cell, whole=whole) for cell in (_count_cell(values, name), _rate_cell(values, name))]
    return Row(_with_unit(name, values, plain="1"), cells, meaning=meaning(catalogue, name))


def _with_unit(name: str, values: Figures, plain: str) -> str:
    """The metric's name, with its unit where that is not what the table's other rows have."""
    unit = {"1": "number", "": "number"}.get(values.unit, values.unit)
    return name if values.unit in (plain, "B") else f"{name} [{unit}]"


def _level_row(name: str, values: Figures, catalogue: Catalogue) -> Row:
    assert isinstance(values, Level)
    ends = (("min", values.min), ("mean", values.mean), ("max", values.max), ("last", values.last))
    cells = [Cell(amount(value, values.unit), name, stat) for stat, value in ends]
    return Row(name, cells, meaning=meaning(catalogue, name))


def _count_cell(values: Figures | None, name: str) -> Cell:
    if not isinstance(values, Count) or values.count is None:
        return Cell(NONE, name, "count", "dim")
    return Cell(amount(values.count, values.unit) if values.unit == "B" else format_count(values.count), name, "count")


def _rate_cell(values: Figures | None, name: str) -> Cell:
    if not isinstance(values, Count) or values.rate is None:
        return Cell(NONE, name, "rate", "dim")
    return Cell(amount(values.rate, "B/s") if values.unit == "B" else format_rate(values.rate), name, "rate")


def _unit_note(values: Iterable[Figures]) -> str:
    return "ms" if any(each.unit == "ms" for each in values) else ""


def meaning(catalogue: Catalogue, name: str) -> str:
    """What the catalogue says of a metric; empty for one that is not in it."""
    metric = catalogue.get(name)
    return metric.meaning if metric is not None else ""


def _name(step: Step, *, several: bool) -> str:
    return f"{step.scenario} / {step.step}" if several and step.scenario else step.step


def _tags(step: Step) -> dict[str, str]:
    return {"scenario": step.scenario, "step": step.step} if step.scenario else {"step": step.step}


def step_names(tables: Sequence[Table]) -> list[str]:
    """The steps that rows name, in their order: what a filter offers."""
    return list(dict.fromkeys(row.tags["step"] for table in tables for row in table.rows if "step" in row.tags))

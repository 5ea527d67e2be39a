"""Tables as the page shows them: texts made here, and for each cell what the page needs to compute it again for a window of time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadstone.report.document import Count, Distribution, Figures, Level
from loadstone.report.telling import QUANTILES
from loadstone.report.text_latency import TITLES, figure
from loadstone.stats.quantiles import enough
from loadstone.units import BYTES, format_count, format_rate, format_share, format_size

NONE = "—"
SPREAD = ("count", *TITLES.values(), "max")


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, and where it comes from.

    metric, stat: what the page computes for a window; empty where a cell does not change with it
    tone:         bad, warn, dim or empty
    whole:        the count that this one is a part of: where that was counted, none found is 0
    title:        said when the pointer rests on it, and to who listens
    """

    text: str
    metric: str = ""
    stat: str = ""
    tone: str = ""
    title: str = ""
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `tags` choose the series of its cells."""

    name: str
    cells: Sequence[Cell]
    tags: Mapping[str, str] = field(default_factory=dict)
    meaning: str = ""
    inner: bool = False

    @property
    def tags_json(self) -> str:
        """For the page's script."""
        return json.dumps(dict(self.tags), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title; `note` says unit and meaning of all, `inner` that it goes on with what the table before began."""

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    note: str = ""
    inner: bool = False


def spread(values: Figures | None, metric: str, *, floors: bool = False) -> list[Cell]:
    """Count, percentiles and greatest value of a distribution.

    floors: a percentile that rests on too few samples is not shown
    """
    if not isinstance(values, Distribution):
        return [Cell(NONE, metric, stat, "dim") for stat in ("count", *QUANTILES, "max")]
    cells = [Cell(format_count(values.count + values.beyond), metric, "samples")]
    cells += [_quantile(values, metric, name, q, floors=floors) for name, q in QUANTILES.items()]
    return [*cells, _greatest(values, metric, "max")]


def measured(values: Figures | None) -> bool:
    """Is there any value in it?"""
    if isinstance(values, Distribution):
        return values.count + values.beyond > 0
    if isinstance(values, Level):
        return values.last is not None
    return isinstance(values, Count) and values.count is not None


def errors_cell(errors: Figures | None, requests: Figures | None) -> Cell:
    """The share of the requests that failed."""
    if not isinstance(requests, Count) or not requests.count:
        return Cell(NONE, "http.errors", "share", "dim", whole="http.requests")
    count = (errors.count or 0) if isinstance(errors, Count) else 0
    return Cell(format_share(count / requests.count), "http.errors", "share", "bad" if count else "", whole="http.requests")


def amount(value: float | None, unit: str) -> str:
    """A number of a table whose rows have units of their own; bytes are shown as sizes, a byte rate as one."""
    if value is None:
        return NONE
    base, slash, _ = unit.partition("/s")
    if base in BYTES:
        return f"{format_size(value * BYTES[base])}{slash}"
    if slash:
        return format_rate(value)
    text = figure(value)
    return text if unit in ("", "1") else f"{text}{'' if unit == '%' else ' '}{unit}"


def _quantile(values: Distribution, metric: str, name: str, q: float, *, floors: bool) -> Cell:
    n = values.count + values.beyond
    if n == 0:
        return Cell(NONE, metric, name, "dim")
    carried = enough(q, n)
    if floors and not carried:
        return Cell("too few", metric, name, "dim", f"{TITLES[name]} needs {format_count(values.too_few.get(name, 0))} samples")
    value = getattr(values, name)
    if value is None:
        return _greatest(values, metric, name)
    return Cell(figure(value), metric, name) if carried else Cell(f"~{figure(value)}", metric, name, "dim", "rests on too few samples")


def _greatest(values: Distribution, metric: str, stat: str) -> Cell:
    beyond = "longer than anything recorded: timed out or dropped"
    if values.max is None:
        return Cell("beyond", metric, stat, "bad", beyond) if values.beyond else Cell(NONE, metric, stat, "dim")
    return Cell(f">{figure(values.max)}", metric, stat, "bad", beyond) if values.beyond else Cell(figure(values.max), metric, stat)

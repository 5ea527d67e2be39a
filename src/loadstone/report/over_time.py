"""Stretches of a long run or of a monitor under each other, and the last against the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.exchanges import exchanges, failed_exchanges
from loadstone.measure.snapshot import Snapshot
from loadstone.units import format_count, format_duration, format_share, format_size

RESPONSE = "http.response_time"
_HEADS = ("begin", "length", "requests", "errors", "p50", "p95", "max", "memory", "cpu")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one stretch came to; None is "nothing measured", never 0.

    begin:    as the reader should see it
    times_s:  p50, p95 and maximum of the response time; inf when that many never came back
    """

    begin: str
    seconds: float
    requests: int | None
    error_share: float | None
    times_s: tuple[float, float, float] | None
    memory: float | None
    cpu_percent: float | None


def stretch(begin: str, snapshots: Iterable[Snapshot]) -> Stretch:
    """The figures of a stretch of seconds."""
    view = Aggregate(snapshots)
    requests = exchanges(view)
    times = view.distribution(RESPONSE)
    memory, cpu = view.gauge("target.memory"), view.gauge("target.cpu")
    measured = times is not None and times.count + times.beyond > 0
    return Stretch(
        begin,
        view.seconds,
        requests or None,
        failed_exchanges(view) / requests if requests else None,
        (times.quantile(0.5) / 1e9, times.quantile(0.95) / 1e9, float("inf") if times.beyond else times.max / 1e9)
        if measured and times is not None
        else None,
        memory.mean if memory else None,
        cpu.mean if cpu else None,
    )


def heads_and_cells(stretches: Sequence[Stretch]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a table; columns in which nothing was measured anywhere are left out."""
    rows = [_cells(each) for each in stretches]
    shown = [at for at in range(len(_HEADS)) if at < 2 or any(row[at] != "–" for row in rows)]
    return [_HEADS[at] for at in shown], [[row[at] for at in shown] for row in rows]


def table(stretches: Sequence[Stretch]) -> list[str]:
    """Lines of such a table."""
    heads, rows = heads_and_cells(stretches)
    cells = [heads, *rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(heads))]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def line(each: Stretch) -> str:
    """One stretch in one line, only what was measured."""
    named = zip(_HEADS[2:], _cells(each)[2:], strict=True)
    return "  ".join([each.begin, *(f"{name} {cell}" for name, cell in named if cell != "–")])


def change(first: Stretch, last: Stretch) -> list[str]:
    """The last stretch against the first, a line for each figure that both have."""
    found = []
    pairs = [("memory", first.memory, last.memory, format_size), ("cpu", first.cpu_percent, last.cpu_percent, _percent)]
    if first.times_s and last.times_s:
        pairs = [(name, first.times_s[at], last.times_s[at], format_duration) for at, name in enumerate(("p50", "p95"))] + pairs
    pairs.append(("errors", first.error_share, last.error_share, format_share))
    for name, before, now, shown in pairs:
        if before is None or now is None:
            continue
        ratio = f"  ({now / before - 1:+.1%})" if before > 0 and now != float("inf") else ""
        found.append(f"{name:8} {shown(before)} → {shown(now)}{ratio}")
    return found


def _cells(each: Stretch) -> tuple[str, ...]:
    """The texts of a stretch, one for each of `HEADS`."""
    times = [format_duration(value) for value in each.times_s] if each.times_s else ["–"] * 3
    return (
        each.begin,
        format_duration(each.seconds),
        "–" if each.requests is None else format_count(each.requests),
        "–" if each.error_share is None else format_share(each.error_share),
        *times,
        "–" if each.memory is None else format_size(each.memory),
        "–" if each.cpu_percent is None else _percent(each.cpu_percent),
    )


def _percent(value: float) -> str:
    return f"{value:.1f}%"

"""The block about the target itself: what probes read of it while the load went on."""

from __future__ import annotations

from loadstone.report.document import Count, Distribution, Document, Level
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.units import BYTES, SECONDS, format_count, format_duration, format_size

TARGET = ("target.", "machine.", "gpu.")
MOST_ROWS = 40


def target(document: Document, sheet: Sheet) -> None:
    """One row per metric that a probe read, and how well the reading went."""
    readings, missed = (document.metrics.get(f"probe.{name}") for name in ("readings", "missed"))
    if not isinstance(readings, Count) or not readings.count:
        return
    levels = {name: level for name, level in document.metrics.items() if name.startswith(TARGET) and isinstance(level, Level)}
    read = {name: level for name, level in levels.items() if level.last is not None}
    sheet.heading("TARGET", "what it says of itself, read beside the load")
    if read:
        columns = [Column("metric", left=True, flexible=True, middle=True), *(Column(name) for name in ("min", "mean", "max", "last"))]
        sheet.table(columns, [_row(name, level) for name, level in list(read.items())[:MOST_ROWS]])
        if len(read) > MOST_ROWS:
            sheet.line(Span(f"  … and {format_count(len(read) - MOST_ROWS)} more metrics, all in the JSON document", Style.DIM))
    if (cost := document.connection_memory) is not None:
        interval = f"95%: {_value(cost.low, 'B')} to {_value(cost.high, 'B')}"
        connections = f"{format_count(cost.least)} to {format_count(cost.most)} {cost.counted}"
        sheet.line(Span(f"  memory per connection: {_value(cost.each, 'B')} ({interval}), {connections}"))
    lost = (missed.count or 0) if isinstance(missed, Count) else 0
    late, took = document.metrics.get("probe.late"), document.metrics.get("probe.reading_time")
    parts = [f"{format_count(readings.count - lost)} of {format_count(readings.count)} readings"]
    parts += [f"{format_count(late.count)} late"] if isinstance(late, Count) and late.count else []
    parts += [f"p50 {format_duration(took.p50 / 1e3)} each"] if isinstance(took, Distribution) and took.p50 is not None else []
    sheet.line(Span("  "), Span(" · ".join(parts), Style.BAD if lost else Style.DIM))


def _row(name: str, level: Level) -> list[Span]:
    return [Span(name), *(Span(_value(value, level.unit)) for value in (level.min, level.mean, level.max, level.last))]


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "—"
    if unit in SECONDS:
        return format_duration(value * SECONDS[unit])
    amount, slash, _ = unit.partition("/s")
    if amount in BYTES:
        return f"{format_size(value)}{slash}"
    if unit in {"W", "°C"}:
        return f"{value:.0f} {unit}"
    number = format_count(value if abs(value) < 1000 else round(value))
    return f"{number}{slash}" if slash else f"{number}%" if unit == "%" else number

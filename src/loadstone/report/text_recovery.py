"""The block about spikes: how long the target needed after each, and what its instances did."""

from __future__ import annotations

from loadstone.report.document import Document, Recovery
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.units import format_count, format_duration

MOST_ROWS = 20


def recovery(document: Document, sheet: Sheet) -> None:
    """One row per spike; the columns of instances only where something counts them."""
    spikes = document.recovery
    if not spikes:
        return
    sheet.heading("RECOVERY", "after each spike, until p95 and errors are what they were")
    counted = any(spike.instances_before is not None for spike in spikes)
    names = ["lasted", "load", "recovery"] + (["instances", "more after", "enough after", "over", "under"] if counted else [])
    columns = [Column("spike at", left=True), *(Column(name) for name in names)]
    sheet.table(columns, [_row(spike, counted=counted) for spike in spikes[:MOST_ROWS]])
    if len(spikes) > MOST_ROWS:
        sheet.line(Span(f"  … and {format_count(len(spikes) - MOST_ROWS)} more spikes, all in the JSON document", Style.DIM))


def _row(spike: Recovery, *, counted: bool) -> list[Span]:
    back = Span("not back", Style.BAD) if spike.recovery_s is None else Span(format_duration(spike.recovery_s))
    row = [Span(format_duration(spike.began_s)), Span(format_duration(spike.ended_s - spike.began_s)), Span(f"{spike.peak:.3g}×"), back]
    if not counted:
        return row
    if spike.instances_before is None:
        return [*row, *(Span("—") for _ in range(5))]
    assert spike.instances_most is not None
    return [
        *row,
        Span(f"{spike.instances_before:g} → {spike.instances_most:g}"),
        _time(spike.reacted_s),
        _time(spike.scaled_s),
        Span(f"{spike.overshoot:g}"),
        Span(f"{spike.undershoot:g}"),
    ]


def _time(seconds: float | None) -> Span:
    return Span("never", Style.BAD) if seconds is None else Span(format_duration(seconds))

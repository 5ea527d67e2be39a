"""Figures as short texts for the live views."""

from __future__ import annotations

import math

from loadstone.live.recent import Figures
from loadstone.live.step_rows import Times
from loadstone.units import format_count, format_duration, format_rate


def ms(value: float | None) -> str:
    """A time as people read it; `—` without a value, `beyond` when longer than anything recorded."""
    if value is None:
        return "—"
    return format_duration(value / 1e3) if math.isfinite(value) else "beyond"


def clock(seconds: float) -> str:
    """`02:05`, from an hour on `1:02:05`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def progress(elapsed_s: float, duration_s: float | None) -> str:
    """Elapsed of total; only elapsed when nobody knows the end."""
    return f"{clock(elapsed_s)} / {clock(duration_s)}" if duration_s else clock(elapsed_s)


def rate(figures: Figures) -> str:
    """Achieved, and the arrivals that the plan asks for; users who stay send beside those."""
    asked = f" ({format_rate(figures.asked_per_s)} arrivals asked)" if figures.asked_per_s is not None else ""
    return f"{format_rate(figures.rate_per_s)}{asked}"


def times(values: Times) -> str:
    """The three percentiles in a row."""
    return f"p50 {ms(values.p50)}  p95 {ms(values.p95)}  p99 {ms(values.p99)}"


def errors(figures: Figures) -> str:
    """Failures of the window and since the start, and arrivals that were dropped."""
    dropped = f", {format_count(figures.dropped_in_all)} dropped" if figures.dropped_in_all else ""
    return f"{format_count(figures.errors)} now, {format_count(figures.errors_in_all)} in all{dropped}"


def generator(figures: Figures) -> str:
    """The generator's own part of what is shown."""
    return "  ".join(generator_parts(figures))


def generator_parts(figures: Figures) -> list[str]:
    """The same in parts, what matters most first."""
    cpu = f"CPU {figures.cpu_percent:.0f}%" if figures.cpu_percent is not None else "CPU —"
    return [cpu, f"own share p99 {ms(figures.share_ms)}", f"send lag p99 {ms(figures.lag_ms)}"]

"""Values and times as texts, and where ticks stand: the same as `static/format.js` and `static/frame.js` have."""

from __future__ import annotations

import math
import re

from loadstone.charts.figures.figure import Axis
from loadstone.measure.plain_text import UNTURNED
from loadstone.units import format_share

NONE = "–"
MOST_TICKS = 7
_BYTES = ("B", "kB", "MB", "GB", "TB")
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
# Also lone halves of characters and the two that no XML may hold.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")


def plain(text: str, most: int = 120) -> str:
    """A text from outside on one line, cut where it is long."""
    whole = _UNPRINTABLE.sub(" ", text).translate(UNTURNED)
    return f"{whole[: most - 1]}…" if len(whole) > most else whole


def digits(value: float) -> str:
    """Three digits that matter: 0.0123, 1.23, 12.3, 123, 1,234."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 99.95:
        return f"{math.floor(value + 0.5):,}"
    places = min(6, max(0, 2 - math.floor(math.log10(size))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(value: float | None, unit: str = "") -> str:
    """A value with its unit: 1.2 s, 340 ms, 12 µs; 3.4 MB; 12/s; 40%."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "beyond"
    size = abs(value)
    if unit == "ms":
        return _time(value, size)
    if unit in {"B", "B/s"}:
        power = min(4, math.floor(math.log10(size) / 3 + 1e-9)) if size >= 1 else 0
        return f"{digits(value / 1000**power)} {_BYTES[power]}{unit[1:]}"
    if unit == "%":
        return format_share(value / 100)
    return f"{_large(value)}/s" if unit == "1/s" else f"{_large(value)} {unit}".rstrip()


def _time(value: float, size: float) -> str:
    if size >= 120_000:
        return _duration(value / 1000)
    if size >= 1000:
        return f"{digits(value / 1000)} s"
    return f"{digits(value * 1000)} µs" if 0 < size < 1 else f"{digits(value)} ms"


def _duration(seconds: float) -> str:
    whole = math.floor(seconds + 0.5)
    (big, big_name), (small, small_name) = ((60, "min"), (1, "s")) if whole < 7200 else ((3600, "h"), (60, "min"))
    rest = whole % big // small
    return f"{whole // big} {big_name}" + (f" {rest} {small_name}" if rest else "")


def _large(value: float) -> str:
    for least, name in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= least:
            return f"{digits(value / least)} {name}"
    return digits(value)


def clock(seconds: float) -> str:
    """Seconds since the run's start: 0:00, 12:34, 1:02:03."""
    whole = max(0, math.floor(seconds + 0.5))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def time_ticks(end_s: float, width: float) -> list[float]:
    """Whole seconds, minutes or hours, as many as have room in `width` pixels."""
    most = max(2, math.floor(width / 90))
    step = next((each for each in _STEPS if end_s / each <= most), math.ceil(end_s / most / 86400) * 86400)
    return [float(at) for at in range(0, math.floor(end_s + 1e-6) + 1, step)]


def value_ticks(axis: Axis) -> list[float]:
    """Round values on the axis."""
    return _log_ticks(axis.low, axis.high) if axis.log else _linear_ticks(axis)


def _log_ticks(low: float, high: float) -> list[float]:
    decades = math.log10(high / low)
    parts = ("1", "1.5", "2", "3", "5", "7") if decades <= 1.2 else ("1", "2", "5") if decades <= 2.5 else ("1",)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    found = [one for power in powers for part in parts if low * 0.999 <= (one := float(f"{part}e{power}")) <= high * 1.001]
    return found[:: max(1, math.ceil(len(found) / MOST_TICKS))]


def _linear_ticks(axis: Axis) -> list[float]:
    rough = (axis.high - axis.low) / 4.5 or 1.0
    power: float = 10.0 ** math.floor(math.log10(rough))
    fine = next((each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough * 0.999), rough)
    step = max(1.0, fine) if axis.unit == "" and axis.high - axis.low >= 1 else fine  # what has no unit is counted
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor((axis.high + (axis.high - axis.low) * 0.04) / step + 1e-6)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]

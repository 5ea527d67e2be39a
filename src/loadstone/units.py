"""Quantities as people write them: "5m", "150/s", "500MB", "1%", and back to a text that is quick to read."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping

from loadstone.errors import UnitError

SECONDS: Mapping[str, float] = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SECOND_NAMES = {"sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m"}
_SECOND_NAMES |= {"hour": "h", "hours": "h", "day": "d", "days": "d"}
PER_SECONDS: Mapping[str, float] = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES: Mapping[str, int] = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)},
}

_DURATIONS, _RATES, _SIZES, _SHARES = "5m, 90s, 250ms or 1h30m", "150/s, 0.5/s or 30/m", "500MB, 12 kB or 4MiB", "1% or 0.01"
_GREATEST = 1e300  # what is larger, infinite or not a number is nobody's wish

_NUMBER = r"[+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_PART = re.compile(rf"\s*({_NUMBER})\s*([^\W\d_]*)\s*")
_RATE = re.compile(rf"\s*({_NUMBER})\s*(?:/\s*(.*?))?\s*")
_SHARE = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*")


def parse_duration(text: str | float, *, negative: bool = False) -> float:
    """Seconds of "5m", "250ms", "1h30m" or a plain number of seconds; zero is a duration, less is not unless allowed."""
    if not isinstance(text, str):
        return _checked(text, "duration", _DURATIONS, negative=negative)
    total, position, last = 0.0, 0, math.inf
    sign = -1.0 if text.strip().startswith("-") else 1.0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or (position and part[1][0] in "+-"):
            break
        unit = part[2]
        seconds = SECONDS[_unit(unit, SECONDS, _SECOND_NAMES, text, _DURATIONS)] if unit or position else 1.0
        if seconds >= last or (not unit and part.end() < len(text)):
            break
        total, position, last = total + abs(_float(part[1])) * seconds, part.end(), seconds
    if not text or position < len(text):
        raise UnitError(f"{text!r} is not a duration", hint=_DURATIONS)
    return _checked(sign * total, "duration", _DURATIONS, negative=negative, shown=text)


def parse_rate(text: str | float, *, negative: bool = False) -> float:
    """Events per second of "150/s", "30/m" or a plain number per second."""
    if not isinstance(text, str):
        return _checked(text, "rate", _RATES, negative=negative)
    parts = _RATE.fullmatch(text)
    if parts is None:
        raise UnitError(f"{text!r} is not a rate", hint=_RATES)
    per = 1.0 if parts[2] is None else PER_SECONDS[_unit(parts[2], PER_SECONDS, _SECOND_NAMES, text, _RATES)]
    return _checked(_float(parts[1]) / per, "rate", _RATES, negative=negative, shown=text)


def parse_size(text: str | float, *, negative: bool = False) -> int:
    """Bytes of "500MB" (k = 1000), "4MiB" (Ki = 1024) or a plain number of bytes; a fraction of a byte is rounded."""
    if not isinstance(text, str):
        return round(_checked(text, "size", _SIZES, negative=negative))
    parts = _PART.fullmatch(text)
    if parts is None:
        raise UnitError(f"{text!r} is not a size", hint=_SIZES)
    known = {name.lower(): name for name in BYTES} | {name.lower()[:-1]: name for name in BYTES if len(name) > 1}
    factor = BYTES[known[parts[2].lower()]] if parts[2].lower() in known else 1
    if parts[2] and parts[2].lower() not in known:
        _unit(parts[2], BYTES, {}, text, _SIZES)
    return round(_checked(_float(parts[1]) * factor, "size", _SIZES, negative=negative, shown=text))


def parse_share(text: str | float, *, where: str = "") -> float:
    """A share from 0 to 1 of "1%" or 0.01; `where` is what a mistake names, such as a flag."""
    try:
        return _share(text)
    except UnitError as error:
        raise UnitError(error.what, where=where, hint=error.hint) from None


def _share(text: str | float) -> float:
    shown = text
    if isinstance(text, str):
        parts = _SHARE.fullmatch(text)
        if parts is None:
            raise UnitError(f"{text!r} is not a share", hint=_SHARES)
        if parts[2] not in ("", "%"):
            _unit(parts[2], {"%": 1.0}, {}, text, _SHARES)
        # 7 / 100 is the nearest float to 0.07; 7 * 0.01 is not.
        value = _float(parts[1]) / 100.0 if parts[2] else _float(parts[1])
    else:
        value = _checked(text, "share", _SHARES, negative=True)
    if not 0.0 <= value <= 1.0:
        raise UnitError(f"{shown!r} is not a share from 0 to 1", hint=f"{value:g}%" if shown == value and 1 < value <= 100 else _SHARES)
    return value


def format_duration(seconds: float) -> str:
    """Such as "830 µs", "20.1 ms", "1.25 s", "5m 00s", "2h 05m": three digits, which is what a histogram can promise."""
    if not math.isfinite(seconds):
        return _not_finite(seconds)
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if seconds >= 59.95:
        whole = round(seconds)
        if whole >= 86400:
            return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m" if whole >= 3600 else f"{whole // 60}m {whole % 60:02d}s"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        # 0.9995 ms is shown as 1 ms, not as 1000 µs
        if seconds >= size * 0.9995:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds / 1e-9)} ns" if seconds else "0 s"


def format_rate(per_second: float) -> str:
    """Such as "150/s", "0.5/s", "12,300/s"; slower than one in ten seconds per minute or hour."""
    if not math.isfinite(per_second):
        return f"{_not_finite(per_second)}/s"
    size = abs(per_second)
    if size and size < 0.1:
        return f"{_three_digits(per_second * 60)}/m" if size * 60 >= 0.1 else f"{_three_digits(per_second * 3600)}/h"
    return f"{_three_digits(per_second)}/s"


def format_size(size: float) -> str:
    """Such as "512 B", "12.3 kB", "1.5 GB"; k is 1000."""
    if not math.isfinite(size):
        return f"{_not_finite(size)} B"
    for unit in ("TB", "GB", "MB", "kB"):
        if abs(size) >= BYTES[unit] * 0.9995:
            return f"{_three_digits(size / BYTES[unit])} {unit}"
    return f"{size:.0f} B"


def format_share(share: float) -> str:
    """Such as "1%", "0.025%", "99.95%": three digits where it matters, near 0 % and near 100 %."""
    if not math.isfinite(share):
        return _not_finite(share)
    percent = share * 100
    room = min(abs(percent), abs(100 - percent)) or 1.0
    digits = min(6, max(0, 2 - math.floor(math.log10(room))))
    text = f"{percent:,.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


def format_rtf(factor: float) -> str:
    """A real-time factor both ways, because both are called RTF: "RTF 0.03 (31x real time)"."""
    if not math.isfinite(factor):
        return f"RTF {_not_finite(factor)}"
    speed = 1 / factor if factor > 0 else math.inf
    shown = "∞" if math.isinf(speed) else f"{speed:.{0 if speed >= 10 else 1}f}"
    return f"RTF {factor:.{2 if factor >= 0.01 else 4}f} ({shown}x real time)"


def format_count(count: float) -> str:
    """Such as "1,234,567": thousands apart by a comma, which every terminal has, fractions only where there are some."""
    if not math.isfinite(count):
        return _not_finite(count)
    if count == int(count):
        return f"{int(count):,}"
    return _three_digits(count)


def format_load(load: float) -> str:
    """Such as "98.7", "101.9", "10,240": what a search asked for, to four digits and never in powers of ten."""
    return f"{load:.4g}" if abs(load) < 999.95 else format_count(round(load))


def nearest(word: str, known: list[str]) -> str:
    """The words "; did you mean 'x'?" for the best of the known ones, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _unit(unit: str, known: Mapping[str, float], aliases: Mapping[str, str], text: str, hint: str) -> str:
    name = aliases.get(unit, unit)
    if name in known:
        return name
    shown = ", ".join(dict.fromkeys(name.replace("μ", "µ") for name in known))
    what = f"unknown unit {unit!r}; known: {shown}" if unit else f"{text!r} has a number without a unit; known: {shown}"
    raise UnitError(f"{text!r}: {what}" if unit and unit != text else what, hint=hint)


def _float(digits: str) -> float:
    return float(digits.replace("_", ""))


def _checked(value: object, kind: str, hint: str, *, negative: bool, shown: object = None) -> float:
    shown = value if shown is None else shown
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _GREATEST:
        raise UnitError(f"{shown!r} is not a {kind}", hint=hint)
    if value < 0 and not negative:
        raise UnitError(f"{shown!r} is less than zero; a {kind} is not", hint=hint)
    return float(value)


def _three_digits(value: float) -> str:
    """Three significant digits, never in powers of ten; whole numbers keep all of theirs."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    if digits == 0:
        return f"{round(value):,}"
    text = f"{value:.{min(digits, 9)}f}"
    return text.rstrip("0").rstrip(".")


def _not_finite(value: float) -> str:
    return "not a number" if math.isnan(value) else ("∞" if value > 0 else "-∞")

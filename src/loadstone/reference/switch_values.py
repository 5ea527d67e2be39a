"""How switches are read from texts and numbers, and written as JSON again, whatever they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from loadstone.errors import UsageError
from loadstone.reference.delays import Delay, parse_delay
from loadstone.units import parse_duration, parse_share, parse_size

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Known = TypeVar("Known", bound=DataclassInstance)

Reader = Callable[[Any, str], Any]


def changed(asked: Mapping[str, Any], start: Known, readers: Mapping[str, Reader], where: str, names: frozenset[str] | None) -> Known:
    """`start` with what a mapping of names to texts or numbers changes; null gives the default back.

    names:  that may be set here; all when None
    raises: UsageError for an unknown name or a value that cannot be used, its place in `where`
    """
    known = {name: read for name, read in readers.items() if names is None or name in names}
    default = type(start)() if None in asked.values() else start  # a request may ask: nothing is made that nobody wants
    return replace(start, **read_values(asked, known, default, where))


def written(switches: DataclassInstance) -> dict[str, Any]:
    """All switches by name, in the form that `changed` reads back to the same ones."""
    return {known.name: shown(getattr(switches, known.name)) for known in fields(switches)}


def shown(value: Any) -> Any:
    """A switch as it is written in JSON."""
    match value:
        case Delay():
            return str(value)
        case Fraction():
            return float(value)
        case ():
            return None
        case tuple():
            return "-".join(map(str, value)) if value and isinstance(value[0], int) else ",".join(map(str, value))
        case _:
            return value


def read_values(asked: Mapping[str, Any], readers: Mapping[str, Reader], default: object, where: str) -> dict[str, Any]:
    """What a mapping asks for, read by name; null reads as what `default` has. Raises UsageError."""
    unknown = [name for name in asked if name not in readers]
    if unknown:
        raise UsageError(f"unknown switch {unknown[0]!r}; known: {', '.join(readers)}", where=where)
    values = {}
    for name, value in asked.items():
        place = f"{where}.{name}"
        try:
            values[name] = getattr(default, name) if value is None else readers[name](value, place)
        except UsageError as error:
            raise UsageError(error.what, where=place, hint=error.hint) from None
    return values


def whole(least: int, greatest: int) -> Callable[[Any, str], int]:
    """A reader of whole numbers in a range, as numbers or as texts."""

    def read(value: Any, where: str) -> int:
        try:
            number = int(value)
            if isinstance(value, bool) or number != float(value) or not least <= number <= greatest:
                raise ValueError(value)
        except (ValueError, TypeError, OverflowError):
            raise UsageError(f"{value!r} is not a whole number from {least} to {greatest}", where=where) from None
        return number

    return read


def one_of(*names: str) -> Callable[[Any, str], str]:
    """A reader of one of a few words."""

    def read(value: Any, where: str) -> str:
        if value not in names:
            raise UsageError(f"{value!r} is none of {', '.join(names)}", where=where, hint=names[0])
        return str(value)

    return read


def truth(value: Any, where: str) -> bool:
    """A reader of yes and no: JSON's booleans, and the words people type."""
    known = {True: True, False: False, "on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}
    if not isinstance(value, bool | str) or value not in known:
        raise UsageError(f"{value!r} is neither on nor off", where=where, hint="on")
    return known[value]


def share(value: Any, _: str) -> Fraction:
    """A reader of exact shares."""
    return Fraction(str(parse_share(value)))


def duration(value: Any, where: str) -> float:
    """A reader of durations, in seconds."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{value!r} is not a duration", where=where, hint="20ms")
    return parse_duration(value)


def delay(value: Any, where: str) -> Delay:
    """A reader of distributions of time."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{value!r} is not a delay", where=where, hint="50ms")
    return parse_delay(value, where=where)


def period(value: Any, where: str) -> float:
    """A reader of durations that something is repeated after; seconds."""
    seconds = duration(value, where)
    if seconds < 0.001:
        raise UsageError(f"{value!r} is shorter than 1 ms", where=where, hint="100ms")
    return seconds


def size(value: Any, where: str) -> int:
    """A reader of sizes, in bytes."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{value!r} is not a size", where=where, hint="10kB")
    return parse_size(value)


def number(least: float, greatest: float) -> Callable[[Any, str], float]:
    """A reader of numbers in a range, as numbers or as texts."""

    def read(value: Any, where: str) -> float:
        try:
            found = float(value)
            if isinstance(value, bool) or not least <= found <= greatest:
                raise ValueError(value)
        except (ValueError, TypeError):
            raise UsageError(f"{value!r} is not a number from {least:g} to {greatest:g}", where=where) from None
        return found

    return read

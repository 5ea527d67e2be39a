"""What can be set about the simulated model: at the start, while it runs (`PUT /simulator`), or by one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any

from loadstone.errors import UnitError, UsageError
from loadstone.reference.delays import Delay, parse_delay
from loadstone.units import parse_duration, parse_share, parse_size

MOST_TOKENS = 100_000
CUTS = ("end", "close", "reset")


@dataclass(frozen=True, slots=True)
class Freeze:
    """Token `at` (from 1, reasoning and tool arguments count) and all later ones come `for_s` later than they would."""

    for_s: float
    at: int

    def __str__(self) -> str:
        return f"{self.for_s:g}s@{self.at}"


@dataclass(frozen=True, slots=True)
class Switches:
    """How the simulated model answers; docs/reference.md has the meaning and the exactness of each.

    tokens:       least and greatest length of an answer that no `max_tokens` cuts, without its reasoning
    cut_at:       tokens after which the stream breaks, as `cut` says; None never
    cache:        share of answers that are hits, entries of a real cache, or None for no cache
    cache_entry:  bytes that each entry of a real cache takes
    slots:        answers that are generated at once; None is unlimited
    cached_tokens: what usage says, instead of what the prefix cache found
    """

    ttft: Delay = field(default_factory=lambda: parse_delay("lognormal:50ms,0.2"))
    token_gap: Delay = field(default_factory=lambda: parse_delay("normal:10ms,2ms"))
    tokens: tuple[int, int] = (16, 64)
    tokens_per_chunk: int = 1
    first_chunk: str = "role"
    text: str = "plain"
    reasoning: int = 0
    reasoning_gap: Delay | None = None
    tool_calls: int = 0
    stall: tuple[Freeze, ...] = ()
    faked: bool = False
    cut_at: int | None = None
    cut: str = "end"
    error_at: int | None = None
    done: bool = True
    ping: float | None = None
    write_bytes: int | None = None
    write_gap: float = 0.0
    usage: str = "asked"
    cached_tokens: int | None = None
    prefill: float = 0.0
    rate_limit: Fraction = Fraction(0)
    retry_after: float = 1.0
    cache: Fraction | int | None = None
    cache_latency: float = 0.001
    cache_entry: int = 0
    slots: int | None = None
    kv_tokens: int = 65_536
    prefix_blocks: int = 0

    def as_json(self) -> dict[str, Any]:
        """The form that `read_switches` reads back to the same switches."""
        values = {known.name: shown(getattr(self, known.name)) for known in fields(self)}
        return values | ({"cache": f"lru:{self.cache}"} if isinstance(self.cache, int) else {})


def read_switches(asked: Mapping[str, Any], start: Switches, *, where: str = "simulator", names: frozenset[str] | None = None) -> Switches:
    """`start` with what a mapping of names to texts or numbers changes; null gives the default back.

    names:  that may be set here; all when None
    raises: UsageError for an unknown name or a value that cannot be used, its place in `where`
    """
    readers = {name: read for name, read in _READ.items() if names is None or name in names}
    return replace(start, **read_values(asked, readers, _DEFAULT, where))


def read_values(asked: Mapping[str, Any], readers: Mapping[str, Callable[[Any, str], Any]], default: object, where: str) -> dict[str, Any]:
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


def _lengths(value: Any, where: str) -> tuple[int, int]:
    """`64`, or `16-64` for a length drawn from that range."""
    parts = value.split("-") if isinstance(value, str) else value if isinstance(value, list) else [value]
    numbers = [whole(1, MOST_TOKENS)(part, where) for part in parts]
    if not 1 <= len(numbers) <= 2 or numbers[0] > numbers[-1]:
        raise UsageError(f"{value!r} is not a length or a range of lengths", where=where, hint="64, or 16-64")
    return numbers[0], numbers[-1]


def _freezes(value: Any, where: str) -> tuple[Freeze, ...]:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a stall", where=where, hint="500ms@20: before token 20, 500 ms long")
    found = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        length, at, token = part.partition("@")
        if not at:
            raise UsageError(f"{part!r} does not say before which token", where=where, hint="500ms@20")
        found.append(Freeze(parse_duration(length), whole(1, MOST_TOKENS)(token, where)))
    return tuple(found)


def _cache(value: Any, where: str) -> Fraction | int | None:
    if value == "off":
        return None
    if isinstance(value, str) and value.startswith("lru:"):
        return whole(1, 1_000_000)(value[4:], where)
    try:
        return share(value, where)
    except UnitError:
        raise UsageError(f"{value!r} is no cache", where=where, hint="50% of answers are hits, lru:100 entries, or off") from None


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


_DEFAULT = Switches()
_tokens = whole(1, MOST_TOKENS)
_READ: dict[str, Callable[[Any, str], Any]] = {
    "ttft": delay,
    "token_gap": delay,
    "tokens": _lengths,
    "tokens_per_chunk": whole(1, 1000),
    "first_chunk": one_of("role", "token"),
    "text": one_of("plain", "multibyte"),
    "reasoning": whole(0, MOST_TOKENS),
    "reasoning_gap": delay,
    "tool_calls": whole(0, 16),
    "stall": _freezes,
    "faked": truth,
    "cut_at": whole(0, MOST_TOKENS),
    "cut": one_of(*CUTS),
    "error_at": whole(0, MOST_TOKENS),
    "done": truth,
    "ping": period,
    "write_bytes": whole(1, 65_536),
    "write_gap": duration,
    "usage": one_of("asked", "always", "never"),
    "cached_tokens": whole(0, 10_000_000),
    "prefill": duration,
    "rate_limit": share,
    "retry_after": duration,
    "cache": _cache,
    "cache_latency": duration,
    "cache_entry": size,
    "slots": whole(1, 100_000),
    "kv_tokens": whole(16, 2**40),
    "prefix_blocks": whole(0, 10_000_000),
}
# What all requests share cannot be set by one of them.
SHARED = frozenset({"rate_limit", "retry_after", "cache", "cache_entry", "slots", "kv_tokens", "prefix_blocks"})
OF_A_REQUEST = frozenset(_READ) - SHARED

"""What can be set about the simulated model: at the start, while it runs (`PUT /simulator`), or by one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from loadstone.errors import UnitError, UsageError
from loadstone.reference.delays import Delay, parse_delay
from loadstone.reference.switch_values import Reader, changed, delay, duration, one_of, period, share, size, truth, whole, written
from loadstone.units import parse_duration

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
        values = written(self)
        return values | ({"cache": f"lru:{self.cache}"} if isinstance(self.cache, int) else {})


def read_switches(asked: Mapping[str, Any], start: Switches, *, where: str = "simulator", names: frozenset[str] | None = None) -> Switches:
    """See `changed`."""
    return changed(asked, start, _READ, where, names)


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


_tokens = whole(1, MOST_TOKENS)
_READ: dict[str, Reader] = {
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

"""What can be set about WebSockets: at the start, while running (`PUT /sockets`), or by one connection's query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from loadstone.errors import UsageError
from loadstone.reference.delays import Delay, parse_delay
from loadstone.reference.switch_values import Reader, changed, delay, duration, one_of, period, share, truth, whole, written
from loadstone.units import parse_duration, parse_size


@dataclass(frozen=True, slots=True)
class Drop:
    """All connections are closed with `code` after `at_s`, counted from when the switches took effect; 1006 is a reset."""

    code: int
    at_s: float

    def __str__(self) -> str:
        return f"{self.code}@{self.at_s:g}s"


@dataclass(frozen=True, slots=True)
class SocketSwitches:
    """How WebSockets behave; docs/reference.md has the meaning and the exactness of each.

    limit:   connections at once; None is unlimited
    slow:    what happens to a message for a reader whose `queue` is full: drop_oldest, disconnect (1008) or buffer
    buffer:  bytes that may wait in this process for the kernel before a connection counts as slow
    kernel_buffer: SO_SNDBUF of each connection; None leaves the system's own
    """

    limit: int | None = None
    limit_how: str = "503"
    slow: str = "drop_oldest"
    queue: int = 100
    buffer: int = 65_536
    kernel_buffer: int | None = None
    lose: Fraction = Fraction(0)
    duplicate: Fraction = Fraction(0)
    reorder: Fraction = Fraction(0)
    delay: Delay | None = None
    drop: tuple[Drop, ...] = ()
    pongs: bool = True
    close_answer: bool = True
    subprotocols: tuple[str, ...] = ()
    deflate: bool = False
    reply: Delay | None = None
    typing_delay: float = 0.2
    typing_keep_alive: float = 2.0
    typing_expires: float = 5.0
    typing_stuck: bool = False

    def as_json(self) -> dict[str, Any]:
        """The form that `read_socket_switches` reads back to the same switches."""
        return written(self)


def read_socket_switches(
    asked: Mapping[str, Any], start: SocketSwitches, *, where: str = "sockets", names: frozenset[str] | None = None
) -> SocketSwitches:
    """See `changed`."""
    return changed(asked, start, _READ, where, names)


def _size(value: Any, where: str) -> int:
    size = parse_size(value)
    if not 1 <= size <= 2**31 - 1:
        raise UsageError(f"{value!r} is not a size from 1 byte to 2 GB", where=where, hint="64KiB")
    return size


def _drops(value: Any, where: str) -> tuple[Drop, ...]:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a drop", where=where, hint="1006@30s")
    found = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        code, at, start = part.partition("@")
        if not at:
            raise UsageError(f"{part!r} does not say when", where=where, hint="1006@30s")
        found.append(Drop(close_code(code, where), parse_duration(start)))
    return tuple(sorted(found, key=lambda drop: drop.at_s))


def close_code(value: Any, where: str) -> int:
    """A close code that a server can send, or 1006 for a connection that is reset."""
    code = whole(1000, 4999)(value, where)
    if code in (1004, 1005, 1015) or 1016 <= code < 3000:
        raise UsageError(f"no server may close with {code}", where=where, hint="1001, 1011, 1012, 4000 or 1006")
    return code


def _names(value: Any, where: str) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() and name.isascii() for name in names):
        raise UsageError(f"{value!r} is not a list of names", where=where, hint="chat.v1,chat.v2")
    return tuple(name.strip() for name in names)


_READ: dict[str, Reader] = {
    "limit": whole(0, 1_000_000),
    "limit_how": one_of("503", "1013"),
    "slow": one_of("drop_oldest", "disconnect", "buffer"),
    "queue": whole(1, 1_000_000),
    "buffer": _size,
    "kernel_buffer": _size,
    "lose": share,
    "duplicate": share,
    "reorder": share,
    "delay": delay,
    "drop": _drops,
    "pongs": truth,
    "close_answer": truth,
    "subprotocols": _names,
    "deflate": truth,
    "reply": delay,
    "typing_delay": duration,
    "typing_keep_alive": period,
    "typing_expires": period,
    "typing_stuck": truth,
}
# What all connections share cannot be set by one of them.
SHARED = frozenset({"limit", "limit_how", "lose", "duplicate", "reorder", "delay", "drop"})
OF_A_CONNECTION = frozenset(_READ) - SHARED
DEFAULT_REPLY = parse_delay("500ms")

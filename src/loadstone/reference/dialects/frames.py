"""What the dialects share: server-sent events around JSON, and the seam between a dialect and a stream."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Protocol

from loadstone.reference.reply import Ask, Piece, Reply
from loadstone.reference.switches import Switches

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_MARK = "\0"
_MARK_JSON = json.dumps(_MARK)


class Dialect(Protocol):
    """How one API words an answer. Each part is whole events, as bytes; an empty one says nothing."""

    def opening(self) -> bytes:
        """What is sent at once."""

    def piece(self, piece: Piece) -> bytes:
        """One chunk."""

    def closing(self, *, done: bool) -> bytes:
        """The end of a whole answer; without `done` the last word is missing."""

    def failure(self) -> bytes:
        """An error in mid-stream."""

    def whole(self) -> dict[str, Any]:
        """The answer that is not streamed."""


DialectMaker = Callable[[Ask, Reply, Switches], Dialect]


def encoded(value: Any) -> bytes:
    """JSON in UTF-8, as compact as servers write it; what is not ASCII is left as it is."""
    return _JSON.encode(value).encode()


def event(value: Any, name: str = "") -> bytes:
    """One server-sent event with JSON data."""
    head = f"event: {name}\ndata: ".encode() if name else b"data: "
    return head + encoded(value) + b"\n\n"


class EventFrame:
    """An event that differs from its like only in one text: everything around is encoded once.

    value: holds the text `EventFrame.MARK` once, where the text goes
    """

    MARK = _MARK

    def __init__(self, value: Any, name: str = "") -> None:
        self._before, self._after = event(value, name).split(_MARK_JSON.encode())

    def around(self, text: str) -> bytes:
        """The event with that text."""
        return self._before + _JSON.encode(text).encode() + self._after


def identity(prefix: str) -> str:
    """A name of its own for an answer, a message or a call."""
    return f"{prefix}{secrets.token_hex(12)}"

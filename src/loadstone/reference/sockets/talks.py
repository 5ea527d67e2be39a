"""What is spoken on a WebSocket: echo, ticks, or chat; the wire below does not care."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

from loadstone.reference.sockets.hub import Hub
from loadstone.reference.sockets.rooms import json_frame
from loadstone.reference.sockets.switches import SocketSwitches


class Misunderstood(Exception):
    """A message or a query that cannot be used; its text says why."""


class Line(Protocol):
    """The open connection, as a talk sees it."""

    hub: Hub
    switches: SocketSwitches
    query: Mapping[str, str]

    def send(self, frame: bytes) -> None:
        """Send a whole frame."""

    def send_payload(self, opcode: int, payload: bytes) -> None:
        """Send a message."""

    def drop(self, code: int) -> None:
        """End the connection with that code."""


class Talk(Protocol):
    """One conversation."""

    def opened(self) -> None:
        """The handshake is done."""

    def received(self, opcode: int, payload: bytes) -> None:
        """A whole message; a text is known to be UTF-8."""

    def closed(self) -> None:
        """The connection is over."""


class Echo:
    """Each message comes back as it was, text as text and binary as binary."""

    __slots__ = ("_line",)

    def __init__(self, line: Line) -> None:
        self._line = line

    def opened(self) -> None:
        """See Talk."""

    def received(self, opcode: int, payload: bytes) -> None:
        """See Talk."""
        self._line.send_payload(opcode, payload)

    def closed(self) -> None:
        """See Talk."""


class Ticks:
    """The server speaks first: `{"type":"tick","n":…,"due_unix_ns":…,"sent_unix_ns":…}`, `count` times (0 is for ever), `gap_ms` apart."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._count = bounded(line.query, "count", 0, greatest=10_000_000)
        self._gap_s = bounded(line.query, "gap_ms", 100, greatest=600_000, least=1) / 1e3
        self._task: asyncio.Task[None] | None = None

    def opened(self) -> None:
        """See Talk."""
        self._task = asyncio.ensure_future(self._tick())

    def received(self, opcode: int, payload: bytes) -> None:
        """See Talk; nobody listens."""

    def closed(self) -> None:
        """See Talk."""
        if self._task:
            self._task.cancel()

    async def _tick(self) -> None:
        timer = self._line.hub.timer
        start, start_unix_ns = timer.now(), time.time_ns()
        number = 0
        while not self._count or number < self._count:
            number += 1
            await timer.until(start + number * self._gap_s)
            due_ns = start_unix_ns + round(number * self._gap_s * 1e9)
            self._line.send(json_frame({"type": "tick", "n": number, "due_unix_ns": due_ns, "sent_unix_ns": time.time_ns()}))
        self._line.drop(1000)


def bounded(query: Mapping[str, str], name: str, default: int, *, greatest: int, least: int = 0) -> int:
    """A whole number from a query string; one that cannot be used raises Misunderstood."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text[:19]) <= greatest):
        raise Misunderstood(f"{name} must be a whole number from {least} to {greatest}")
    return int(text)


def parsed(payload: bytes) -> dict[str, Any]:
    """A JSON object. Raises Misunderstood."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise Misunderstood("the message is not JSON") from None
    if b"\\u" in payload:
        try:  # JSON can write half a surrogate pair, which no UTF-8 can hold
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Misunderstood("the message has text that is not Unicode") from None
    if not isinstance(value, dict):
        raise Misunderstood("the message must be a JSON object")
    return value

"""A fan-out among the WebSockets of one scenario: marks in messages, and the ledger of where they arrived.

A mark is a short text such as `~ls.3.17.81234567890123~` (sender, number, monotonic ns at sending). It may stand anywhere in a
message, in whatever envelope the server wraps around it, and is found without parsing that. Times are compared on one
machine's clock. The ledger is one worker's: what another worker's members send into the same room is nobody's here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadstone.clients.frames import Payload
from loadstone.clients.message import Message
from loadstone.clients.websocket import WebSocket
from loadstone.clock import SECOND, now_ns
from loadstone.measure.fanout import Ledger
from loadstone.measure.messages import Messages

OPEN, CLOSE = "~ls.", "~"
LONGEST_MARK = 64
HEALTHY, SLOW = "healthy", "slow"
SETTLE_STEP_S = 0.05


class FanOut:
    """One room: everybody in it should receive what anybody of this worker sends.

    worker, workers: members of different workers have different numbers
    """

    def __init__(self, worker: int = 0, workers: int = 1) -> None:
        self.ledger = Ledger()
        self._next_member, self._workers = worker, workers
        self._hushed = False

    @property
    def members(self) -> int:
        """How many have joined."""
        return self.ledger.members

    @property
    def hushed(self) -> bool:
        """May nobody send any more?"""
        return self._hushed

    def hush(self) -> None:
        """Nobody sends any more, so that what is under way can arrive before anybody's account is closed."""
        self._hushed = True

    async def settled(self, within_s: float) -> None:
        """Wait until everything has arrived, or the time is over."""
        until = now_ns() + round(within_s * SECOND)
        while self.ledger.under_way and now_ns() < until:  # noqa: ASYNC110  a ledger tells nobody that it is complete
            await asyncio.sleep(SETTLE_STEP_S)

    def join(self, websocket: WebSocket, *, reader: str = HEALTHY, on_other: Callable[[Message], None] | None = None) -> Member:
        """Owe this connection everything that others send from now on.

        reader:   healthy or slow, a tag that keeps their figures apart
        on_other: takes the messages that carry no mark
        """
        number, self._next_member = self._next_member, self._next_member + self._workers
        self.ledger.join(number)
        return Member(self, websocket, number, reader, on_other)


class Member:
    """One subscriber, who may send, too."""

    __slots__ = ("_columns", "_fan_out", "_number", "_on_other", "_reader", "_websocket")

    def __init__(self, fan_out: FanOut, websocket: WebSocket, number: int, reader: str, on_other: Callable[[Message], None] | None) -> None:
        self._fan_out, self._websocket, self._number, self._reader, self._on_other = fan_out, websocket, number, reader, on_other
        self._columns: Messages = websocket.columns
        websocket.on_push = self._on_push

    async def send(self, text: Callable[[str], Payload]) -> bool:
        """Send a message with a mark in it; `text` is given the mark. False when the connection is not open."""
        if not self._websocket.ok or self._fan_out.hushed:
            return False
        ledger = self._fan_out.ledger
        number = ledger.send(self._number)
        mark = f"{OPEN}{self._number}.{number}.{now_ns()}{CLOSE}"
        sent = await self._websocket.send(text(mark))
        if not sent:
            ledger.unsend(self._number, number)
        return sent

    def leave(self) -> int:
        """Owe it nothing more; gives how many messages it has missed, which are counted."""
        missing = self._fan_out.ledger.leave(self._number)
        if missing:
            self._columns.count("ws.missing", "reader", self._reader, by=missing)
        return missing

    def _on_push(self, message: Message) -> None:
        mark = read_mark(message.payload)
        if mark is None:
            if self._on_other is not None:
                self._on_other(message)
            return
        sender, number, sent_ns = mark
        delivery = self._fan_out.ledger.receive(self._number, sender, number, message.end_ns)
        if not delivery.tracked:
            return
        columns, reader = self._columns, self._reader
        columns.count("ws.deliveries", "reader", reader)
        columns.time("ws.push_delay", message.end_ns - sent_ns, "reader", reader)
        if delivery.duplicate:
            columns.count("ws.duplicates", "reader", reader)
        if delivery.out_of_order:
            columns.count("ws.out_of_order", "reader", reader)
        if delivery.first_ns:
            columns.time("ws.first_delivery_time", delivery.first_ns - sent_ns)
        if delivery.last_ns:
            columns.time("ws.last_delivery_time", delivery.last_ns - sent_ns)


def read_mark(payload: Payload) -> tuple[int, int, int] | None:
    """Sender, number and time of the mark in a message; None when there is none."""
    text = payload if isinstance(payload, str) else payload.decode("latin-1")
    at = text.find(OPEN)
    if at < 0:
        return None
    begin = at + len(OPEN)
    end = text.find(CLOSE, begin, begin + LONGEST_MARK)
    parts = text[begin:end].split(".") if end > 0 else []
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    sender, number, sent_ns = (int(part) for part in parts)
    return sender, number, sent_ns

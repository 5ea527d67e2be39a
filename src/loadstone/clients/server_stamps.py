"""Push delays from the times that a server writes into its messages: from the stamp to the kernel's stamp of the arrival.

A server's stamp is of the server's clock. Where both are one machine's that is this machine's wall clock, read beside ours. Where they
are not, the server's clock is held against ours by the answers that carry a stamp: it was made between sent and arrived, so that each
answer bounds the offset, and all of them together by at most the shortest round trip; the middle is taken, so that a delay is off by half
of that at most (and by what the clocks drift apart).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from loadstone.clients.keeper import Keeper
from loadstone.clients.message import Message
from loadstone.clients.websocket import WebSocket
from loadstone.clock import MILLISECOND, SECOND, now_ns
from loadstone.measure.messages import Messages
from loadstone.plan.extract import compile_extract
from loadstone.plan.reply import MISSING
from loadstone.plan.websocket import Stamp

AHEAD_NS = MILLISECOND  # a stamp so much later than the arrival is another machine's
# A number is in the largest unit in which it is a time between 1973 and 5138.
UNITS_NS = ((10**11, SECOND), (10**14, MILLISECOND), (10**17, 1_000), (10**20, 1))
EARLIEST = 10**8


class ServerClock:
    """How far the server's clock is ahead of ours, as one connection's scenario has learnt it.

    offset_ns: server's time less our monotonic time; None while nobody knows
    """

    def __init__(self, stamp: Stamp) -> None:
        self._look = compile_extract(stamp.at)
        self._same = stamp.clock == "same"
        self._least, self._most = -(1 << 80), 1 << 80

    @property
    def offset_ns(self) -> int | None:
        """See the class."""
        if self._same:
            return time.time_ns() - now_ns()
        return (self._least + self._most) // 2 if self._most < 1 << 80 else None

    def read(self, message: Message) -> int | None:
        """The stamp in a message, in ns since 1970 by the server's clock; None where there is none, or no time."""
        try:
            found = self._look(message)
        except (ValueError, RecursionError):  # not JSON
            return None
        return None if found is MISSING else unix_ns(found)

    def answered(self, stamp_ns: int, sent_ns: int, end_ns: int) -> None:
        """A message that was sent then was stamped, and its answer came then."""
        least, most = max(self._least, stamp_ns - end_ns), min(self._most, stamp_ns - sent_ns)
        if least > most:  # the clocks have drifted, or one was set: what this answer says is newer
            least, most = stamp_ns - end_ns, stamp_ns - sent_ns
        self._least, self._most = least, most


class StampedWebSocket(WebSocket):
    """A WebSocket whose server says in its messages when it sent them."""

    __slots__ = ("_clock",)

    def __init__(self, keeper: Keeper, columns: Messages, clock: ServerClock) -> None:
        super().__init__(keeper, columns)
        self._clock = clock

    def _on_message(self, message: Message) -> None:
        super()._on_message(message)  # which knows whether it answers anything
        stamp_ns = self._clock.read(message)
        if stamp_ns is None:
            return
        if message.sent_ns:
            self._clock.answered(stamp_ns, message.sent_ns, message.end_ns)
            return
        offset_ns = self._clock.offset_ns
        if offset_ns is None:
            return
        delay_ns = message.end_ns + offset_ns - stamp_ns
        if delay_ns < -AHEAD_NS:
            what = "a message was stamped after it had arrived: another machine's clock? Try: stamp: {at: …, clock: apart}"
            self._columns.failure("ws.errors", "clock", what)
        else:
            self._columns.time("ws.push_delay", max(0, delay_ns))


def unix_ns(value: Any) -> int | None:
    """A time as servers write it, in ns since 1970: seconds, ms, µs or ns as a number or its text, or ISO 8601; None for anything else."""
    if isinstance(value, str):
        try:
            return _of_number(float(value) if "." in value or "e" in value.lower() else int(value))
        except ValueError:
            return _of_date(value)
    return _of_number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _of_number(value: float) -> int | None:
    if not EARLIEST <= value < UNITS_NS[-1][0]:
        return None
    unit_ns = next(unit for below, unit in UNITS_NS if value < below)
    whole = int(value)  # apart from the fraction: the product of both has more digits than a float
    return whole * unit_ns + round((value - whole) * unit_ns)


def _of_date(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    whole = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * SECOND + whole.microseconds * 1_000

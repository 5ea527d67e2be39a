"""One call on the wire: a dialect on a connection, with a mouth and an ear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.frames import BINARY, CLOSE, FIN, NO_CODE, NORMAL, PING, PONG, TEXT, Broken, Event, close_code, close_payload
from loadstone.clients.voice.dialect import (
    Audio,
    Clear,
    Dialect,
    Heard,
    Mark,
    Payload,
    Ready,
    StreamDialect,
    Transcript,
    TurnEnded,
    Unknown,
    Wrong,
)  # fmt: skip
from loadstone.clients.voice.hearing import Ear
from loadstone.clients.voice.ledger import Ledger, Turn
from loadstone.clients.voice.mouth import Mouth
from loadstone.clock import Timers, now_ns


class Carrier(Protocol):
    """What messages travel on; a WebSocketConnection, or a stream of bytes."""

    @property
    def open_now(self) -> bool: ...  # noqa: D102  said above

    @property
    def untaken(self) -> int: ...  # noqa: D102

    @property
    def put(self) -> int: ...  # noqa: D102

    def send_message(self, content: Payload) -> int: ...  # noqa: D102

    def send_frame(self, first: int, payload: bytes) -> int: ...  # noqa: D102

    def close(self) -> None: ...  # noqa: D102


class Line:
    """An open call; it listens to its connection, and its connection's frames are its mouth's.

    lost: why the connection ended, when we did not end it
    turn: what the caller said last
    """

    def __init__(self, carrier: Carrier, dialect: Dialect | StreamDialect, timers: Timers, ledger: Ledger) -> None:
        self.carrier, self.dialect, self.timers, self.ledger = carrier, dialect, timers, ledger
        self.ear = Ear(dialect.rate_hz, self.wake)
        self.mouth = Mouth(timers, dialect.rate_hz, self._say, ledger.column("frame_lateness"), self._every_second)
        self.turn = Turn()
        self.lost: Failed | None = None
        self.ready = not dialect.waits_for_ready
        self._read: Callable[[Any], list[Heard]] = dialect.read if hasattr(dialect, "read") else dialect.feed
        self.begun_ns = now_ns()
        self._waiter: asyncio.Future[None] | None = None
        self._marks: dict[int, str] = {}  # by number: agents give one name to many
        self._marked = 0

    # -- waiting ----------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let whoever waits look again."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def until(self, at_ns: int) -> None:
        """Wait until then, or until something has happened; a call that is lost waits for nothing."""
        if self.lost is not None or now_ns() >= at_ns:
            return
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        deadline = self.timers.at(at_ns, self.wake)
        try:
            await waiter
        finally:
            deadline.cancel()
            self._waiter = None

    # -- sending ----------------------------------------------------------------------------------------------------

    def send(self, payloads: Iterable[Payload]) -> None:
        """Messages beside the frames."""
        for payload in payloads:
            if self.carrier.open_now:
                self.carrier.send_message(payload)

    def good_bye(self) -> None:
        """Our own close frame, where the protocol has such a thing."""
        if hasattr(self.dialect, "read") and self.carrier.open_now:
            self.carrier.send_frame(FIN | CLOSE, close_payload(NORMAL))

    def _say(self, pcm: bytes) -> int:
        carrier = self.carrier
        sent = 0
        for payload in self.dialect.speak(pcm):
            if not carrier.open_now:
                break
            began = carrier.send_message(payload)
            sent = sent or began
        return sent or now_ns()

    def _every_second(self) -> None:
        carrier = self.carrier
        lasted = now_ns() - self.begun_ns
        self.ledger.column("frame_age").add(round(carrier.untaken / max(carrier.put, 1) * lasted))

    # -- hearing ----------------------------------------------------------------------------------------------------

    def on_events(self, events: list[Event], end_ns: int, seen_ns: int) -> None:  # noqa: ARG002  the stamp of the kernel counts
        """See websocket_connection.Listener."""
        read = self._read
        for opcode, payload in events:
            if opcode in {BINARY, TEXT}:
                for heard in read(payload):
                    if type(heard) is Audio:
                        self.ear.hear(heard.pcm, end_ns)
                    else:
                        self._other(heard, end_ns)
            elif opcode == PING and isinstance(payload, bytes):
                self.carrier.send_frame(FIN | PONG, payload)
            elif opcode == CLOSE and isinstance(payload, bytes):
                self._closed(payload)

    def on_lost(self, failed: Failed) -> None:
        """See websocket_connection.Listener."""
        self._end(failed)

    def _closed(self, payload: bytes) -> None:
        try:
            code, reason = close_code(payload)
        except Broken as broken:
            code, reason = NO_CODE, broken.text
        self.carrier.send_frame(FIN | CLOSE, close_payload(NORMAL if code == NO_CODE else code))
        self.carrier.close()
        self._end(Failed(Kind.CLOSED_EARLY, f"the agent closed the call ({code}{f' {reason}' if reason else ''})"))

    def _end(self, failed: Failed) -> None:
        self.lost = self.lost or failed
        self.mouth.close()
        self.wake()

    def _other(self, heard: Heard, at_ns: int) -> None:
        ear, turn = self.ear, self.turn
        if isinstance(heard, Clear):
            self._cleared(at_ns)
        elif isinstance(heard, Mark):
            number = self._marked = self._marked + 1
            self._marks[number] = heard.name
            self.timers.at(max(ear.playout.until_ns, at_ns), partial(self._heard_to, number))
        elif isinstance(heard, Transcript):
            if heard.final and heard.who == "caller":
                turn.text, turn.text_ns = f"{turn.text} {heard.text}", at_ns
        elif isinstance(heard, TurnEnded):
            self._turn_ended(heard, at_ns)
        elif isinstance(heard, Ready):
            self.ready = True
            self.wake()
        elif isinstance(heard, Wrong):
            self.ledger.fault(heard.kind, heard.text or heard.kind)
        elif isinstance(heard, Unknown):
            self.ledger.count("unknown_events")

    def _cleared(self, at_ns: int) -> None:
        played_ms = self.ear.clear(at_ns)
        if played_ms is not None:
            self.send(self.dialect.interrupted(played_ms))
        marks, self._marks = self._marks, {}
        for mark in marks.values():
            self.send(self.dialect.played(mark))

    def _turn_ended(self, heard: TurnEnded, at_ns: int) -> None:
        if heard.who == "agent":
            answer = self.ear.answer
            answer.complete = answer.byte_ns > 0  # else it is the end of the one before, which was broken off
            self.wake()
        else:
            self.turn.endpoint_ns = at_ns

    def _heard_to(self, number: int) -> None:
        """Everything before this mark has been heard, unless it was cleared: then it was returned already."""
        mark = self._marks.pop(number, None)
        if mark is not None:
            self.send(self.dialect.played(mark))

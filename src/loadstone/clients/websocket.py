"""One user's WebSocket: send, receive, request; every message counted, every answer timed. A failure is a message, too."""

from __future__ import annotations

import asyncio
import json as json_codec
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, Self

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.frames import (
    ABNORMAL, BINARY, CLOSE, FIN, NO_CODE, NORMAL, PING, PONG, RSV1, TEXT, Event, Payload, close_code, close_payload,
)  # fmt: skip
from loadstone.clients.deflate import WORTH_IT
from loadstone.clients.message import Message
from loadstone.clients.replies import ORDER, Awaited, Match, Replies
from loadstone.clients.websocket_connection import WebSocketConnection
from loadstone.clock import SECOND, Deadline, Timers, now_ns
from loadstone.errors import UsageError
from loadstone.measure.messages import Messages

MOST_UNREAD = 1_000  # messages that a user has not read; then the oldest is dropped, and counted
NOT_OPEN = "the connection is not open"


class Keeper(Protocol):
    """Who opened a WebSocket, and is asked what only a user's client knows."""

    timers: Timers
    reply_ns: int
    close_ns: int

    def take_due(self) -> tuple[int, int]:
        """When the next message was due (0: now), and the ns for which it waited for a session or a connection."""

    def match(self, text: str) -> Match:
        """The way to pair messages that this text names."""

    def lost(self, websocket: WebSocket) -> bool:
        """A connection ended that the user had not closed; True when a new one is on its way."""


class WebSocket:
    """An open connection, or one that could not be opened: then `ok` is False and `failure` says why.

    on_push: called with each message that answers nothing, at once, instead of keeping it for `receive`
    code:    close code once it is closed; 1006 when it was lost
    """

    __slots__ = (
        "_back", "_closed", "_columns", "_connection", "_keeper", "_limit", "_ping_every_ns", "_ping_sent_ns", "_pinging", "_pong", "_replies",
        "_unread", "_waiter", "closing", "code", "failure", "on_push", "reason",
    )  # fmt: skip

    def __init__(self, keeper: Keeper, columns: Messages) -> None:
        self._keeper, self._columns = keeper, columns
        self._connection: WebSocketConnection | None = None
        self._replies: Replies | None = None
        self._unread: deque[Message] | None = None
        self._waiter: asyncio.Future[Message] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._back: asyncio.Future[None] | None = None  # while a lost connection is being opened again
        self._pong: asyncio.Future[int] | None = None
        self._limit: Deadline | None = None
        self._pinging: Deadline | None = None
        self._ping_sent_ns = self._ping_every_ns = 0
        self.on_push: Callable[[Message], None] | None = None
        self.failure: Kind | None = None
        self.reason = ""
        self.code = 0
        self.closing = False

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def ok(self) -> bool:
        """Is it open?"""
        return self._connection is not None and self._connection.open_now

    @property
    def subprotocol(self) -> str:
        """What the server chose; empty for none."""
        return self._connection.subprotocol if self._connection is not None else ""

    @property
    def columns(self) -> Messages:
        """Where what it sees is written down."""
        return self._columns

    @property
    def awaited(self) -> int:
        """Answers that it still waits for."""
        return len(self._replies) if self._replies is not None else 0

    def opened(self, connection: WebSocketConnection, ping_every_ns: int) -> None:
        """Take over a connection that was just upgraded."""
        self._connection, self.code, self.failure, self.reason = connection, 0, None, ""
        self._ping_every_ns = ping_every_ns
        if ping_every_ns:
            self._pinging = self._keeper.timers.at(now_ns() + ping_every_ns, self._ping_due)
        back, self._back = self._back, None
        connection.begin(self)
        if back is not None and not back.done():
            back.set_result(None)

    def not_opened(self, failed: Failed) -> None:
        """There is none, and none is on its way."""
        self.failure, self.reason = failed.kind, failed.text
        if self.code:
            self._finish(failed)

    # -- sending ----------------------------------------------------------------------------------------------------

    async def send(self, payload: Payload | None = None, *, json: Any = None) -> bool:
        """Send a message that nobody need answer; False when the connection is not open."""
        if not await self._ready():
            return False
        self._put(_content(payload, json))
        await self._drained()
        return True

    async def request(
        self, payload: Payload | None = None, *, json: Any = None, match: str = ORDER, timeout: float | None = None
    ) -> Message:
        """Send, and wait for the answer.

        match:   `order`: the next message answers the oldest one; or a place that both carry: `json.id`, `json.id = json.reply_to`
        timeout: seconds; the plan's `websocket.reply` unless given
        """
        due, excused = self._keeper.take_due()
        if not await self._ready():
            self._columns.failure("ws.errors", Kind.CLOSED_EARLY, NOT_OPEN)
            return Message("", 0, now_ns(), Kind.CLOSED_EARLY, NOT_OPEN)
        waiter: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.ask(_content(payload, json), match, due, excused, waiter, timeout)
        return await waiter

    def ask(
        self,
        content: Payload,
        match: str = ORDER,
        due_ns: int = 0,
        excused_ns: int = 0,
        waiter: asyncio.Future[Message] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Send now; the answer is timed when it comes, whether anybody waits for it or not."""
        replies = self._replies
        if replies is None or replies.match.text != match:
            if replies:
                raise UsageError("one connection pairs its messages in one way at a time", where=f"match {match}")
            replies = self._replies = Replies(self._keeper.match(match))
        wait_ns = self._keeper.reply_ns if timeout is None else round(timeout * SECOND)
        sent = self._put(content)
        awaited = Awaited(due_ns or sent, sent, excused_ns, sent + wait_ns, waiter)
        # Paired before any answer can have been read: reading happens in a later turn of the loop.
        pushed_out = replies.add(awaited, Message(content) if replies.match.asked is not None else None)
        if pushed_out is not None and not pushed_out.given_up:
            self._give_up(pushed_out, Kind.TIMEOUT_TOTAL, "another message took its place before the answer came")
        if self._limit is None:
            self._limit = self._keeper.timers.at(awaited.limit_ns, self._on_limit)
        elif awaited.limit_ns < self._limit.at_ns:
            self._limit.cancel()
            self._limit = self._keeper.timers.at(awaited.limit_ns, self._on_limit)

    async def ping(self, timeout: float | None = None) -> float | None:
        """Seconds until the pong came; None when it did not."""
        if not self.ok:
            return None
        self._pong = asyncio.get_running_loop().create_future()
        self._ping()
        try:
            return await asyncio.wait_for(self._pong, timeout or self._keeper.reply_ns / SECOND) / SECOND
        except TimeoutError:
            self._columns.count("ws.missed_pongs")
            self._ping_sent_ns = 0
            return None
        finally:
            self._pong = None

    def _put(self, content: Payload) -> int:
        """One message as a frame; answers when it was sent, in ns."""
        connection, columns = self._connection, self._columns
        assert connection is not None
        if isinstance(content, str):
            first, data = FIN | TEXT, content.encode()
        else:
            first, data = FIN | BINARY, content
        compression = connection.compression
        if compression is not None and len(data) >= WORTH_IT and compression.can_deflate:
            first, data = first | RSV1, compression.deflate(data)
        before = connection.put
        sent = connection.send_frame(first, data)
        columns.messages_out += 1
        columns.bytes_out += connection.put - before
        return sent

    async def _ready(self) -> bool:
        if self._back is not None:
            await asyncio.wait((self._back,), timeout=self._keeper.reply_ns / SECOND)
        return self.ok and not self.closing

    async def _drained(self) -> None:
        if self._connection is not None and self._connection.unsent:
            await self._connection.drain()

    # -- receiving --------------------------------------------------------------------------------------------------

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message that answers nothing; one that is not `ok` when the time is over or the connection has ended.

        timeout: seconds; without one it waits as long as the connection lasts
        """
        if self._unread:
            return self._unread.popleft()
        if not self.ok and self._back is None:
            return Message("", 0, now_ns(), self.failure or Kind.CLOSED_EARLY, self.reason or NOT_OPEN)
        if self._waiter is not None:
            raise UsageError("two receive() at once on one WebSocket", hint="one task that reads, or on_push")
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        late: Deadline | None = None
        if timeout is not None:
            late = self._keeper.timers.at(now_ns() + round(timeout * SECOND), lambda: _tell_late(waiter, timeout))
        try:
            return await waiter
        finally:
            self._waiter = None
            if late is not None:
                late.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        message = await self.receive()
        if not message.ok:
            raise StopAsyncIteration
        return message

    def pause(self) -> None:
        """Read nothing until `resume`: a slow reader, behind which messages pile up at the server."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read again."""
        if self._connection is not None:
            self._connection.resume()

    def on_events(self, events: list[Event], end_ns: int, seen_ns: int) -> None:
        """See websocket_connection.Listener."""
        columns, connection = self._columns, self._connection
        assert connection is not None
        columns.bytes_in += connection.got
        connection.got = 0
        for opcode, payload in events:
            if opcode <= BINARY:
                columns.messages_in += 1
                self._on_message(Message(payload, end_ns, seen_ns))
            elif opcode == PING:
                assert isinstance(payload, bytes)
                connection.send_frame(FIN | PONG, payload)
            elif opcode == PONG:
                self._on_pong(end_ns)
            elif opcode == CLOSE:
                assert isinstance(payload, bytes)
                self._on_close(*close_code(payload))

    def _on_message(self, message: Message) -> None:
        awaited = self._replies.take(message) if self._replies is not None else None
        if awaited is not None:
            if awaited.given_up:
                return
            message.due_ns, message.sent_ns = awaited.due_ns, awaited.sent_ns
            end = message.end_ns
            self._columns.rows.add(awaited.due_ns, awaited.sent_ns, end, end, message.seen_ns, awaited.excused_ns, 0, 0)
            if awaited.waiter is not None and not awaited.waiter.done():
                awaited.waiter.set_result(message)
        elif self.on_push is not None:
            self.on_push(message)
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(message)
        else:
            if self._unread is None:
                self._unread = deque()
            if len(self._unread) >= MOST_UNREAD:
                self._unread.popleft()
                self._columns.count("ws.unread")
            self._unread.append(message)

    # -- pings ------------------------------------------------------------------------------------------------------

    def _ping(self) -> None:
        assert self._connection is not None
        self._ping_sent_ns = self._connection.send_frame(FIN | PING, b"loadstone")

    def _ping_due(self) -> None:
        self._pinging = None
        if not self.ok:
            return
        if self._ping_sent_ns:
            self._columns.count("ws.missed_pongs")
        self._columns.count("ws.pings")
        self._ping()
        self._pinging = self._keeper.timers.at(now_ns() + self._ping_every_ns, self._ping_due)

    def _on_pong(self, end_ns: int) -> None:
        sent, self._ping_sent_ns = self._ping_sent_ns, 0
        if not sent:
            return  # nobody asked: allowed, and worth nothing (RFC 6455 section 5.5.3)
        self._columns.time("ws.pong_time", end_ns - sent)
        if self._pong is not None and not self._pong.done():
            self._pong.set_result(end_ns - sent)

    # -- the end ----------------------------------------------------------------------------------------------------

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say good-bye and wait for the other side's; when none comes in time the connection counts as 1006."""
        if self._connection is None or not self._connection.open_now:
            self.closing = True
            self._forget()
            return
        self.closing = True
        closed = self._closed = asyncio.get_running_loop().create_future()
        self._connection.send_frame(FIN | CLOSE, close_payload(code, reason))
        try:
            await asyncio.wait_for(asyncio.shield(closed), self._keeper.close_ns / SECOND)
        except TimeoutError:
            self._columns.failure("ws.errors", Kind.TIMEOUT_TOTAL, f"no close frame within {self._keeper.close_ns / SECOND:g} s")
            self._end(ABNORMAL, "client", Failed(Kind.TIMEOUT_TOTAL, "no close frame"))
        except asyncio.CancelledError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Say good-bye and leave at once, as at the end of a run."""
        self.closing = True
        if self._connection is not None and self._connection.open_now:
            self._connection.send_frame(FIN | CLOSE, close_payload(NORMAL))
            self._end(NORMAL, "client", Failed(Kind.CLOSED_EARLY, "closed by the client"), quiet=True)
        self._forget()

    def abort(self) -> None:
        """Break the connection without a word, as a lost network does; a reconnect policy then opens it again."""
        if self._connection is not None and self._connection.open_now:
            self._end(ABNORMAL, "client", Failed(Kind.CLOSED_EARLY, "broken by the client"))

    def _on_close(self, code: int, reason: str) -> None:
        assert self._connection is not None
        if not self.closing:
            self._connection.send_frame(FIN | CLOSE, close_payload(NORMAL if code == NO_CODE else code))
        what = f"closed by the server with {code}{': ' + reason if reason else ''}"
        self._end(code, "client" if self.closing else "server", Failed(Kind.CLOSED_EARLY, what))

    def on_lost(self, failed: Failed) -> None:
        """See websocket_connection.Listener."""
        if failed.kind in {Kind.PROTOCOL, Kind.TOO_LARGE}:
            self._columns.failure("ws.errors", failed.kind, failed.text)
        self._end(ABNORMAL, "server", failed)

    def _end(self, code: int, by: str, failed: Failed, *, quiet: bool = False) -> None:
        connection, columns = self._connection, self._columns
        assert connection is not None
        columns.bytes_in += connection.got
        connection.got = 0
        connection.close()
        self.code, self.failure, self.reason = code, failed.kind, failed.text
        columns.count("ws.closes", "code", str(code))
        for deadline in (self._pinging, self._limit):
            if deadline is not None:
                deadline.cancel()
        self._pinging = self._limit = None
        self._ping_sent_ns = 0
        self._lose_replies(failed, quiet=quiet)
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)
        if not self.closing:
            columns.failure("ws.drops", str(code), failed.text) if by == "server" else columns.count("ws.drops", "kind", str(code))
            if self._keeper.lost(self):
                self._back = asyncio.get_running_loop().create_future()
                return
        self._finish(failed)

    def _lose_replies(self, failed: Failed, *, quiet: bool) -> None:
        left = self._replies.take_all() if self._replies is not None else []
        if left and not quiet:
            self._columns.count("ws.messages_lost", by=len(left))
        for awaited in left:
            if quiet:
                if awaited.waiter is not None:
                    awaited.waiter.cancel()
            else:
                self._give_up(awaited, Kind.CLOSED_EARLY, failed.text)

    def _finish(self, failed: Failed) -> None:
        """Nobody is to wait for what will not come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Message("", 0, now_ns(), failed.kind, failed.text))
        if self._back is not None and not self._back.done():
            self._back.set_result(None)
        self._back = None

    def _forget(self) -> None:
        if self._back is not None:
            self._finish(Failed(Kind.CLOSED_EARLY, "closed by the client"))

    def _on_limit(self) -> None:
        self._limit = None
        replies = self._replies
        if replies is None:
            return
        for awaited in replies.overdue(now_ns()):
            took = (awaited.limit_ns - awaited.sent_ns) / SECOND
            self._columns.no_answer()
            self._give_up(awaited, Kind.TIMEOUT_TOTAL, f"no answer within {took:g} s")
        limit = replies.next_limit_ns()
        if limit:
            self._limit = self._keeper.timers.at(limit, self._on_limit)

    def _give_up(self, awaited: Awaited, kind: Kind, text: str) -> None:
        awaited.given_up = True
        self._columns.failure("ws.errors", kind, text)
        if awaited.waiter is not None and not awaited.waiter.done():
            message = Message("", 0, now_ns(), kind, text)
            message.due_ns, message.sent_ns = awaited.due_ns, awaited.sent_ns
            awaited.waiter.set_result(message)


def _content(payload: Payload | None, json: Any) -> Payload:
    if (payload is None) == (json is None):
        raise UsageError("a message is a payload or json=", hint='await ws.send("hello")')
    return payload if payload is not None else json_codec.dumps(json, separators=(",", ":"), ensure_ascii=False)


def _tell_late(waiter: asyncio.Future[Message], timeout: float) -> None:
    if not waiter.done():
        waiter.set_result(Message("", 0, now_ns(), Kind.TIMEOUT_TOTAL, f"no message within {timeout:g} s"))

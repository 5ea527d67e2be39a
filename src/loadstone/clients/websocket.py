"""One user's WebSocket: send, receive, request; every message counted, every answer timed. A failure is a message, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

from loadstone.clients.answers import Answers
from loadstone.clients.failure import Failed, Kind
from loadstone.clients.frames import (
    ABNORMAL,
    BINARY,
    CLOSE,
    FIN,
    NO_CODE,
    NORMAL,
    PING,
    PONG,
    Event,
    Payload,
    close_code,
    close_payload,
)  # fmt: skip
from loadstone.clients.heartbeat import Heartbeat
from loadstone.clients.inbox import Inbox
from loadstone.clients.keeper import Keeper, Listening, Sent
from loadstone.clients.message import Message, content_of
from loadstone.clients.replies import ORDER, Awaited
from loadstone.clients.websocket_connection import WebSocketConnection
from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.measure.messages import Messages

NOT_OPEN = "the connection is not open"


class WebSocket:
    """An open connection, or one that could not be opened: then `ok` is False and `failure` says why.

    code: close code once it is closed; 1006 when it was lost
    """

    __slots__ = (
        "_answers",
        "_back",
        "_closed",
        "_columns",
        "_connection",
        "_heartbeat",
        "_inbox",
        "_keeper",
        "_on_push",
        "_waiter",
        "closing",
        "code",
        "failure",
        "rally",
        "reason",
    )  # fmt: skip

    def __init__(self, keeper: Keeper, columns: Messages) -> None:
        self._keeper, self._columns = keeper, columns
        self._connection: WebSocketConnection | None = None
        self._answers: Answers | None = None
        self._inbox: Inbox | None = None
        self._closed: asyncio.Future[None] | None = None
        self._back: asyncio.Future[None] | None = None  # while a lost connection is being opened again
        self._heartbeat: Heartbeat | None = None
        self.rally: Listening | None = None
        self._on_push: Callable[[Message], None] | None = None
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

    def now(self) -> float:
        """The clock of `Message.end_s`, in seconds."""
        return now_ns() / SECOND

    @property
    def returning(self) -> bool:
        """Was it lost, and is it being opened again?"""
        return self._back is not None

    @property
    def patience_s(self) -> float:
        """How long an answer may take, in seconds, unless a call says otherwise."""
        return self._keeper.reply_ns / SECOND

    @property
    def columns(self) -> Messages:
        """Where what it sees is written down."""
        return self._columns

    @property
    def awaited(self) -> int:
        """Answers that it still waits for."""
        return len(self._answers) if self._answers is not None else 0

    def opened(self, connection: WebSocketConnection, ping_every_ns: int) -> None:
        """Take over a connection that was just upgraded."""
        self._connection, self.code, self.failure, self.reason = connection, 0, None, ""
        if ping_every_ns:
            self._heartbeat = Heartbeat(connection, self._columns, self._keeper.timers, ping_every_ns)
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

    async def send(self, payload: Payload | None = None, *, json: Any = None, note: Sent | None = None) -> bool:
        """Send a message that nobody need answer; False when the connection is not open.

        note: gets the times of this message
        """
        due, excused = await self._its_turn()
        if not self.ok or self.closing:
            return False
        sent = self.put(content_of(payload, json))
        if due:
            self._columns.time("load.send_lag", sent - due - excused)
        if note is not None:
            note.due_ns, note.sent_ns, note.excused_ns = due or sent, sent, excused
        await self._drained()
        return True

    async def _its_turn(self) -> tuple[int, int]:
        """When the coming message was due, and the wait that is not our lateness: for a session, a connection, or its return."""
        due, excused = self._keeper.take_due()
        if self._back is not None:
            asked = now_ns()
            await asyncio.wait((self._back,), timeout=self._keeper.reply_ns / SECOND)
            excused += now_ns() - asked
        return due, excused

    async def request(
        self,
        payload: Payload | None = None,
        *,
        json: Any = None,
        match: str = ORDER,
        timeout: float | None = None,  # noqa: ASYNC109  as for receive
    ) -> Message:
        """Send, and wait for the answer.

        match:   `order`: the next message answers the oldest one; or a place that both carry: `json.id`, `json.id = json.reply_to`
        timeout: seconds; the plan's `websocket.reply` unless given
        """
        due, excused = await self._its_turn()
        if not self.ok or self.closing:
            self._columns.failure("ws.errors", Kind.CLOSED_EARLY, NOT_OPEN)
            return Message("", 0, now_ns(), Kind.CLOSED_EARLY, NOT_OPEN)
        waiter: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.ask(content_of(payload, json), match, due, excused, waiter, timeout)
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
        answers = self._paired(match)
        wait_ns = self._keeper.reply_ns if timeout is None else round(timeout * SECOND)
        sent = self.put(content)
        # Paired before any answer can have been read: reading happens in a later turn of the loop.
        awaited = Awaited(due_ns or sent, sent, excused_ns, sent + wait_ns, waiter)
        answers.expect(awaited, Message(content) if answers.match.asked is not None else None)

    def _paired(self, match: str) -> Answers:
        answers = self._answers
        if answers is None or answers.match.text != match:
            if answers:
                raise UsageError("one connection pairs its messages in one way at a time", where=f"match {match}")
            answers = self._answers = Answers(self._keeper.match(match), self._columns, self._keeper.timers)
        return answers

    def owe(self, sent_ns: int) -> None:
        """The answer to this message was given up; when it comes after all, it is not taken for another one's."""
        self._paired(ORDER).owe(sent_ns)

    async def answered(self, within_s: float) -> None:
        """Wait until every answer has come or was given up, or the time is over."""
        if self._answers:
            await self._answers.settled(within_s)

    async def ping(self, timeout: float | None = None) -> float | None:  # noqa: ASYNC109  as for receive
        """Seconds until the pong came; None when it did not."""
        if not self.ok or self._connection is None:
            return None
        if self._heartbeat is None:
            self._heartbeat = Heartbeat(self._connection, self._columns, self._keeper.timers, 0)
        return await self._heartbeat.once(self._keeper.reply_ns if timeout is None else round(timeout * SECOND))

    def put(self, content: Payload) -> int:
        """Send one message at once, on a connection that is open; answers when it was sent, in ns."""
        connection, columns = self._connection, self._columns
        assert connection is not None
        before = connection.put
        sent = connection.send_message(content)
        columns.messages_out += 1
        columns.bytes_out += connection.put - before
        return sent

    async def _drained(self) -> None:
        if self._connection is not None and self._connection.unsent:
            await self._connection.drain()

    # -- receiving --------------------------------------------------------------------------------------------------

    async def receive(self, timeout: float | None = None) -> Message:  # noqa: ASYNC109  a time-out is an answer here, not an exception
        """The next message that answers nothing; one that is not `ok` when the time is over or the connection has ended.

        timeout: seconds; without one it waits as long as the connection lasts
        """
        inbox = self._inbox
        if inbox is None:
            inbox = self._inbox = Inbox()
        message = inbox.take()
        if message is not None:
            return message
        if not self.ok and self._back is None:
            return Message("", 0, now_ns(), self.failure or Kind.CLOSED_EARLY, self.reason or NOT_OPEN)
        return await inbox.wait(self._keeper.timers, timeout)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        message = await self.receive()
        if not message.ok:
            raise StopAsyncIteration
        return message

    @property
    def on_push(self) -> Callable[[Message], None] | None:
        """Called with each message that answers nothing, at once, instead of keeping it for `receive`."""
        return self._on_push

    @on_push.setter
    def on_push(self, call: Callable[[Message], None] | None) -> None:
        self._on_push = call
        while call is not None and self._inbox is not None and (message := self._inbox.take()) is not None:
            call(message)  # what came before anybody listened

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
                if self.rally is not None:
                    self.rally.on_answer(end_ns, seen_ns)
                else:
                    self._on_message(Message(payload, end_ns, seen_ns))
            elif opcode == PING:
                assert isinstance(payload, bytes)
                connection.send_frame(FIN | PONG, payload)
            elif opcode == PONG:
                if self._heartbeat is not None and isinstance(payload, bytes):
                    self._heartbeat.on_pong(payload, end_ns)
            elif opcode == CLOSE:
                assert isinstance(payload, bytes)
                self._on_close(*close_code(payload))

    def _on_message(self, message: Message) -> None:
        if self._answers is not None and self._answers.take(message):
            return
        if self._on_push is not None:
            self._on_push(message)
        else:
            if self._inbox is None:
                self._inbox = Inbox()
            if not self._inbox.put(message):
                self._columns.count("ws.unread")

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
        heartbeat, self._heartbeat = self._heartbeat, None
        if heartbeat is not None:
            heartbeat.stop()
        if self.rally is not None:
            self.rally.on_lost(failed)
        if self._answers is not None:
            self._answers.lose(failed, quiet=quiet)
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)
        if self.closing:
            self._keeper.forget(self)
        else:
            if by == "server":
                columns.failure("ws.drops", str(code), failed.text)
            if self._keeper.lost(self):
                self._back = asyncio.get_running_loop().create_future()
                return
        self._finish(failed)

    def _finish(self, failed: Failed) -> None:
        """Nobody is to wait for what will not come."""
        if self._inbox is not None:
            self._inbox.end(failed)
        if self._back is not None and not self._back.done():
            self._back.set_result(None)
        self._back = None

    def _forget(self) -> None:
        if self._back is not None:
            self._finish(Failed(Kind.CLOSED_EARLY, "closed by the client"))

"""One message again and again on one WebSocket, each sent when the answer to the last has come.

For users that do nothing else (`loadstone ws`): the next message leaves in the very call that read the answer, so no task is
woken and no message object made. Anything out of the ordinary ends the rally, and the general way takes over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.frames import Payload
from loadstone.clients.websocket import WebSocket
from loadstone.clock import SECOND, Deadline, Timers, now_ns
from loadstone.measure.recorder import Column


class Rally:
    """A listener that answers an answer with the next message.

    content: asked for each message
    go_on:   asked before each further message; False ends the rally
    """

    def __init__(
        self,
        websocket: WebSocket,
        content: Callable[[], Payload],
        timers: Timers,
        reply_ns: int,
        durations: Column,
        go_on: Callable[[], bool],
    ) -> None:
        self._websocket, self._content, self._timers, self._reply_ns = websocket, content, timers, reply_ns
        self._add_row, self._add_duration, self._go_on = websocket.columns.rows.add, durations.add, go_on
        self._sent_ns = 0
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._limit: Deadline | None = None

    async def run(self) -> None:
        """Messages as long as all is well; what did not end well has been recorded as what it was."""
        websocket = self._websocket
        websocket.rally = self
        self._limit = self._timers.at(now_ns() + self._reply_ns, self._on_limit)
        self._sent_ns = websocket.put(self._content())
        try:
            await self._finished
        finally:
            websocket.rally = None
            if self._limit is not None:
                self._limit.cancel()

    def on_answer(self, end_ns: int, seen_ns: int) -> None:
        """The answer has come."""
        sent = self._sent_ns
        if not sent:
            return  # the rally is over, and this is nobody's answer
        # Due is sent: the next message of a closed loop is due when the last answer has been read.
        self._add_row(sent, sent, end_ns, end_ns, seen_ns, 0, 0, 0)
        self._add_duration(seen_ns - sent)
        if self._go_on():
            self._sent_ns = self._websocket.put(self._content())
        else:
            self._end()

    def on_lost(self, failed: Failed) -> None:
        """The connection ended while an answer was awaited."""
        if self._sent_ns:
            columns = self._websocket.columns
            columns.count("ws.messages_lost")
            columns.failure("ws.errors", Kind.CLOSED_EARLY, failed.text)
        self._end()

    def _on_limit(self) -> None:
        # One entry follows the current message's limit, so that a message costs no timer of its own.
        limit = self._sent_ns + self._reply_ns
        if limit > now_ns():
            self._limit = self._timers.at(limit, self._on_limit)
            return
        self._limit = None
        columns = self._websocket.columns
        columns.no_answer()
        columns.failure("ws.errors", Kind.TIMEOUT_TOTAL, f"no answer within {self._reply_ns / SECOND:g} s")
        self._websocket.owe(self._sent_ns)
        self._end()

    def _end(self) -> None:
        self._sent_ns = 0
        if not self._finished.done():
            self._finished.set_result(None)

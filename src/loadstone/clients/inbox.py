"""Messages that came and were not read yet, and the one who waits for the next."""

from __future__ import annotations

import asyncio
from collections import deque

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.message import Message
from loadstone.clock import SECOND, Deadline, Timers, now_ns
from loadstone.errors import UsageError

MOST_UNREAD = 1_000  # then the oldest is dropped


class Inbox:
    """Of one WebSocket; made when the first message is kept or waited for."""

    __slots__ = ("_messages", "_waiter")

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._waiter: asyncio.Future[Message] | None = None

    def put(self, message: Message) -> bool:
        """Hand it over or keep it; False when an older one was dropped for it."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(message)
            return True
        full = len(self._messages) >= MOST_UNREAD
        if full:
            self._messages.popleft()
        self._messages.append(message)
        return not full

    def take(self) -> Message | None:
        """The oldest message, if one is there."""
        return self._messages.popleft() if self._messages else None

    async def wait(self, timers: Timers, wait_s: float | None) -> Message:
        """The next message; one that is not `ok` when the time is over, in seconds, or nothing more can come."""
        if self._waiter is not None:
            raise UsageError("two receive() at once on one WebSocket", hint="one task that reads, or on_push")
        waiter: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        late: Deadline | None = None
        if wait_s is not None:
            late = timers.at(
                now_ns() + round(wait_s * SECOND), lambda: self.end(Failed(Kind.TIMEOUT_TOTAL, f"no message within {wait_s:g} s"))
            )
        try:
            return await waiter
        finally:
            self._waiter = None
            if late is not None:
                late.cancel()

    def end(self, failed: Failed) -> None:
        """Nobody is to wait for what will not come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Message("", 0, now_ns(), failed.kind, failed.text))

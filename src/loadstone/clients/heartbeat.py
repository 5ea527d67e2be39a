"""Pings on one WebSocket: how long each pong took, and which never came (RFC 6455 section 5.5.2)."""

from __future__ import annotations

import asyncio

from loadstone.clients.frames import FIN, PING
from loadstone.clients.websocket_connection import WebSocketConnection
from loadstone.clock import SECOND, Deadline, Timers, now_ns
from loadstone.measure.messages import Messages

PAYLOAD = b"loadstone"


class Heartbeat:
    """Sends a ping now and then, or when asked to.

    every_ns: 0 sends none by itself
    """

    __slots__ = ("_columns", "_connection", "_due", "_every_ns", "_sent_ns", "_timers", "_waiter")

    def __init__(self, connection: WebSocketConnection, columns: Messages, timers: Timers, every_ns: int) -> None:
        self._connection, self._columns, self._timers, self._every_ns = connection, columns, timers, every_ns
        self._sent_ns = 0  # of the ping whose pong has not come
        self._waiter: asyncio.Future[int] | None = None
        self._due: Deadline | None = timers.at(now_ns() + every_ns, self._beat) if every_ns else None

    async def once(self, timeout_ns: int) -> float | None:
        """Seconds until the pong came; None when it did not."""
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        self._ping()
        try:
            return await asyncio.wait_for(waiter, timeout_ns / SECOND) / SECOND
        except TimeoutError:
            self._columns.count("ws.missed_pongs")
            self._sent_ns = 0
            return None
        finally:
            self._waiter = None

    def on_pong(self, end_ns: int) -> None:
        """A pong has come; one that nobody asked for is allowed, and worth nothing (RFC 6455 section 5.5.3)."""
        sent, self._sent_ns = self._sent_ns, 0
        if sent:
            self._columns.time("ws.pong_time", end_ns - sent)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(end_ns - sent)

    def stop(self) -> None:
        """The connection has ended."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._sent_ns:
            self._columns.count("ws.missed_pongs")
            self._sent_ns = 0

    def _ping(self) -> None:
        self._columns.count("ws.pings")
        self._sent_ns = self._connection.send_frame(FIN | PING, PAYLOAD)

    def _beat(self) -> None:
        self._due = None
        if not self._connection.open_now:
            return
        if self._sent_ns:  # it had the whole time until now
            self._columns.count("ws.missed_pongs")
        self._ping()
        self._due = self._timers.at(now_ns() + self._every_ns, self._beat)

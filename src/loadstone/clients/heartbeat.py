"""Pings on one WebSocket: how long each pong took, and which never came (RFC 6455 section 5.5.2)."""

from __future__ import annotations

import asyncio

from loadstone.clients.frames import FIN, PING
from loadstone.clients.websocket_connection import WebSocketConnection
from loadstone.clock import SECOND, Deadline, Timers, now_ns
from loadstone.measure.messages import Messages

Waiter = asyncio.Future[int | None]


class Heartbeat:
    """Sends a ping now and then, or when asked to. Each ping holds a number of its own, by which its pong is known.

    every_ns: 0 sends none by itself
    """

    __slots__ = ("_columns", "_connection", "_due", "_every_ns", "_open", "_sent", "_timers")

    def __init__(self, connection: WebSocketConnection, columns: Messages, timers: Timers, every_ns: int) -> None:
        self._connection, self._columns, self._timers, self._every_ns = connection, columns, timers, every_ns
        self._sent = 0
        self._open: dict[bytes, tuple[int, Waiter | None]] = {}  # pings whose pong has not come: when they were sent, and who waits
        self._due: Deadline | None = timers.at(now_ns() + every_ns, self._beat) if every_ns else None

    async def once(self, timeout_ns: int) -> float | None:
        """Seconds until the pong came; None when it did not."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        ping = self._ping(waiter)
        try:
            took = await asyncio.wait_for(waiter, timeout_ns / SECOND)
        except TimeoutError:
            took = None
        if self._open.pop(ping, None) is not None:
            self._columns.count("ws.missed_pongs")
        return None if took is None else took / SECOND

    def on_pong(self, payload: bytes, end_ns: int) -> None:
        """A pong has come; one that nobody asked for, or waits for any more, is allowed and worth nothing (RFC 6455 section 5.5.3)."""
        sent, waiter = self._open.pop(payload, (0, None))
        if sent:
            self._columns.time("ws.pong_time", end_ns - sent)
            if waiter is not None and not waiter.done():
                waiter.set_result(end_ns - sent)

    def stop(self) -> None:
        """The connection has ended."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        missed, self._open = self._open, {}
        if missed:
            self._columns.count("ws.missed_pongs", by=len(missed))
        for _, waiter in missed.values():
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _ping(self, waiter: Waiter | None = None) -> bytes:
        self._columns.count("ws.pings")
        self._sent += 1
        ping = b"loadstone %d" % self._sent
        self._open[ping] = self._connection.send_frame(FIN | PING, ping), waiter
        return ping

    def _beat(self) -> None:
        self._due = None
        if not self._connection.open_now:
            return
        # The one before had the whole time until now; whoever waits for one sees to it.
        missed = [ping for ping, (_, waiter) in self._open.items() if waiter is None or waiter.done()]
        for ping in missed:
            del self._open[ping]
        if missed:
            self._columns.count("ws.missed_pongs", by=len(missed))
        self._ping()
        self._due = self._timers.at(now_ns() + self._every_ns, self._beat)

"""Sending a reply at its due times: chunks, keep-alives between them, and every way a stream can break."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from loadstone.reference.connections import break_connection
from loadstone.reference.dialects.frames import Dialect
from loadstone.reference.model import ClientLeft, SimulatedModel
from loadstone.reference.reply import Ending, Kind, Reply, stops_after
from loadstone.reference.switches import Switches
from loadstone.reference.timer import Timer

PING = b": ping\n\n"
EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no"}


class Write(NamedTuple):
    """Bytes that are due, in seconds after the start; tokens is 0 for what carries none."""

    due_s: float
    data: bytes
    tokens: int = 0
    reasoning: bool = False


class ReplyStream(Response):
    """Server-sent events at their due times. A late event does not move the later ones: due times count from the start."""

    def __init__(
        self,
        dialect: Dialect,
        reply: Reply,
        switches: Switches,
        model: SimulatedModel,
        timer: Timer,
        *,
        arrival: float,
        hit: bool,
        headers: dict[str, str],
    ) -> None:
        super().__init__(headers={**EVENT_STREAM, **headers})
        del self.headers["content-length"]
        self._dialect, self._reply, self._switches = dialect, reply, switches
        self._model, self._timer, self._arrival, self._hit = model, timer, arrival, hit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; stop when the client has gone."""
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            async with self._model.generating(self._reply, self._arrival, gone, hit=self._hit) as start:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                if await self._send_all(send, start, gone):
                    await self._end(scope, send, gone)
                    self._model.ended(self._reply.ending)
                else:
                    self._model.done.cancelled += 1
        except ClientLeft:
            self._model.done.cancelled += 1
        finally:
            gone.cancel()

    async def _send_all(self, send: Send, start: float, gone: asyncio.Future[None]) -> bool:
        """False when the client left before the last token."""
        timer, model, most = self._timer, self._model, self._switches.write_bytes
        first = True
        for write in timeline(self._dialect, self._reply, self._switches):
            due = start + write.due_s
            await timer.until(due)
            if gone.done():
                return False
            if most is None or len(write.data) <= most:
                await send({"type": "http.response.body", "body": write.data, "more_body": True})
            else:
                await self._send_in_parts(send, write.data, most)
            if write.tokens:
                now = timer.now()
                model.sent(write.tokens, write.reasoning, now - due)
                if first:
                    first = False
                    model.ttft.add(now - self._arrival)
        return True

    async def _send_in_parts(self, send: Send, data: bytes, most: int) -> None:
        for offset in range(0, len(data), most):
            if offset:
                await self._timer.until(self._timer.now() + self._switches.write_gap)
                await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": data[offset : offset + most], "more_body": True})

    async def _end(self, scope: Scope, send: Send, gone: asyncio.Future[None]) -> None:
        ending = self._reply.ending
        if ending in (Ending.CLOSE, Ending.RESET):
            await break_connection(scope, gone, reset=ending is Ending.RESET)
            return
        end = b""
        if ending is Ending.COMPLETE:
            end = self._dialect.closing(done=self._switches.done)
            self._model.finish(self._reply, self._timer.now() - self._arrival)
        elif ending is Ending.ERROR:
            end = self._dialect.failure()
        # One write an event, as servers do it; in compact JSON an empty line is always the end of one.
        for part in end.split(b"\n\n")[:-1]:
            data = part + b"\n\n"
            await self._send_in_parts(send, data, self._switches.write_bytes or len(data))
        await send({"type": "http.response.body", "body": b""})


def timeline(dialect: Dialect, reply: Reply, switches: Switches) -> Iterator[Write]:
    """Everything up to the last token in order: the opening at once, then chunks and keep-alives as they are due."""
    opening = dialect.opening()
    if opening:
        yield Write(0.0, opening)
    ping = switches.ping
    next_ping = ping or 0.0
    for piece in reply.pieces(stops_after(reply, switches)):
        while ping and next_ping < piece.due_s:
            yield Write(next_ping, PING)
            next_ping += ping
        yield Write(piece.due_s, dialect.piece(piece), piece.tokens, piece.kind is Kind.REASONING)


async def disconnected(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass

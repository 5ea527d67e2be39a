"""Streams that are not about a model: server-sent events and JSON lines, on an exact schedule, sound or flawed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from loadstone.reference.bodies import Refusal, query_number
from loadstone.reference.state import backend_of
from loadstone.reference.streams import disconnected
from loadstone.reference.timer import Timer

FLAWS = ("none", "utf8", "json", "half", "type")


class Feed(Response):
    """Events 1 to `count` (0: until the client leaves); event n is due `first` + (n-1) gaps after the request's arrival."""

    def __init__(self, request: Request, media_type: str, word: Callable[[int, str], bytes]) -> None:
        self.timer: Timer = backend_of(request).timer
        self.arrival = self.timer.now()
        self.count = query_number(request, "count", 10, least=0, greatest=10_000_000)
        self.gap_s = query_number(request, "gap_ms", 100, least=0, greatest=600_000) / 1e3
        self.first_s = query_number(request, "first_ms", 0, least=0, greatest=600_000) / 1e3
        self.pad = "x" * query_number(request, "pad", 0, least=0, greatest=16 * 1024 * 1024)
        self.flaw = request.query_params.get("flaw", "none")
        if self.flaw not in FLAWS:
            raise Refusal(400, f"flaw must be one of {', '.join(FLAWS)}", param="flaw")
        if self.count == 0 and self.gap_s == 0:
            raise Refusal(400, "an endless feed needs a gap: gap_ms must be at least 1", param="gap_ms")
        super().__init__(headers={"cache-control": "no-cache", "content-type": "text/plain" if self.flaw == "type" else media_type})
        del self.headers["content-length"]
        self._word = word

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the feed; stop when the client has gone."""
        del scope
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            number = 0
            while not self.count or number < self.count:
                number += 1
                await self.timer.until(self.arrival + self.first_s + (number - 1) * self.gap_s)
                if self.gap_s == 0:
                    await asyncio.sleep(0)
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": self._flawed(self._event(number), number), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    def _event(self, number: int) -> bytes:
        value = {"n": number, "of": self.count or None, "sent_unix_ns": time.time_ns()} | ({"pad": self.pad} if self.pad else {})
        return self._word(number, json.dumps(value, separators=(",", ":")))

    def _flawed(self, data: bytes, number: int) -> bytes:
        """Broken UTF-8 or JSON in every event, or the last event cut in the middle."""
        if self.flaw == "utf8":
            return data.replace(b'{"n"', b'{"\xff\xfe":0,"n"')
        if self.flaw == "json":
            return data.replace(b"}", b"", 1)
        return data[: len(data) // 2] if self.flaw == "half" and number == self.count else data


async def events(request: Request) -> Response:
    """`GET /events?count=10&gap_ms=100&first_ms=0&pad=0&flaw=none`: server-sent events named `tick`, with ids."""
    return Feed(request, "text/event-stream", lambda number, text: f"id: {number}\nevent: tick\ndata: {text}\n\n".encode())


async def ndjson(request: Request) -> Response:
    """`GET /ndjson?count=10&gap_ms=100&first_ms=0&pad=0&flaw=none`: one JSON object a line."""
    return Feed(request, "application/x-ndjson", lambda _, text: f"{text}\n".encode())


ROUTES = [Route("/events", events, methods=["GET"]), Route("/ndjson", ndjson, methods=["GET"])]

"""Handing a request on to the real model, and its answer back as it comes."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httptools
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from loadstone.reference.bodies import error_body
from loadstone.reference.streams import disconnected

# Of one connection, not of the answer.
_OF_THE_HOP = frozenset({b"connection", b"transfer-encoding", b"keep-alive"})
_READ_BYTES = 65_536


class Forwarded(Response):
    """The answer of another server on this machine. Each piece is passed on as soon as it is read."""

    def __init__(self, url: str, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._url, self._method, self._path = url, method, path
        self._body = b"" if body is None else json.dumps(body).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask, and pass on; when the client leaves, so do we, and the model stops."""
        del scope
        gone = asyncio.ensure_future(disconnected(receive))
        work = asyncio.ensure_future(self.pass_on(send))
        try:
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            gone.cancel()
            work.cancel()
            await asyncio.wait({work})  # it closes the other connection, and the model stops

    async def pass_on(self, send: Send) -> None:
        """Ask, and hand each piece of the answer to `send`."""
        answer = _Answer()
        try:
            reader, writer = await self._asked()
        except OSError as error:
            await _fail(send, f"the model does not answer: {error}")
            return
        started = False
        try:
            while not answer.complete:
                data = await reader.read(_READ_BYTES)
                if not data:
                    break
                answer.parser.feed_data(data)
                if answer.head and not started:
                    started = True
                    await send({"type": "http.response.start", "status": answer.parser.get_status_code(), "headers": answer.headers})
                for part in answer.take():
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        if not started:
            await _fail(send, "the model's process ended before it answered")
        elif answer.complete:
            await send({"type": "http.response.body", "body": b""})
        # Otherwise the answer broke off, and breaks off here: nothing is made up to end it.

    async def _asked(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"{self._method} {self._path} HTTP/1.1\r\nhost: {address.netloc}\r\nconnection: close\r\n"
        writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(self._body)}\r\n\r\n".encode() + self._body)
        return reader, writer


class _Answer:
    """What has been read of an answer; the names are those that the parser calls."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.head = self.complete = False
        self.parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if name.lower() not in _OF_THE_HOP:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self.head = True

    def on_body(self, part: bytes) -> None:
        """Bytes of the body, without their chunks' frames."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self.complete = True

    def take(self) -> list[bytes]:
        """What came of the body since the last call."""
        parts, self._parts = self._parts, []
        return parts


async def fetched(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """Status and whole body of a forwarded request; (0, b"") when there is no answer to be had."""
    parts: list[bytes] = []
    status = 0

    async def keep(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    await Forwarded(url, method, path, body).pass_on(keep)
    return status, b"".join(parts)


async def fetch_text(url: str, path: str) -> str:
    """The body of a plain GET, as text; empty when there is none to be had."""
    status, body = await fetched(url, "GET", path)
    return body.decode("utf-8", "replace") if status == 200 else ""


async def _fail(send: Send, message: str) -> None:
    body = json.dumps(error_body(502, message, code="model_gone")).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 502, "headers": headers})
    await send({"type": "http.response.body", "body": body})

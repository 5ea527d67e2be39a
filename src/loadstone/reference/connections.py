"""Connections that can be broken on purpose: uvicorn's own protocol, plus a way for an endpoint to close or reset its socket."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.wyoming import WyomingCall

_EXTENSION = "loadstone.transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class BreakableHttp(HttpToolsProtocol):
    """HTTP/1.1 whose endpoints find their transport in the scope."""

    voice: VoiceHub | None = None  # takes the connections that are calls over plain TCP

    def data_received(self, data: bytes) -> None:
        """As the original, unless what comes first is a Wyoming event: no HTTP request begins with a brace."""
        if data[:1] == b"{" and self.voice is not None and self.cycle is None:
            self.connections.discard(self)
            call = WyomingCall(self.voice, self.connections)
            call.connection_made(self.transport)
            self.transport.set_protocol(call)
            call.data_received(data)
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """As the original; the scope then knows the transport."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {_EXTENSION: self.transport}


def http_protocol(voice: VoiceHub) -> type[BreakableHttp]:
    """The protocol whose calls over plain TCP that hub takes."""
    return type("ReferenceHttp", (BreakableHttp,), {"voice": voice})


async def break_connection(scope: Scope, gone: asyncio.Future[None], *, reset: bool) -> None:
    """Close the connection in the middle of an answer, or reset it; returns when it is done. Without a socket, do nothing."""
    transport = scope.get("extensions", {}).get(_EXTENSION)
    if transport is None:
        return
    if reset:
        reset_transport(transport)
    else:
        transport.close()
    await gone  # else uvicorn would log an answer that was not completed


def reset_transport(transport: asyncio.Transport) -> None:
    """End a connection with a TCP reset: the peer sees ECONNRESET, and what it has not read yet may be lost."""
    link: socket.socket | None = transport.get_extra_info("socket")
    if link is not None:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()

"""The WebSocket client with everything around it, and a server's side of the wire byte by byte: for tests.

with ScriptedServer([accept(), send_frame(TEXT, b"hello"), hold()]) as server:
    message = SocketTalk(target=server.url).hold(listen)
"""

from __future__ import annotations

import random
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from loadstone.clients.frames import FIN
from loadstone.clients.upgrade import accept_of
from loadstone.clients.websocket_client import WebSocketClient
from loadstone.testing.server import Peer, Step
from loadstone.testing.talk import OneUser

Answer = TypeVar("Answer")


class SocketTalk(OneUser):
    """One user that speaks WebSocket.

    websocket: the plan's `websocket` settings; all else goes to HttpOptions
    """

    def __init__(self, websocket: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.rng = random.Random(1)
        self._settings = websocket or {}

    def hold(self, conversation: Callable[[WebSocketClient], Awaitable[Answer]]) -> Answer:
        """See `speak`."""
        return self.speak("websocket", conversation, websocket=self._settings)


# -- a server's steps -----------------------------------------------------------------------------------------------------


def accept(*headers: str, with_answer: bytes = b"") -> Step:
    """Read the upgrade and agree to it; `with_answer` goes out in the same segment."""

    def step(peer: Peer) -> None:
        request = peer.read_request()
        key = next(line.partition(b":")[2].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_of(key.decode())}",
        ]
        peer.send("\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + with_answer)

    return step


def send_frame(opcode: int, payload: bytes = b"", *, first: int | None = None) -> Step:
    """Send one frame; `first` is its first byte where it is not FIN and the opcode."""
    return lambda peer: peer.send(server_frame(opcode, payload, first=first))


def answer_frames(count: int = 1) -> Step:
    """Read that many frames and send each message back as it was."""

    def step(peer: Peer) -> None:
        for _ in range(count):
            opcode, payload = read_frame(peer)
            peer.send(server_frame(opcode, payload))

    return step


def server_frame(opcode: int, payload: bytes = b"", *, first: int | None = None) -> bytes:
    """One frame without a mask, as servers send them."""
    size = len(payload)
    head = bytes([FIN | opcode if first is None else first])
    if size < 126:
        return head + bytes([size]) + payload
    return head + (struct.pack(">BH", 126, size) if size < 65_536 else struct.pack(">BQ", 127, size)) + payload


def read_frame(peer: Peer) -> tuple[int, bytes]:
    """The next frame from the client, unmasked: opcode and payload."""
    first, second = peer.read(2)
    size = second & 0x7F
    if size == 126:
        size = struct.unpack(">H", peer.read(2))[0]
    elif size == 127:
        size = struct.unpack(">Q", peer.read(8))[0]
    assert second & 0x80, "a client masks its frames"
    mask = peer.read(4)
    payload = peer.read(size)
    return first & 0x0F, bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))

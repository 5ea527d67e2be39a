"""The WebSocket client with everything around it, and a server's side of the wire byte by byte: for tests.

with ScriptedServer([accept(), send_frame(TEXT, b"hello"), hold()]) as server:
    message = SocketTalk(target=server.url).hold(listen)
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from loadstone.clients.frames import FIN
from loadstone.clients.ground import Ground
from loadstone.clients.http_scope import HttpOptions, HttpScope
from loadstone.clients.upgrade import accept_of
from loadstone.clients.websocket_client import WebSocketClient, WebSocketClients
from loadstone.clients.wire import Wire
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import LOAD
from loadstone.plan.model import Plan
from loadstone.testing.server import Peer, Step
from loadstone.testing.talk import loop_factory

Answer = TypeVar("Answer")
_PLAN = {
    "name": "talk",
    "scenarios": {"talk": {"profile": {"kind": "constant-users", "users": 1, "duration": "1s"}, "steps": [{"get": "/"}]}},
}


class SocketTalk:
    """One user that speaks WebSocket; what was measured stands in `measured` afterwards.

    websocket: the plan's `websocket` settings; all else goes to HttpOptions
    """

    def __init__(self, websocket: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.tags: Mapping[str, str] = {}
        self.due: list[tuple[int, int]] = []
        self.rng = random.Random(1)
        self.recorder = Recorder()
        self.wire: Wire | None = None
        self._options = HttpOptions(**options)
        self._plan = Plan.model_validate({**_PLAN, "websocket": websocket or {}})

    def take_due(self) -> tuple[int, int]:
        """See clients.http.Place."""
        return self.due.pop(0) if self.due else (0, 0)

    def hold(self, conversation: Callable[[WebSocketClient], Awaitable[Answer]]) -> Answer:
        """Run the conversation on an event loop of its own, the one that workers use."""
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(self._hold(conversation))

    async def _hold(self, conversation: Callable[[WebSocketClient], Awaitable[Answer]]) -> Answer:
        wire = self.wire = Wire(asyncio.get_running_loop())
        scope = HttpScope(wire, self.recorder, "talk", self._options)
        client = WebSocketClients(Ground(self._plan, "talk", scope, wire.timers)).client(self)
        try:
            return await conversation(client)
        finally:
            client.close()
            wire.close()

    @property
    def measured(self) -> Aggregate:
        """Everything recorded since the last look."""
        return Aggregate(self.recorder.take(0, 0.0, 1.0, LOAD))


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

"""One WebSocket on its socket: handshake, frames, closing, and the ways in which each can go wrong on purpose.

It stands directly on the transport, over the sans-I/O protocol of the `websockets` library: an ASGI layer between would
answer pings by itself, cannot leave a close frame unanswered, and hides whether a reader keeps up.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from loadstone.errors import UsageError
from loadstone.reference.connections import reset_transport
from loadstone.reference.sockets.chat import Chat
from loadstone.reference.sockets.hub import ABNORMAL, Hub
from loadstone.reference.sockets.outbox import BINARY, TEXT, Outbox, server_frame
from loadstone.reference.sockets.quick import QuickFrames
from loadstone.reference.sockets.switches import OF_A_CONNECTION, SocketSwitches, read_socket_switches
from loadstone.reference.sockets.talks import Echo, Misunderstood, Talk, Ticks
from loadstone.reference.voice.paths import VOICE_PATHS

CLOSE_WITHIN_S = 2.0
MOST_MESSAGE_BYTES = 64 * 1024 * 1024
PATHS: dict[str, Callable[[Any], Talk]] = {"/ws/echo": Echo, "/ws/chat": Chat, "/ws/ticks": Ticks, **VOICE_PATHS}
_NOT_SETTINGS = frozenset({"room", "user", "count", "gap_ms"})


class _Frames(ServerProtocol):
    """The library's protocol; may leave pings and close frames unanswered."""

    pongs = True
    close_answer = True
    withheld = unanswered = 0

    def recv_frame(self, frame: Frame) -> None:
        """As the original, unless it is told to be silent."""
        if frame.opcode is Opcode.PING and not self.pongs:
            self.withheld += 1
        elif frame.opcode is Opcode.CLOSE and not self.close_answer:
            self.unanswered += 1
        else:
            super().recv_frame(frame)

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """The first of ours that the client offers; none when there is none, which is no reason to refuse."""
        return next((name for name in self.available_subprotocols or () if name in subprotocols), None)


class SocketConnection(asyncio.Protocol):
    """From the upgrade to the end. uvicorn makes one for each request that asks for a WebSocket and calls it as below."""

    def __init__(self, hub: Hub, server_state: Any) -> None:
        self.hub, self._server_state = hub, server_state
        self.switches = hub.switches
        self.query: Mapping[str, str] = {}
        self._frames = _Frames(max_size=MOST_MESSAGE_BYTES)
        self._talk: Talk | None = None
        self._quick: QuickFrames | None = None
        self._parts: list[bytes] = []
        self._opcode = 0
        self._waiting: asyncio.Task[None] | asyncio.TimerHandle | None = None
        self._refusal = 0
        self._transport: asyncio.Transport
        self._outbox: Outbox

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket, with the handshake still to come."""
        self._transport = cast("asyncio.Transport", transport)
        self._server_state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        del exc
        self._server_state.connections.discard(self)
        if self._waiting is not None:
            self._waiting.cancel()
        if self._talk is not None:
            talk, self._talk = self._talk, None
            self.hub.counts.discarded += self._outbox.discard()
            self.hub.closed(self, self._code())
            talk.closed()

    def eof_received(self) -> bool:
        """The client sends no more; the socket is closed."""
        self._frames.receive_eof()
        return False

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._quick is None:
            self._read(data)
            return
        for opcode, payload in self._quick.split(data):
            if not opcode:
                self._read(payload)
            elif self._frames.state is State.OPEN and not self._parts:
                self._opcode = opcode
                self._message(payload)

    def _read(self, data: bytes) -> None:
        """Have the library read them."""
        frames = self._frames
        frames.receive_data(data)
        for event in frames.events_received():
            if isinstance(event, Request):
                self._handshake(event)
            else:
                self._frame(event)
        if frames.withheld or frames.unanswered:
            self.hub.counts.pongs_withheld += frames.withheld
            self.hub.counts.closes_unanswered += frames.unanswered
            frames.withheld = frames.unanswered = 0
        self._flush()

    def pause_writing(self) -> None:
        """The reader does not keep up."""
        if self._talk is not None:
            self._outbox.paused = True

    def resume_writing(self) -> None:
        """It does again."""
        if self._talk is not None:
            self._outbox.resume()

    def shutdown(self) -> None:
        """The server ends: say so with 1012 (service restart)."""
        if self._frames.state is State.OPEN:
            self._close(1012)
        else:
            self._transport.close()

    def send(self, frame: bytes) -> None:
        """See Line; a frame is the same for all connections, so one that compresses has to open it again."""
        if self._frames.extensions:
            head = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
            self.send_payload(frame[0] & 0x0F, frame[head:])
        else:
            self._put(frame)

    def send_payload(self, opcode: int, payload: bytes) -> None:
        """See Line."""
        if not self._frames.extensions:
            self._put(server_frame(opcode, payload))
        elif self._frames.state is State.OPEN:
            if opcode == TEXT:
                self._frames.send_text(payload)
            else:
                self._frames.send_binary(payload)
            self._put(b"".join(self._frames.data_to_send()))

    def drop(self, code: int) -> None:
        """See Line."""
        if code == ABNORMAL:
            reset_transport(self._transport)
        elif self._frames.state is State.OPEN:
            self._close(code)

    def _put(self, frame: bytes) -> None:
        if self._frames.state is State.OPEN and not self._outbox.put(frame):
            self.hub.counts.disconnected_slow += 1
            self._close(1008, "reads too slowly")

    def _handshake(self, request: Request) -> None:
        path = urlsplit(request.path).path
        admission = self.hub.injector.admit(path, self.hub.timer.now())
        if admission is None:
            self._open(request)
            return
        self._waiting = asyncio.ensure_future(self._open_later(request, admission.deadline, admission.status))

    async def _open_later(self, request: Request, deadline: float, status: int | None) -> None:
        await self.hub.timer.until(deadline)
        if status is None:
            self._open(request)
        else:
            self.hub.counts.refused_fault += 1
            self._reject(status, "injected fault: an error was asked for\n")
        self._flush()

    def _open(self, request: Request) -> None:
        target, hub = urlsplit(request.path), self.hub
        make = PATHS.get(target.path)
        if make is None:
            hub.counts.refused_bad += 1
            self._reject(404, f"no WebSocket here; known: {', '.join(PATHS)}\n")
            return
        if hub.full and hub.switches.limit_how == "503":
            hub.counts.refused_limit += 1
            self._reject(503, f"the limit of {hub.switches.limit} connections is reached\n")
            return
        try:
            self.query = dict(parse_qsl(target.query, keep_blank_values=True))
            # A call reads its query itself: its names are the voice switches.
            self.switches = hub.switches if target.path in VOICE_PATHS else _own_switches(self.query, hub.switches)
            self._prepare(self.switches)
            talk = make(self)
        except (UsageError, Misunderstood) as error:
            hub.counts.refused_bad += 1
            self._reject(400, f"{error}\n")
            return
        response = self._frames.accept(request)
        self._frames.send_response(response)
        if response.status_code != 101:
            hub.counts.refused_bad += 1
            return
        self._flush()
        if hub.full:
            hub.counts.refused_limit += 1
            self._close(1013, f"the limit of {hub.switches.limit} connections is reached")
            return
        self._talk = talk
        if target.path in VOICE_PATHS and not self._frames.extensions:
            self._quick = QuickFrames()
        hub.opened(self)
        talk.opened()

    def _prepare(self, switches: SocketSwitches) -> None:
        frames = self._frames
        frames.pongs, frames.close_answer = switches.pongs, switches.close_answer
        frames.available_subprotocols = [Subprotocol(name) for name in switches.subprotocols] or None
        if switches.deflate:
            # Windows of 4 KiB: 64 KiB a connection is not what a chat server spends.
            settings = {"memLevel": 5}
            frames.available_extensions = [
                ServerPerMessageDeflateFactory(server_max_window_bits=12, client_max_window_bits=12, compress_settings=settings)
            ]
        link: socket.socket | None = self._transport.get_extra_info("socket")
        if switches.kernel_buffer is not None and link is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, switches.kernel_buffer)
        self._outbox = Outbox(self._transport, switches, self.hub.counts)

    def _frame(self, frame: Any) -> None:
        opcode = frame.opcode
        if opcode is Opcode.PING:
            self.hub.counts.pings += 1
        elif opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if opcode is not Opcode.CONT:
                self._opcode = TEXT if opcode is Opcode.TEXT else BINARY
                if frame.fin:
                    self._message(bytes(frame.data))
                    return
            self._parts.append(bytes(frame.data))
            if frame.fin:
                whole, self._parts = b"".join(self._parts), []
                self._message(whole)

    def _message(self, payload: bytes) -> None:
        if self._talk is None:
            return
        self.hub.counts.messages_in += 1
        if self._opcode == TEXT and not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError:
                self._close(1007, "text that is not UTF-8")
                return
        self._talk.received(self._opcode, payload)

    def _reject(self, status: int, text: str) -> None:
        try:
            self._frames.send_response(self._frames.reject(status, text))
        except ValueError:  # a status without a name of its own
            self._frames.send_response(self._frames.reject(500, text))

    def _close(self, code: int, reason: str = "") -> None:
        if self._frames.state is State.OPEN:
            self._frames.send_close(code, reason)
            self._flush()
            self._end_within(CLOSE_WITHIN_S)

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof() and not self._transport.is_closing():
                # Not closed yet: unread bytes would turn it into a reset, and the client would never see why.
                self._transport.write_eof()
                self._end_within(CLOSE_WITHIN_S)

    def _end_within(self, seconds: float) -> None:
        if not isinstance(self._waiting, asyncio.TimerHandle):
            self._waiting = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _code(self) -> int:
        frames = self._frames
        if frames.close_rcvd is not None and frames.close_sent is not None:
            return int((frames.close_rcvd if frames.close_rcvd_then_sent else frames.close_sent).code)
        return ABNORMAL


def _own_switches(query: Mapping[str, str], start: SocketSwitches) -> SocketSwitches:
    asked = {name: value for name, value in query.items() if name not in _NOT_SETTINGS}
    return read_socket_switches(asked, start, where="query", names=OF_A_CONNECTION) if asked else start

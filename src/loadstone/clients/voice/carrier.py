"""What calls travel on: a WebSocket, or a plain stream of bytes; both say how much the other side has not taken."""

from __future__ import annotations

import fcntl
import struct
import termios

from loadstone.clients.frames import BINARY, Payload
from loadstone.clients.websocket_connection import Listener, WebSocketConnection

_READ_INT = struct.Struct("i").unpack


class CallConnection(WebSocketConnection):
    """A WebSocket of a call."""

    __slots__ = ()

    @property
    def untaken(self) -> int:
        """Bytes that were sent, and that the target's machine has not acknowledged."""
        if self._socket is None:
            return 0
        try:
            return len(self._output) + int(_READ_INT(fcntl.ioctl(self._fd, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
        except OSError:
            return len(self._output)


class StreamConnection(CallConnection):
    """The same without WebSocket: what is sent is sent as it is, and what comes is handed on as it comes."""

    __slots__ = ()

    def begin_stream(self, listener: Listener) -> None:
        """Read from now on."""
        self._drained = None
        self._paused = self._ended = False
        self._early = b""
        self._answer = None
        self.upgraded_ns = self.end_ns = self.connected_ns
        self.got = self.put = 0
        self.begin(listener)

    def send_message(self, content: Payload) -> int:
        """Send these bytes."""
        return self.send_frame(0, content.encode() if isinstance(content, str) else content)

    def _framed(self, first: int, payload: bytes) -> bytes:  # noqa: ARG002  nothing is put around it
        return payload

    def _deliver(self, data: bytes, end: int, seen: int) -> None:
        self.listener.on_events([(BINARY, data)], end, seen)

"""One WebSocket on the wire: the upgrade, then frames both ways, each read with the kernel's stamp.

The general connection opens the socket and shakes hands; after the 101 the same socket is read here. At rest it holds no
buffer, no timer and no task.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol

from loadstone.clients.connection import Connection
from loadstone.clients.deflate import WORTH_IT, Compression
from loadstone.clients.failure import Failed, Kind, from_os_error
from loadstone.clients.frames import BINARY, CLOSE, FIN, RSV1, TEXT, Event, FrameReader, Payload, frame
from loadstone.clients.http1 import END_OF_HEAD, LARGEST_HEAD, Head, parse_head
from loadstone.clients.upgrade import Upgrade, new_key
from loadstone.clients.wire import ANCILLARY_ROOM, READ, READ_SIZE, TROUBLE, WRITE, read_stamp
from loadstone.clock import SECOND, now_ns

MUCH_UNSENT = 65_536  # bytes waiting in our own hands from which a sender waits

NO_GOOD_BYE = "the connection ended without a close frame"


class Listener(Protocol):
    """Who is told what came."""

    def on_events(self, events: list[Event], end_ns: int, seen_ns: int) -> None:
        """Messages and control frames of one read."""

    def on_lost(self, failed: Failed) -> None:
        """The connection ended without a close frame from the other side, or broke the protocol; it is closed already."""


class WebSocketConnection(Connection):
    """A socket that was upgraded. Counts bytes after the handshake: `got`, `put`."""

    __slots__ = ("_answer", "_drained", "_early", "_ended", "_paused", "compression", "frames", "listener", "subprotocol", "upgraded_ns")

    listener: Listener
    frames: FrameReader
    compression: Compression | None
    subprotocol: str

    async def upgrade(self, wanted: Upgrade, most: int, cookies: str = "") -> Head:
        """The handshake on an open connection; raises Failed. Marks: sent, first byte, upgraded."""
        key = new_key()
        self._early = b""
        self._answer: Head | None = None
        self._drained: asyncio.Future[None] | None = None
        self._paused = self._ended = False
        self.upgraded_ns = 0
        await self.exchange(wanted.request(key, cookies))
        head = self._answer
        assert head is not None
        try:
            self.subprotocol, agreement = wanted.check(head, key)
        except Failed:
            self._drop()
            raise
        if self.stage == "closed":
            raise Failed(Kind.CLOSED_EARLY, "closed as soon as it was upgraded")
        self.compression = Compression(agreement) if agreement is not None else None
        self.frames = FrameReader(most, self.compression)
        self.upgraded_ns = self.end_ns
        self.got = self.put = 0
        return head

    def begin(self, listener: Listener) -> None:
        """Read frames from now on, those first that came with the handshake's answer."""
        self.listener = listener
        self._limit_ns = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wire.handlers[self._fd] = self._on_frames
        self.stage = "open"
        early, self._early = self._early, b""
        if early:
            self.got += len(early)
            self._deliver(early, self.end_ns, self.seen_ns)
        if self._ended:
            self._lose(Failed(Kind.CLOSED_EARLY, NO_GOOD_BYE))

    @property
    def open_now(self) -> bool:
        """Can frames be sent?"""
        return self.stage == "open"

    # -- sending ----------------------------------------------------------------------------------------------------

    def send_message(self, content: Payload) -> int:
        """Send one message, compressed where that was agreed on and worth it; answers when, in ns."""
        if isinstance(content, str):
            first, data = FIN | TEXT, content.encode()
        else:
            first, data = FIN | BINARY, content
        compression = self.compression
        if compression is not None and len(data) >= WORTH_IT and compression.can_deflate:
            first, data = first | RSV1, compression.deflate(data)
        return self.send_frame(first, data)

    def send_frame(self, first: int, payload: bytes) -> int:
        """Send one frame now, or as soon as the socket takes it; answers when it was handed to the kernel, in ns."""
        data = self._framed(first, payload)
        if self._tls is not None:
            try:
                data = self._tls.encrypt(data)
            except ssl.SSLError as error:
                return self._broken_by(error)
        self.put += len(data)
        sent = now_ns()
        if self._output:
            self._output = bytes(self._output) + data
            return sent
        try:
            taken = self._send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            return sent  # what is read next says why
        if taken != len(data):
            self._output = memoryview(data)[taken:]
            self._watch()
        return sent

    def _broken_by(self, error: ssl.SSLError) -> int:
        """Nothing can be sent any more: told as a loss, but not from inside the caller's own call."""
        asyncio.get_running_loop().call_soon(self._lose, from_os_error(error))
        return now_ns()

    def _framed(self, first: int, payload: bytes) -> bytes:
        return frame(first, payload)

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._output)

    async def drain(self) -> None:
        """Wait until most of what was sent has been taken."""
        while len(self._output) > MUCH_UNSENT and self.stage == "open":
            if self._drained is None or self._drained.done():
                self._drained = self._wire.loop.create_future()
            await asyncio.shield(self._drained)

    def pause(self) -> None:
        """Read nothing more: what comes piles up in the kernel and then at the server, as behind a slow reader."""
        self._paused = True
        self._watch()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        self._watch()

    def _watch(self) -> None:
        if self._socket is not None:
            self._wire.change(self._fd, (0 if self._paused else READ) | (WRITE if self._output else 0))

    def _push_out(self) -> None:
        if self._output:
            try:
                taken = self._send(self._output)
            except BlockingIOError:
                return
            except OSError:
                taken = len(self._output)  # nobody takes it any more; what is read next says why
            self._output = self._output[taken:] or b""
        if not self._output:
            self._watch()
        if self._drained is not None and len(self._output) <= MUCH_UNSENT and not self._drained.done():
            self._drained.set_result(None)

    # -- receiving --------------------------------------------------------------------------------------------------

    def _on_frames(self, events: int) -> None:
        if events & WRITE:
            self._push_out()
        if not events & (READ | TROUBLE) or self._socket is None or (self._paused and not events & TROUBLE):
            return
        try:
            data, ancillary, _, _ = self._recvmsg(READ_SIZE, ANCILLARY_ROOM)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(from_os_error(error))
            return
        seen = now_ns()
        if not data:
            self._lose(Failed(Kind.CLOSED_EARLY, NO_GOOD_BYE))
            return
        wire = self._wire
        wire.counters.reads += 1
        if ancillary:
            seconds, nanoseconds = read_stamp(ancillary[0][2])
            end = seconds * SECOND + nanoseconds - wire.stamps.offset
            if not self.end_ns <= end <= seen:  # stamps of one socket never go back
                end = wire.doubted(end, self.end_ns, seen)
        else:
            wire.counters.unstamped += 1
            end = seen
        if len(data) > self._segment:
            wire.counters.coalesced += 1
        self.got += len(data)
        self.end_ns = end
        if self._tls is None:
            self._deliver(data, end, seen)
        else:
            self._decrypt(data, end, seen)

    def _decrypt(self, data: bytes, end: int, seen: int) -> None:
        assert self._tls is not None
        try:
            plain = self._tls.decrypt(data)
            answer = self._tls.pending_output()
        except ssl.SSLError as error:
            self._lose(from_os_error(error))
            return
        if answer:
            self._queue(answer)
            self._watch()
        if plain:
            self._deliver(plain, end, seen)
        if self._tls.closed and self._socket is not None:
            self._lose(Failed(Kind.CLOSED_EARLY, NO_GOOD_BYE))

    def _deliver(self, data: bytes, end: int, seen: int) -> None:
        reader = self.frames
        events = reader.feed(data)
        if events:
            self.listener.on_events(events, end, seen)
        broken = reader.broken
        if broken is not None and self._socket is not None:
            self.send_frame(FIN | CLOSE, broken.code.to_bytes(2, "big"))
            kind = Kind.TOO_LARGE if broken.code == 1009 else Kind.PROTOCOL
            self._lose(Failed(kind, broken.text))

    def _lose(self, failed: Failed) -> None:
        if self._socket is None:
            return
        self._drop()
        self.listener.on_lost(failed)

    def _drop(self) -> None:
        super()._drop()
        drained = getattr(self, "_drained", None)
        if drained is not None and not drained.done():
            drained.set_result(None)

    def close(self) -> None:
        """Close the socket at once; nobody is told."""
        if self.stage == "open":
            self._drop()
        else:
            super().close()

    # -- the handshake's answer -------------------------------------------------------------------------------------

    def _on_data(self, data: bytes) -> None:
        if self.stage != "busy":
            self._drop()  # nothing was asked
            return
        if self._answer is not None:
            self._early += data  # frames that came before anybody could take them
            return
        self._early += data
        size = self._early.find(END_OF_HEAD)
        if size < 0:
            if len(self._early) > LARGEST_HEAD:
                self._fail(Failed(Kind.MALFORMED, f"a head of more than {LARGEST_HEAD} bytes"))
            return
        try:
            head = parse_head(self._early[: size + 4])
        except Failed as failed:
            self._fail(failed)
            return
        self._early = self._early[size + 4 :]
        if head.status < 200 and head.status != 101:
            self._on_data(b"")  # an interim answer
            return
        self._answer = head
        self._tell()

    def _on_end_of_stream(self) -> None:
        if self.stage == "busy" and self._answer is not None:
            self._ended = True  # what came with the answer is read first
            self._wire.change(self._fd, 0)
        else:
            super()._on_end_of_stream()

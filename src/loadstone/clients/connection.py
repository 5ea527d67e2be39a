"""One HTTP/1.1 connection on the wire: connect, TLS, and exchanges whose marks are the kernel's.

A connection carries one exchange at a time. After `exchange` has been awaited its marks stand on the connection until the
next one begins; no object is made per exchange beside the awaited future.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass
from typing import Protocol

from loadstone.clients.failure import Failed, Kind, from_os_error
from loadstone.clients.http1 import END_OF_HEAD, UNTIL_CLOSE, Head, HeadMemory, ResponseReader
from loadstone.clients.tls import TlsContext, TlsLayer
from loadstone.clients.wire import ANCILLARY_ROOM, READ, TROUBLE, WRITE, Wire, ask_for_stamps, read_stamp
from loadstone.clock import SECOND, Deadline, now_ns

READ_SIZE = 65536
STAMP_TOLERANCE_NS = 50_000  # by how much a stamp may lie outside [sent, seen] through reading two clocks
LOOPBACK_SEGMENT = 65_483


@dataclass(frozen=True, slots=True)
class Limits:
    """Time-outs in ns and the largest body in bytes."""

    connect_ns: int = 5 * SECOND
    first_byte_ns: int = 30 * SECOND
    total_ns: int = 60 * SECOND
    body: int = 64_000_000


class Waiter(Protocol):
    """Who is told of the end of an exchange: the part of a future that a connection uses."""

    def done(self) -> bool:
        """Does nobody wait any more?"""

    def set_result(self, result: None, /) -> None:
        """The response is complete; its marks stand on the connection."""

    def set_exception(self, exception: Failed, /) -> None:
        """It failed."""


class Connection:
    """A socket to one origin. Times are monotonic ns; 0 means that it has not happened."""

    __slots__ = (
        "_bodiless", "_fd", "_keep", "_limit_ns", "_limits", "_memory", "_output", "_reader", "_recvmsg", "_segment", "_send",
        "_socket", "_stage", "_timer", "_tls", "_waiter", "_wire", "body", "connected_ns", "end_ns", "first_ns", "got", "head",
        "put", "seen_ns", "sent_ns", "started_ns", "tls_ns", "uses",
    )  # fmt: skip

    def __init__(self, wire: Wire, memory: HeadMemory, limits: Limits) -> None:
        self._wire, self._memory, self._limits = wire, memory, limits
        self._stage = "new"  # new, connecting, handshake, idle, busy, closed
        self._socket: socket.socket | None = None
        self._fd = -1
        self._tls: TlsLayer | None = None
        self._waiter: Waiter | None = None
        self._reader: ResponseReader | None = None
        self._timer: Deadline | None = None
        self._limit_ns = 0
        self._output = b""
        self._segment = LOOPBACK_SEGMENT
        self._bodiless = self._keep = False
        self.started_ns = self.connected_ns = self.tls_ns = 0
        self.sent_ns = self.first_ns = self.end_ns = self.seen_ns = 0
        self.got = self.put = self.uses = 0
        self.head: Head | None = None
        self.body = b""

    @property
    def usable(self) -> bool:
        """Is it open and free for the next exchange?"""
        return self._stage == "idle"

    async def open(
        self, family: int, address: object, *, tls: TlsContext | None = None, host: str = "", port: int = 0, source: str = ""
    ) -> None:
        """Connect and shake hands; raises Failed. Marks: started, connected, tls."""
        self.started_ns = now_ns()
        try:
            self._begin_connect(family, address, source)
            await self._wait(self.started_ns + self._limits.connect_ns)
            self.connected_ns = now_ns()
            if tls is not None:
                self._tls = tls.layer(host, port)
                self._stage = "handshake"
                self._shake(b"")
                await self._wait(self.started_ns + self._limits.connect_ns)
                self.tls_ns = now_ns()
        except OSError as error:
            self.close()
            raise from_os_error(error) from None
        except BaseException:
            self.close()
            raise
        self._stage = "idle"

    def _begin_connect(self, family: int, address: object, source: str) -> None:
        self._stage = "connecting"
        sock = self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source:
                # The port is chosen at connect, so that one source address reaches every port once per target.
                if hasattr(socket, "IP_BIND_ADDRESS_NO_PORT"):
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((source, 0))
        ask_for_stamps(sock)
        result = sock.connect_ex(address)  # type: ignore[arg-type]
        if result not in {0, errno.EINPROGRESS, errno.EAGAIN}:
            raise OSError(result, _reason(result))
        self._fd = sock.fileno()
        self._recvmsg, self._send = sock.recvmsg, sock.send
        self._wire.watch(self._fd, WRITE, self._on_events)

    async def _wait(self, limit_ns: int) -> None:
        waiter = self._waiter = self._wire.loop.create_future()
        self._limit_by(limit_ns)
        await waiter

    def exchange(self, request: bytes, *, bodiless: bool = False, keep: bool = True) -> asyncio.Future[None]:
        """Send a prepared request now; the future ends when the response is complete, or with Failed.

        bodiless: the response has no body (HEAD)
        keep:     keep the response's body; otherwise it is only counted
        """
        waiter = self._wire.loop.create_future()
        self.exchange_for(waiter, request, bodiless=bodiless, keep=keep)
        return waiter

    def exchange_for(self, waiter: Waiter, request: bytes, *, bodiless: bool, keep: bool) -> None:
        """The same for a waiter of the caller's, which is told from inside the wire's callback."""
        self._waiter = waiter
        self._stage = "busy"
        self._bodiless, self._keep = bodiless, keep
        self.first_ns = self.got = 0
        self.uses += 1
        self.put = len(request)
        if self._tls is not None:
            request = self._tls.encrypt(request)
        self.sent_ns = sent = now_ns()
        self._limit_ns = sent + min(self._limits.first_byte_ns, self._limits.total_ns)
        if self._timer is None:
            self._timer = self._wire.timers.at(self._limit_ns, self._on_limit)
        try:
            taken = self._send(request)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self._fail(from_os_error(error))
            return
        if taken != len(request):
            self._output = request[taken:]
            self._wire.change(self._fd, READ | WRITE)

    def close(self) -> None:
        """Close at once; an exchange under way ends as closed_early."""
        self._fail(Failed(Kind.CLOSED_EARLY, "closed by the client"))

    def _drop(self) -> None:
        """Give the descriptor back; the waiter is not told."""
        self._stage = "closed"
        self._limit_ns = 0
        self._output = b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            if self._fd >= 0:
                self._wire.forget(self._fd)
            self._socket.close()
            self._socket = None
            self._fd = -1

    # -- events -----------------------------------------------------------------------------------------------------

    def _on_events(self, events: int) -> None:
        if self._stage == "connecting":
            self._on_connected(events)
            return
        if events & WRITE:
            self._flush()
        if not events & (READ | TROUBLE) or self._socket is None:
            return
        try:
            data, ancillary, _, _ = self._recvmsg(READ_SIZE, ANCILLARY_ROOM)
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(from_os_error(error))
            return
        self.seen_ns = seen = now_ns()
        if not data:
            self._on_end_of_stream()
            return
        wire = self._wire
        wire.counters.reads += 1
        sent = self.sent_ns
        end = seen
        if ancillary:
            seconds, nanoseconds = read_stamp(ancillary[0][2])
            end = seconds * SECOND + nanoseconds - wire.stamps.offset
            if not sent <= end <= seen:
                end = self._doubted(end, seen)
        else:
            wire.counters.unstamped += 1
        if len(data) > self._segment:
            wire.counters.coalesced += 1
        self.end_ns = end
        if not self.first_ns:
            self.first_ns = end
            self._limit_ns = sent + self._limits.total_ns
        self.got += len(data)
        if self._tls is not None:
            self._on_ciphertext(data)
        else:
            self._on_data(data)

    def _doubted(self, stamp: int, seen: int) -> int:
        """A stamp from outside [sent, seen]: by a little it is rounding, by more the clock was stepped and it proves nothing."""
        if not self.sent_ns - STAMP_TOLERANCE_NS <= stamp <= seen + STAMP_TOLERANCE_NS:
            self._wire.counters.unstamped += 1
            return seen
        return min(max(stamp, self.sent_ns), seen)

    def _on_data(self, data: bytes) -> None:
        if self._stage != "busy":
            if data:  # nothing was asked: bytes of nobody's response, or TLS bookkeeping when empty
                self._drop()
            return
        reader = self._reader
        if reader is None:
            size = data.find(END_OF_HEAD) + 4
            head = self._memory.known.get(data[:size])
            if head is not None and len(data) - size == head.length and not self._bodiless and head.length <= self._limits.body:
                self.head = head
                self.body = data[size:] if self._keep else b""
                self._done(head)
                return
            reader = self._reader = ResponseReader(self._memory, bodiless=self._bodiless, keep=self._keep, most=self._limits.body)
        try:
            complete = reader.feed(data)
        except Failed as failed:
            self.head = reader.head
            self._fail(failed)
            return
        if complete:
            self._complete(reader)

    def _complete(self, reader: ResponseReader) -> None:
        head = self.head = reader.head
        assert head is not None
        self.body = reader.body
        self._reader = None
        self._done(head)

    def _done(self, head: Head) -> None:
        self._limit_ns = 0
        self._stage = "idle"
        if head.close or self._output or head.status == 101:
            if self._tls is not None:
                self._tls.remember_session()
            self._drop()
        elif self._tls is not None and self.uses == 1:
            self._tls.remember_session()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _on_ciphertext(self, data: bytes) -> None:
        assert self._tls is not None
        try:
            if self._stage == "handshake":
                self._shake(data)
                return
            plain, closed = self._tls.decrypt(data)
            answer = self._tls.pending_output()
        except ssl.SSLError as error:
            self._fail(from_os_error(error))
            return
        if answer:
            self._queue(answer)
        if plain:
            self._on_data(plain)
        if closed and self._stage != "closed":
            self._on_end_of_stream()

    def _shake(self, data: bytes) -> None:
        assert self._tls is not None
        finished, answer = self._tls.handshake(data)
        if answer:
            self._queue(answer)
        if finished and self._waiter is not None and not self._waiter.done():
            self._limit_ns = 0
            self._waiter.set_result(None)

    def _queue(self, data: bytes) -> None:
        self._output += data
        self._wire.change(self._fd, READ | WRITE)

    def _flush(self) -> None:
        if not self._output:
            return
        try:
            taken = self._send(self._output)
        except BlockingIOError:
            return
        except OSError as error:
            # The server may have answered before it closed: the answer is read first, its reset tells the rest.
            self._output = b""
            if not isinstance(error, ConnectionError):
                self._broken(from_os_error(error))
            elif self._socket is not None:
                self._wire.change(self._fd, READ)
            return
        self._output = self._output[taken:]
        if not self._output:
            self._wire.change(self._fd, READ)

    def _on_connected(self, _events: int) -> None:
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(from_os_error(OSError(code, _reason(code))))
            return
        try:
            self._socket.getpeername()
        except OSError:
            return  # an event of an earlier descriptor with this number
        if self._socket.family != socket.AF_UNIX and hasattr(socket, "TCP_MAXSEG"):
            self._segment = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        self._wire.change(self._fd, READ)
        self._stage = "connected"
        self._limit_ns = 0
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _on_end_of_stream(self) -> None:
        if self._stage == "idle":
            self._drop()  # the server's keep-alive time is over
            return
        if self._stage == "handshake":
            self._fail(Failed(Kind.TLS, "the server closed the connection during the handshake"))
            return
        reader = self._reader
        if reader is None:
            again = " on a kept-alive connection" if self.uses > 1 else ""
            self._fail(Failed(Kind.CLOSED_EARLY, f"closed without a response{again}"))
            return
        self.head = reader.head
        try:
            reader.finish()
        except Failed as failed:
            self._fail(failed)
            return
        assert self.head is not None and self.head.length == UNTIL_CLOSE
        self._complete(reader)
        self._drop()

    def _broken(self, failed: Failed) -> None:
        self.seen_ns = now_ns()
        if self._stage == "idle":
            self._drop()
        else:
            self._fail(failed)

    def _fail(self, failed: Failed) -> None:
        self._drop()
        self._reader = None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(failed)

    # -- time-outs --------------------------------------------------------------------------------------------------

    def _limit_by(self, limit_ns: int) -> None:
        self._limit_ns = limit_ns
        if self._timer is None or self._timer.at_ns > limit_ns:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._wire.timers.at(limit_ns, self._on_limit)

    def _on_limit(self) -> None:
        # One entry per connection follows its current limit, so that an exchange costs no timer of its own.
        self._timer = None
        limit = self._limit_ns
        if not limit:
            return
        if limit > now_ns():
            self._timer = self._wire.timers.at(limit, self._on_limit)
            return
        self._fail(self._timed_out())

    def _timed_out(self) -> Failed:
        limits = self._limits
        if self._stage in {"connecting", "connected", "handshake"}:
            what = "no TLS handshake" if self._stage == "handshake" else "no connection"
            return Failed(Kind.TIMEOUT_CONNECT, f"{what} within {limits.connect_ns / SECOND:g} s")
        if self.first_ns or limits.total_ns <= limits.first_byte_ns:
            return Failed(Kind.TIMEOUT_TOTAL, f"response not complete within {limits.total_ns / SECOND:g} s")
        return Failed(Kind.TIMEOUT_FIRST_BYTE, f"no response within {limits.first_byte_ns / SECOND:g} s")


def _reason(code: int) -> str:
    return errno.errorcode.get(code, str(code))

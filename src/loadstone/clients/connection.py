"""One HTTP/1.1 connection on the wire: connect, TLS, and exchanges whose marks are the kernel's.

A connection carries one exchange at a time. After `exchange` has been awaited its marks stand on the connection until the
next one begins; no object is made per exchange beside the awaited future.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from functools import partial

from loadstone.clients.failure import Failed, Kind, from_os_error
from loadstone.clients.http1 import END_OF_HEAD, Head, HeadMemory, ResponseReader
from loadstone.clients.limits import Limits, Waiter
from loadstone.clients.tls import TlsContext, TlsLayer
from loadstone.clients.wire import ANCILLARY_ROOM, READ, READ_SIZE, TROUBLE, WRITE, Wire, largest_segment, read_stamp, stamped_socket
from loadstone.clock import MILLISECOND, SECOND, Deadline, now_ns

__all__ = ["Connection", "Limits", "Waiter"]

FULL_BACKLOG_PAUSE_NS = MILLISECOND  # a Unix socket does not say when its server's queue has room again


class Connection:
    """A socket to one origin. Times are monotonic ns; 0 means that it has not happened."""

    __slots__ = (
        "_bodiless", "_counters", "_fd", "_keep", "_known", "_limit_ns", "_limits", "_memory", "_output", "_most_at_once", "_patience_ns", "_reader", "_recvmsg", "_segment",
        "_send", "_simple", "_socket", "_stamps", "_stage", "_timer", "_tls", "_waiter", "_wire", "body", "connected_ns", "end_ns", "first_ns", "got",
        "head", "put", "seen_ns", "sent_ns", "started_ns", "tls_ns", "uses",
    )  # fmt: skip

    def __init__(self, wire: Wire, memory: HeadMemory, limits: Limits) -> None:
        self._wire, self._memory, self._limits = wire, memory, limits
        self._counters, self._stamps, self._known = wire.counters, wire.stamps, memory.known
        self._patience_ns = limits.patience_ns
        self._stage = "new"  # new, connecting, connected, handshake, idle, busy, closed
        self._socket: socket.socket | None = None
        self._fd = -1
        self._tls: TlsLayer | None = None
        self._waiter: Waiter | None = None
        self._reader: ResponseReader | None = None
        self._timer: Deadline | None = None
        self._limit_ns = 0
        self._output: bytes | memoryview = b""
        self._segment = self._most_at_once = READ_SIZE
        self._simple = False  # an exchange without TLS is under way, of which nothing has come and all has gone
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
            waiter = self._expect("connecting")
            sock = self._socket = stamped_socket(family, source)
            self._recvmsg, self._send = sock.recvmsg, sock.send
            self._connect(address)
            await waiter
            if tls is not None and self._socket is not None:
                self._tls = tls.layer(host, port)
                waiter = self._expect("handshake")
                self._shake(b"")
                await waiter
        except (OSError, ValueError) as error:
            self._give_up()
            raise from_os_error(error) from None
        except BaseException:
            self._give_up()
            raise
        if self._socket is None:
            raise Failed(Kind.CLOSED_EARLY, "closed as soon as it was connected")
        self._stage = "idle"
        if self._timer is not None:  # the limits of exchanges may be nearer than that of the connect
            self._timer.cancel()
            self._timer = None

    def _expect(self, stage: str) -> asyncio.Future[None]:
        self._stage = stage
        waiter: asyncio.Future[None] = self._wire.loop.create_future()
        self._waiter = waiter
        self._limit_ns = self.started_ns + self._limits.connect_ns
        if self._timer is None:
            self._timer = self._wire.timers.at(self._limit_ns, self._on_limit)
        return waiter

    def _connect(self, address: object) -> None:
        sock = self._socket
        if sock is None:  # given up while the server's queue was full
            return
        code = sock.connect_ex(address)  # type: ignore[arg-type]
        if code in {0, errno.EINPROGRESS}:
            self._fd = sock.fileno()
            self._wire.watch(self._fd, WRITE, self._on_events)
        elif code == errno.EAGAIN and sock.family == socket.AF_UNIX:
            self._wire.timers.at(now_ns() + FULL_BACKLOG_PAUSE_NS, partial(self._connect, address))
        else:
            self._fail(from_os_error(OSError(code, os.strerror(code))))

    def _give_up(self) -> None:
        self._waiter = None
        self._drop()

    def exchange(self, request: bytes, *, bodiless: bool = False, keep: bool = True) -> asyncio.Future[None]:
        """Send a prepared request now; the future ends when the response is complete, or with Failed.

        bodiless: the response has no body (HEAD)
        keep:     keep the response's body; otherwise it is only counted
        """
        waiter = self._wire.loop.create_future()
        self.exchange_for(waiter, request, bodiless, keep)
        return waiter

    def exchange_for(self, waiter: Waiter, request: bytes, bodiless: bool, keep: bool, /) -> None:
        """The same for a waiter of the caller's, which is told from inside the wire's callback."""
        self._waiter = waiter
        self._stage = "busy"
        self._bodiless, self._keep = bodiless, keep
        self.first_ns = self.got = 0
        self.uses += 1
        if self._tls is not None:
            # What the protocol itself has still to say goes first: records have an order.
            request, self._output = bytes(self._output) + self._tls.encrypt(request), b""
        self.put = len(request)
        self.sent_ns = sent = now_ns()
        self._limit_ns = sent + self._patience_ns
        if self._timer is None:
            self._timer = self._wire.timers.at(self._limit_ns, self._on_limit)
        try:
            taken = self._send(request)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self._fail(from_os_error(error))
            return
        if taken == self.put:
            self._simple = self._tls is None and not bodiless
        else:
            self._output = memoryview(request)[taken:]
            self._wire.change(self._fd, READ | WRITE)

    def close(self) -> None:
        """Close at once; an exchange under way ends as closed_early."""
        self._fail(Failed(Kind.CLOSED_EARLY, "closed by the client"))

    def _drop(self) -> None:
        """Give the descriptor back; the waiter is not told."""
        self._stage = "closed"
        self._simple = False
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
        if not self._simple or events != READ:
            self._on_other_events(events)
            return
        # A whole response in one read, with a head that was seen before: in one piece, because each call more costs 1 % of all
        # we do per request. Whatever else comes goes the general way.
        self._simple = False
        try:
            data, ancillary, _, _ = self._recvmsg(READ_SIZE, ANCILLARY_ROOM)
        except OSError as error:
            self._on_unreadable(error)
            return
        seen = now_ns()
        if ancillary:
            size = data.find(END_OF_HEAD) + 4
            head = self._known.get(data[:size])
            got = len(data)
            if head is not None and got - size == head.length and got <= self._most_at_once and not head.last:
                seconds, nanoseconds = read_stamp(ancillary[0][2])
                end = seconds * SECOND + nanoseconds - self._stamps.offset
                if not self.sent_ns <= end <= seen:
                    end = self._wire.doubted(end, self.sent_ns, seen)
                self._counters.reads += 1
                self.first_ns = self.end_ns = end
                self.seen_ns, self.got, self.head = seen, got, head
                self.body = data[size:] if self._keep else b""
                self._limit_ns = 0
                self._stage = "idle"
                waiter, self._waiter = self._waiter, None
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)
                return
        self._on_read(data, ancillary, seen)

    def _on_other_events(self, events: int) -> None:
        if self._stage == "connecting":
            self._on_connected(events)
            return
        if events & WRITE:
            self._flush()
        if not events & (READ | TROUBLE) or self._socket is None:
            return
        try:
            data, ancillary, _, _ = self._recvmsg(READ_SIZE, ANCILLARY_ROOM)
        except OSError as error:
            self._on_unreadable(error)
            return
        self._on_read(data, ancillary, now_ns())

    def _on_unreadable(self, error: OSError) -> None:
        if not isinstance(error, BlockingIOError):
            self._broken(from_os_error(error))

    def _on_read(self, data: bytes, ancillary: list[tuple[int, int, bytes]], seen: int) -> None:
        self._simple = False
        self.seen_ns = seen
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
                end = wire.doubted(end, sent, seen)
        else:
            wire.counters.unstamped += 1
        if len(data) > self._segment:
            wire.counters.coalesced += 1
        self.got += len(data)
        if self._tls is not None:
            self._on_ciphertext(data, end)
            return
        self.end_ns = end
        if not self.first_ns:
            self.first_ns = end
            self._limit_ns = sent + self._limits.total_ns
        self._on_data(data)

    def _on_data(self, data: bytes) -> None:
        if self._stage != "busy":
            self._drop()  # nothing was asked: bytes of nobody's response
            return
        reader = self._reader
        if reader is None:
            reader = self._reader = ResponseReader(self._memory, bodiless=self._bodiless, keep=self._keep, most=self._limits.body)
        try:
            complete = reader.feed(data)
        except Failed as failed:
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
        if head.last or self._output:
            if self._tls is not None:
                self._tls.remember_session()
            self._drop()
        elif self._tls is not None:
            if self.uses == 1:
                self._tls.remember_session()
            if self._tls.closed:
                self._drop()
        # Last, because a waiter may send the next request at once.
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _on_ciphertext(self, data: bytes, end: int) -> None:
        tls = self._tls
        assert tls is not None
        try:
            if self._stage == "handshake":
                self._shake(data)
                return
            plain = tls.decrypt(data)
            answer = tls.pending_output()
        except ssl.SSLError as error:
            self._broken(from_os_error(error))
            return
        if answer:
            self._queue(answer)
        if plain:  # otherwise a session ticket or a part of a record: no byte of the response yet
            self.end_ns = end
            if not self.first_ns:
                self.first_ns = end
                self._limit_ns = self.sent_ns + self._limits.total_ns
            self._on_data(plain)
        if tls.closed and self._stage != "closed":
            self._on_end_of_stream()

    def _shake(self, data: bytes) -> None:
        assert self._tls is not None
        finished, answer = self._tls.handshake(data)
        if answer:
            self._queue(answer)
        if finished:
            self.tls_ns = now_ns()
            self._tell()

    def _queue(self, data: bytes) -> None:
        if not self._output:
            try:
                data = data[self._send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                return  # what is read next says why
        if data:
            self._output = bytes(self._output) + data
            self._wire.change(self._fd, READ | WRITE)

    def _flush(self) -> None:
        if not self._output:
            self._wire.change(self._fd, READ)
            return
        try:
            taken = self._send(self._output)
        except BlockingIOError:
            return
        except OSError as error:
            # The server may have answered before it closed: the answer is read first. What could not be sent stays as the
            # sign that this connection is of no further use.
            if not isinstance(error, ConnectionError):
                self._broken(from_os_error(error))
            else:
                self._wire.change(self._fd, READ)
            return
        self._output = self._output[taken:]
        if not self._output:
            self._wire.change(self._fd, READ)

    def _on_connected(self, _events: int) -> None:
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(from_os_error(OSError(code, os.strerror(code))))
            return
        try:
            self._socket.getpeername()
        except OSError:
            return  # an event of an earlier descriptor with this number
        self.connected_ns = now_ns()
        self._segment = largest_segment(self._socket)
        self._most_at_once = min(self._segment, self._limits.body)
        self._wire.change(self._fd, READ)
        self._stage = "connected"
        self._tell()

    def _on_end_of_stream(self) -> None:
        reader = self._reader
        try:
            if self._stage == "handshake":
                raise Failed(Kind.TLS, "the server closed the connection during the handshake")
            if reader is None:
                what = "before the request was sent" if self._output else "without a response"
                raise Failed(Kind.CLOSED_EARLY, f"closed {what}{' on a kept-alive connection' if self.uses > 1 else ''}")
            reader.finish()
        except Failed as failed:
            self._broken(failed)
            return
        if self._tls is not None:
            self._tls.remember_session()
        self._drop()
        self.head, self.body, self._reader = reader.head, reader.body, None
        self._tell()

    def _tell(self) -> None:
        self._limit_ns = 0
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _broken(self, failed: Failed) -> None:
        self.seen_ns = now_ns()
        if self._stage == "idle":
            self._drop()
        else:
            self._fail(failed)

    def _fail(self, failed: Failed) -> None:
        self._drop()
        reader, self._reader = self._reader, None
        self.head = reader.head if reader is not None else None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(failed)

    # -- time-outs --------------------------------------------------------------------------------------------------

    def _on_limit(self) -> None:
        # One entry per connection follows its current limit, so that an exchange costs no timer of its own.
        self._timer = None
        limit, now = self._limit_ns, now_ns()
        if not limit:
            return
        if limit > now:
            # Never set further ahead than the next exchange's limit can lie.
            self._timer = self._wire.timers.at(min(limit, now + self._patience_ns), self._on_limit)
            return
        shaking = self._stage == "handshake"
        opening = shaking or self._stage in {"connecting", "connected"}
        self._fail(self._limits.passed(opening=opening, shaking=shaking, begun=self.first_ns > 0))

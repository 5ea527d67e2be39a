"""One HTTP/1.1 connection on the wire: connect, TLS, and exchanges whose marks are the kernel's.

A connection carries one exchange at a time. After `exchange` has been awaited its marks stand on the connection until the
next one begins; no object is made per exchange beside the awaited future.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from loadstone.clients.failure import Failed, Kind, from_os_error
from loadstone.clients.http1 import END_OF_HEAD, Head, HeadMemory, ResponseReader
from loadstone.clients.limits import Limits, Waiter
from loadstone.clients.link import Link
from loadstone.clients.stream import BodySink, StreamReader
from loadstone.clients.wire import ANCILLARY_ROOM, READ, READ_SIZE, TROUBLE, WRITE, Wire, read_stamp
from loadstone.clock import SECOND, now_ns

__all__ = ["Connection", "Limits", "Waiter"]


# After so long a rest a look whether the server has hung up is worth a system call: what was not sent may go another way.
QUIET_NS = SECOND // 2


class Connection(Link):
    """A link that carries one exchange at a time. Times are monotonic ns; 0 means that it has not happened."""

    __slots__ = (
        "_bodiless", "_counters", "_keep", "_known", "_memory", "_most_at_once", "_reader", "_simple", "_stamps", "body", "end_ns", "got",
        "head", "put", "seen_ns", "sent_ns", "uses",
    )  # fmt: skip

    def __init__(self, wire: Wire, memory: HeadMemory, limits: Limits) -> None:
        super().__init__(wire, limits)
        self._memory = memory
        self._counters, self._stamps, self._known = wire.counters, wire.stamps, memory.known
        self._reader: ResponseReader | None = None
        self._most_at_once = READ_SIZE
        self._simple = False  # an exchange without TLS is under way, of which nothing has come and all has gone
        self._bodiless = self._keep = False
        self.sent_ns = self.end_ns = self.seen_ns = 0
        self.got = self.put = self.uses = 0
        self.head: Head | None = None
        self.body = b""

    @property
    def usable(self) -> bool:
        """Is it open and free for the next exchange?"""
        return self.stage == "idle"

    def exchange(self, request: bytes, *, bodiless: bool = False, keep: bool = True, sink: BodySink | None = None) -> asyncio.Future[None]:
        """Send a prepared request now; the future ends when the response is complete, or with Failed.

        bodiless: the response has no body (HEAD)
        keep:     keep the response's body; otherwise it is only counted
        sink:     takes the body piece by piece as it comes
        """
        waiter = self._wire.loop.create_future()
        self.exchange_for(waiter, request, bodiless, keep)
        if sink is not None and self.stage == "busy":
            sink.on(self)
            self._simple = False
            self._reader = StreamReader(self._memory, sink, self, bodiless=bodiless, most=self._limits.body)
        return waiter

    def exchange_for(self, waiter: Waiter, request: bytes, bodiless: bool, keep: bool, /) -> None:
        """The same for a waiter of the caller's, which is told from inside the wire's callback."""
        self._waiter = waiter
        self.stage = "busy"
        self._bodiless, self._keep = bodiless, keep
        self.first_ns = self.got = 0
        self.uses += 1
        if self._tls is not None:
            # What the protocol itself has still to say goes first: records have an order.
            try:
                request, self._output = bytes(self._output) + self._tls.encrypt(request), b""
            except ssl.SSLError as error:
                self.sent_ns = now_ns()
                self._unsent(b"", error)
                return
        self.put = len(request)
        self.sent_ns = sent = now_ns()
        if sent - self.seen_ns > QUIET_NS and self.uses > 1 and self._hung_up():
            self.put = 0
            self._fail(Failed(Kind.CLOSED_EARLY, "closed by the server while nothing was asked"))
            return
        self._limit_ns = sent + self._patience_ns
        if self._timer is None:
            self._timer = self._wire.timers.at(sent + self._look_ns, self._on_limit)
        try:
            taken = self._send(request)
        except OSError as error:
            self._unsent(request, 0 if isinstance(error, BlockingIOError) else error)
            return
        if taken == self.put:
            self._simple = self._tls is None and not bodiless
        else:
            self._unsent(request, taken)

    def _unsent(self, request: bytes, taken: int | OSError) -> None:
        if isinstance(taken, OSError):
            self.put = 0
            self._fail(from_os_error(taken))
        else:
            self._output = memoryview(request)[taken:]
            self._wire.change(self._fd, READ | WRITE)

    def _hung_up(self) -> bool:
        """Has the server closed while nobody looked?"""
        assert self._socket is not None
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close at once; an exchange under way ends as closed_early."""
        self.leave(Failed(Kind.CLOSED_EARLY, "closed by the client"))

    def leave(self, why: Failed) -> None:
        """Close at once; an exchange under way ends for this reason. Not for a sink that is being given a piece: that one raises."""
        self._broken(why)

    def _drop(self) -> None:
        self._simple = False
        if self.stage in {"busy", "idle"}:  # an exchange, under way or just over: what never left does not count
            self.put = max(0, self.put - len(self._output))
        super()._drop()

    def _on_connected(self) -> None:
        super()._on_connected()
        self._most_at_once = min(self._segment, self._limits.body)

    # -- events -----------------------------------------------------------------------------------------------------

    def _on_events(self, events: int) -> None:
        if events != READ or self.stage == "connecting" or self._socket is None:
            self._on_other_events(events)
            return
        try:
            data, ancillary, _, _ = self._recvmsg(READ_SIZE, ANCILLARY_ROOM)
        except OSError as error:
            self._on_unreadable(error)
            return
        seen = now_ns()
        # A whole response in one read, with a head that was seen before: in one piece, because each call more costs 1 % of all
        # we do per request. Whatever else comes goes the general way.
        if self._simple and ancillary:
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
                self.stage, self._simple = "idle", False
                waiter, self._waiter = self._waiter, None
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)
                return
        self._on_read(data, ancillary, seen)

    def _on_other_events(self, events: int) -> None:
        if self.stage == "connecting":
            self._on_connected()
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
        if self.stage != "busy":
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
        else:
            limits = self._limits
            silent, total = self.end_ns + limits.idle_ns, self.sent_ns + limits.total_ns
            self._limit_ns = silent if silent < total else total

    def _complete(self, reader: ResponseReader) -> None:
        head = self.head = reader.head
        assert head is not None
        self.body = reader.body
        self._reader = None
        self._done(head)

    def _done(self, head: Head) -> None:
        self._limit_ns = 0
        self.stage = "idle"
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
            if self.stage == "handshake":
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
        if tls.closed and self.stage != "closed":
            self._on_end_of_stream()

    def _on_end_of_stream(self) -> None:
        reader = self._reader
        try:
            if self.stage == "handshake":
                raise Failed(Kind.TLS, "the server closed the connection during the handshake")
            if reader is None:
                what = "before the request was sent" if self._output else "without a response"
                raise Failed(Kind.CLOSED_EARLY, f"closed {what}{' on a kept-alive connection' if self.uses > 1 else ''}")
            reader.finish()
        except Failed as failed:
            self._broken(failed)
            return
        # The end is that of the connection, which has no stamp: until it comes, the server may send more.
        self.end_ns = self.seen_ns
        if self._tls is not None:
            self._tls.remember_session()
        self._drop()
        self.head, self.body, self._reader = reader.head, reader.body, None
        self._tell()

    def _broken(self, failed: Failed) -> None:
        self.seen_ns = now_ns()
        super()._broken(failed)

    def _on_limit(self) -> None:
        # What came in time may still lie in the kernel: a loop that was held up rings its timers before it reads.
        if self.stage == "busy" and 0 < self._limit_ns <= now_ns():
            self._on_events(READ)
        super()._on_limit()

    def _passed(self) -> Failed:
        if self.stage == "busy" and self.first_ns and self._limit_ns < self.sent_ns + self._limits.total_ns:
            return self._limits.silent()
        return super()._passed()

    def _fail(self, failed: Failed) -> None:
        reader, self._reader = self._reader, None
        self.head = reader.head if reader is not None else None
        super()._fail(failed)

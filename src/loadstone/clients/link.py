"""A socket to one origin on the wire: connect, TLS handshake, what waits to be sent, and the limit of what is under way."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from functools import partial

from loadstone.clients.failure import Failed, Kind, from_os_error
from loadstone.clients.limits import Limits, Waiter
from loadstone.clients.tls import TlsContext, TlsLayer
from loadstone.clients.wire import READ, READ_SIZE, WRITE, Wire, largest_segment, stamped_socket
from loadstone.clock import MILLISECOND, Deadline, now_ns

FULL_BACKLOG_PAUSE_NS = MILLISECOND  # a Unix socket does not say when its server's queue has room again


class Link:
    """What every connection stands on; what is said over it is the business of those who inherit. Times are monotonic ns."""

    __slots__ = (
        "_fd", "_limit_ns", "_limits", "_look_ns", "_output", "_patience_ns", "_recvmsg", "_segment", "_send", "_socket",
        "_timer", "_tls", "_waiter", "_wire", "connected_ns", "first_ns", "stage", "started_ns", "tls_ns",
    )  # fmt: skip

    def __init__(self, wire: Wire, limits: Limits) -> None:
        self._wire, self._limits = wire, limits
        self._patience_ns, self._look_ns = limits.patience_ns, limits.look_ns
        self.stage = "new"  # new, connecting, connected, handshake, idle, busy, closed
        self._socket: socket.socket | None = None
        self._fd = -1
        self._tls: TlsLayer | None = None
        self._waiter: Waiter | None = None
        self._timer: Deadline | None = None
        self._limit_ns = 0
        self._output: bytes | memoryview = b""
        self._segment = READ_SIZE
        self.started_ns = self.connected_ns = self.tls_ns = self.first_ns = 0

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
        self.stage = "idle"
        if self._timer is not None:  # the limits of exchanges may be nearer than that of the connect
            self._timer.cancel()
            self._timer = None

    def _expect(self, stage: str) -> asyncio.Future[None]:
        self.stage = stage
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

    def _on_events(self, events: int) -> None:
        """The socket has something; raises nothing."""
        raise NotImplementedError

    def _fail(self, failed: Failed) -> None:
        self._drop()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(failed)

    def _broken(self, failed: Failed) -> None:
        if self.stage == "idle":  # the response is there, though who waits for it has not looked yet
            self._drop()
        else:
            self._fail(failed)

    def _tell(self) -> None:
        self._limit_ns = 0
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _drop(self) -> None:
        """Give the descriptor back; the waiter is not told."""
        self.stage = "closed"
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

    def _on_connected(self) -> None:
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
        self._wire.change(self._fd, READ)
        self.stage = "connected"
        self._tell()

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

    # -- time-outs --------------------------------------------------------------------------------------------------

    def _on_limit(self) -> None:
        # One entry per connection follows its current limit, so that an exchange costs no timer of its own.
        self._timer = None
        limit, now = self._limit_ns, now_ns()
        if not limit:
            return
        if limit > now:
            # Never set further ahead than the limit can lie by then, that of the next exchange too.
            self._timer = self._wire.timers.at(min(limit, now + self._look_ns), self._on_limit)
            return
        self._fail(self._passed())

    def _passed(self) -> Failed:
        shaking = self.stage == "handshake"
        opening = shaking or self.stage in {"connecting", "connected"}
        return self._limits.passed(opening=opening, shaking=shaking, begun=self.first_ns > 0)

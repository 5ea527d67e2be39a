"""The wire: one poll set for all sockets and the timer of a worker, nested inside the event loop.

The event loop waits on a single descriptor, the poll set's own. When anything is ready, one callback takes up to a few
hundred events in one system call and runs their handlers in a plain loop: on this path an event costs a dictionary look-up
where the loop's own readers cost a handle, a context switch and a call each.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
from collections.abc import Callable

from loadstone.clients.compiled import twins
from loadstone.clock import KernelAlarm, LoopAlarm, StampClock, Timers

READ, WRITE = 0x001, 0x004  # EPOLLIN, EPOLLOUT
TROUBLE = 0x008 | 0x010  # EPOLLERR, EPOLLHUP
MOST_EVENTS_PER_TURN = 256  # then the tasks that were woken get their turn
SO_TIMESTAMPNS = 35  # linux/socket.h; the stamp is a struct timespec
ANCILLARY_ROOM = 64
READ_SIZE = 65_536
REFRESH_NS = 100_000_000
STAMP_TOLERANCE_NS = 50_000  # by how much a stamp may lie outside [sent, seen] through reading two clocks

Handler = Callable[[int], None]
read_stamp = struct.Struct("@qq").unpack


class Counters:
    """What the wire saw of its own reads, for the generator's health."""

    __slots__ = ("coalesced", "reads", "unstamped")

    def __init__(self) -> None:
        self.reads = self.coalesced = self.unstamped = 0


class Wire:
    """Sockets and deadlines of one worker on one running event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.stamps = StampClock()
        self.counters = Counters()
        self.timers = Timers()
        self.handlers: dict[int, Handler] = {}
        # The kernel begins to stamp packets some time after the first socket of the machine asks for it, and ends with the last:
        # this one asks before there is any load, and lasts.
        self._asking = contextlib.ExitStack()
        with contextlib.suppress(OSError):
            ask_for_stamps(self._asking.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
        self._poll = select.epoll() if hasattr(select, "epoll") else None
        self.listen()
        if KernelAlarm.available() and self._poll is not None:
            self._alarm = KernelAlarm()
            self.timers.use(self._alarm)
            self.watch(self._alarm.fileno(), READ, self._alarm_due)
        else:
            self.timers.use(LoopAlarm(loop, self.timers.fire))
        self.timers.at(self.timers.now_ns() + REFRESH_NS, self._refresh)

    def listen(self) -> None:
        """Have the event loop call when anything is ready; again, when the twins in use have changed."""
        if self._poll is None:
            return
        fd, turn = self._poll.fileno(), twins.turn
        if turn is None:
            self.loop.add_reader(fd, self._ready)
        else:
            self.loop.add_reader(fd, turn, fd, self.handlers)

    @property
    def open_sockets(self) -> int:
        """Descriptors being watched."""
        return len(self.handlers)

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call the handler with the events whenever the descriptor has any of these."""
        self.handlers[fd] = handler
        if self._poll is not None:
            self._poll.register(fd, events)
        else:
            self._watch_by_loop(fd, events, handler)

    def change(self, fd: int, events: int) -> None:
        """Wait for other events from now on."""
        if self._poll is not None:
            self._poll.modify(fd, events)
        else:
            self._watch_by_loop(fd, events, self.handlers[fd])

    def forget(self, fd: int) -> None:
        """Stop watching; must be called before the descriptor is closed."""
        if self.handlers.pop(fd, None) is None:
            return
        if self._poll is not None:
            self._poll.unregister(fd)
        else:
            self.loop.remove_reader(fd)
            self.loop.remove_writer(fd)

    def doubted(self, stamp: int, sent: int, seen: int) -> int:
        """A stamp from outside [sent, seen]: by a little it is rounding, by more the clock was stepped and it proves nothing."""
        if not sent - STAMP_TOLERANCE_NS <= stamp <= seen + STAMP_TOLERANCE_NS:
            self.counters.unstamped += 1
            return seen
        return min(max(stamp, sent), seen)

    def close(self) -> None:
        """Let go of the poll set and the timer; sockets that are still watched are forgotten."""
        self.handlers.clear()
        self._asking.close()
        if self._poll is not None:
            self.loop.remove_reader(self._poll.fileno())
            self._poll.close()
        self.timers.close()

    def _ready(self) -> None:
        handlers = self.handlers
        assert self._poll is not None
        for fd, events in self._poll.poll(0, MOST_EVENTS_PER_TURN):
            handler = handlers.get(fd)
            if handler is not None:  # closed by an earlier handler of this turn
                handler(events)

    def _alarm_due(self, _events: int) -> None:
        self._alarm.clear()
        self.timers.fire()

    def _refresh(self) -> None:
        self.stamps.refresh()
        self.timers.at(self.timers.now_ns() + REFRESH_NS, self._refresh)

    def _watch_by_loop(self, fd: int, events: int, handler: Handler) -> None:
        # Systems without epoll: slower, and said so by `loadstone doctor`.
        self.loop.remove_reader(fd)
        self.loop.remove_writer(fd)
        if events & READ:
            self.loop.add_reader(fd, handler, READ)
        if events & WRITE:
            self.loop.add_writer(fd, handler, WRITE)


def stamped_socket(family: int, source: str = "") -> socket.socket:
    """A stream socket that does not block and, where the kernel can, has what it receives stamped; raises OSError.

    source: local address to connect from; "" leaves it to the kernel
    """
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source:
                # The port is chosen at connect, so that one source address reaches every port once per target.
                if hasattr(socket, "IP_BIND_ADDRESS_NO_PORT"):
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((source, 0))
    except BaseException:
        sock.close()
        raise
    ask_for_stamps(sock)  # where it cannot, each read is counted as unstamped
    return sock


def largest_segment(sock: socket.socket) -> int:
    """Bytes of the largest segment a connected socket receives; a read of more has several segments under one stamp."""
    if sock.family == socket.AF_UNIX or not hasattr(socket, "TCP_MAXSEG"):
        return READ_SIZE  # no read gives more
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def ask_for_stamps(sock: socket.socket) -> bool:
    """Ask the kernel to stamp what this socket receives; False where it cannot."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True

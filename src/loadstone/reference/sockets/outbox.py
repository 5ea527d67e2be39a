"""What leaves through one connection: written at once while the reader keeps up, queued by policy when it does not."""

from __future__ import annotations

import asyncio
import struct
from collections import deque

from loadstone.reference.sockets.counts import SocketCounts
from loadstone.reference.sockets.switches import SocketSwitches

TEXT, BINARY = 0x1, 0x2


def server_frame(opcode: int, payload: bytes) -> bytes:
    """One whole unmasked frame (RFC 6455, section 5.2); the same bytes go to every reader of a broadcast."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


class Outbox:
    """Messages for one reader, as frames. `paused` by the transport once `buffer` bytes wait for the kernel."""

    __slots__ = ("_counts", "_transport", "_waiting", "most", "paused", "policy")

    def __init__(self, transport: asyncio.Transport, switches: SocketSwitches, counts: SocketCounts) -> None:
        self._transport, self._counts = transport, counts
        self.policy, self.most = switches.slow, switches.queue
        self.paused = False
        self._waiting: deque[bytes] | None = None
        transport.set_write_buffer_limits(high=switches.buffer, low=switches.buffer // 2)

    def put(self, frame: bytes) -> bool:
        """Send or queue one message. False when the policy is to disconnect: the queue was full."""
        if not self.paused:
            self._counts.messages_out += 1
            self._transport.write(frame)
            return True
        waiting = self._waiting
        if waiting is None:
            waiting = self._waiting = deque()
            self._counts.slow += 1
        if len(waiting) >= self.most and self.policy != "buffer":
            if self.policy == "disconnect":
                return False
            waiting.popleft()
            self._counts.dropped_oldest += 1
        waiting.append(frame)
        self._counts.queued_max = max(self._counts.queued_max, len(waiting))
        return True

    def resume(self) -> None:
        """The kernel takes bytes again: write what waits, until it does not."""
        self.paused = False
        waiting = self._waiting
        while waiting and not self.paused:
            self._counts.messages_out += 1
            self._transport.write(waiting.popleft())
        if not waiting:
            self._waiting = None

    def discard(self) -> int:
        """Forget what waits; gives how many messages that were."""
        lost = len(self._waiting or ())
        self._waiting = None
        return lost

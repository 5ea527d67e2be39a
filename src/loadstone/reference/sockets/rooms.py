"""Rooms: who is in them, the sequence number of what is said, and deliveries that go wrong at exact shares."""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from typing import Any, Protocol

from loadstone.reference.shares import ExactShare
from loadstone.reference.sockets.counts import SocketCounts
from loadstone.reference.sockets.outbox import TEXT, server_frame
from loadstone.reference.sockets.switches import SocketSwitches
from loadstone.reference.timer import Timer

HOLD_S = 0.25


class Reader(Protocol):
    """Who gets what is said in a room."""

    held: list[bytes]

    def deliver(self, frame: bytes) -> None:
        """Take one message, as a whole frame."""


class Room:
    """One room; `sequence` is the number of the last message, from 1."""

    __slots__ = ("last_due", "members", "name", "sequence")

    def __init__(self, name: str) -> None:
        self.name = name
        self.sequence = 0
        self.last_due = 0.0
        self.members: dict[Reader, str] = {}


class Rooms:
    """All rooms and the post between them; an empty room is forgotten, its numbers too."""

    def __init__(self, switches: SocketSwitches, seed: int, timer: Timer, counts: SocketCounts) -> None:
        self._rooms: dict[str, Room] = {}
        self._timer, self._counts, self._seed = timer, counts, seed
        self._tasks: set[asyncio.Task[None]] = set()
        self.replace(switches)

    def replace(self, switches: SocketSwitches) -> None:
        """Put other switches in force; the exact shares start anew."""
        self._switches = switches
        self._lose, self._duplicate, self._reorder = (
            ExactShare(*rate.as_integer_ratio(), rng=Random(f"{name} {self._seed}"))
            for name, rate in (("lose", switches.lose), ("duplicate", switches.duplicate), ("reorder", switches.reorder))
        )
        self._faulty = bool(switches.lose or switches.duplicate or switches.reorder)
        self._delays = Random(f"delay {self._seed}")

    def join(self, name: str, reader: Reader, user: str) -> Room:
        """The room, with one more in it."""
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = Room(name)
        room.members[reader] = user
        return room

    def leave(self, room: Room, reader: Reader) -> None:
        """Out of the room; what was held back for the reader is sent first."""
        self._release(reader)
        room.members.pop(reader, None)
        if not room.members:
            self._rooms.pop(room.name, None)

    def say(self, room: Room, message: dict[str, Any]) -> int:
        """Send a numbered message to all members; gives its number."""
        room.sequence += 1
        message = {"type": "message", "room": room.name, "seq": room.sequence, **message, "sent_unix_ns": time.time_ns()}
        frame = json_frame(message)
        self._counts.broadcasts += 1
        delay = self._switches.delay
        if delay is None:
            self._hand_out(room, frame)
            return room.sequence
        # One delay for all readers, and never one that overtakes: disorder has its own switch.
        room.last_due = max(room.last_due, self._timer.now() + delay.draw(self._delays))
        self._later(self._hand_out_at(room.last_due, room, frame))
        return room.sequence

    def tell(self, room: Room, value: dict[str, Any], *, but: Reader | None = None) -> None:
        """Send something without a number to all members but one; the faults do not apply."""
        frame = json_frame({**value, "room": room.name})
        for reader in list(room.members):
            if reader is not but:
                reader.deliver(frame)

    def as_json(self) -> dict[str, dict[str, int]]:
        """Members and last number of the hundred largest rooms."""
        largest = sorted(self._rooms.values(), key=lambda room: -len(room.members))[:100]
        return {room.name: {"members": len(room.members), "seq": room.sequence} for room in largest}

    def _hand_out(self, room: Room, frame: bytes) -> None:
        readers = list(room.members)
        self._counts.deliveries += len(readers)
        if not self._faulty:
            for reader in readers:
                reader.deliver(frame)
            return
        for reader in readers:
            self._deliver(reader, frame)

    def _deliver(self, reader: Reader, frame: bytes) -> None:
        if self._lose.pick():
            self._counts.lost += 1
            return
        copies = 1 + self._duplicate.pick()
        self._counts.duplicated += copies - 1
        if self._reorder.pick() and not reader.held:
            reader.held += [frame] * copies
            self._later(self._release_at(self._timer.now() + HOLD_S, reader))
            return
        for _ in range(copies):
            reader.deliver(frame)
        if reader.held:
            self._counts.reordered += 1
            self._release(reader)

    def _release(self, reader: Reader) -> None:
        held, reader.held = reader.held, []
        for frame in held:
            reader.deliver(frame)

    async def _hand_out_at(self, due: float, room: Room, frame: bytes) -> None:
        await self._timer.until(due)
        self._hand_out(room, frame)

    async def _release_at(self, due: float, reader: Reader) -> None:
        held = reader.held
        await self._timer.until(due)
        if reader.held is held:  # nothing came that it could have been swapped with
            self._release(reader)

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def json_frame(value: dict[str, Any]) -> bytes:
    """A text frame of JSON."""
    return server_frame(TEXT, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())

"""All WebSockets of one backend: how many there may be, when they are all dropped, and what happened to them."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from loadstone.reference.injector import Injector
from loadstone.reference.sockets.counts import SocketCounts
from loadstone.reference.sockets.rooms import Rooms
from loadstone.reference.sockets.switches import Drop, SocketSwitches
from loadstone.reference.timer import Timer
from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.switches import VoiceSwitches

ABNORMAL = 1006


class Droppable(Protocol):
    """An open connection."""

    def drop(self, code: int) -> None:
        """End it with that code; 1006 is a reset."""


class Hub:
    """What connections share. `since` is when the switches took effect; drops count from then."""

    def __init__(self, switches: SocketSwitches, seed: int, timer: Timer, injector: Injector, voice: VoiceHub | None = None) -> None:
        self.counts = SocketCounts()
        self.timer, self.injector, self.seed = timer, injector, seed
        self.voice = voice or VoiceHub(VoiceSwitches(), timer)
        self.rooms = Rooms(switches, seed, timer, self.counts)
        self._open: dict[Droppable, None] = {}
        self._drops: asyncio.Task[None] | None = None
        self.replace(switches)

    def replace(self, switches: SocketSwitches) -> None:
        """Put these switches in force, from now; open connections keep what is a connection's own."""
        self.switches = switches
        self.since = self.timer.now()
        self.rooms.replace(switches)
        if self._drops is not None:
            self._drops.cancel()
            self._drops = None

    @property
    def full(self) -> bool:
        """Is the limit of connections reached?"""
        limit = self.switches.limit
        return limit is not None and len(self._open) >= limit

    def opened(self, connection: Droppable) -> None:
        """One more."""
        self._open[connection] = None
        counts = self.counts
        counts.accepted += 1
        counts.open = len(self._open)
        counts.open_max = max(counts.open_max, counts.open)
        if self.switches.drop and self._drops is None:
            self._drops = asyncio.ensure_future(self._drop_at_times(self.switches.drop, self.since))

    def closed(self, connection: Droppable, code: int) -> None:
        """One less; a connection that was never open is not counted."""
        if self._open.pop(connection, self) is None:
            self.counts.open = len(self._open)
            self.counts.closed[code] += 1

    def drop_all(self, code: int) -> int:
        """End all connections at once; gives how many."""
        connections = list(self._open)
        for connection in connections:
            connection.drop(code)
        self.counts.dropped_connections += len(connections)
        return len(connections)

    def as_json(self) -> dict[str, Any]:
        """The truth for /stats."""
        return {**self.counts.as_json(), "rooms": self.rooms.as_json()}

    async def _drop_at_times(self, drops: tuple[Drop, ...], since: float) -> None:
        for drop in drops:
            if since + drop.at_s >= self.timer.now():  # one that was missed while nobody was connected is over
                await self.timer.until(since + drop.at_s)
                self.drop_all(drop.code)

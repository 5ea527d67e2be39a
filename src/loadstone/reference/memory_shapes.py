"""Memory that grows and is no leak: a cache that fills, fragmentation, a saw-tooth, and what is let go when load has ended."""

from __future__ import annotations

import math
import mmap
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from loadstone.reference.raw_memory import Heap, mapped

TEETH = 100  # steps in which a saw-tooth rises
# The C library maps larger blocks one by one, which never leaves a hole.
LARGEST_HOLE = 120_000
HOLE_GROWS_BY = 16
PIN_BYTES = 32
BESIDE_BYTES = 64  # more than what the library puts between two neighbours
MOST_FILLERS = 100


@dataclass(frozen=True, slots=True)
class Sized:
    """A size, and what belongs to it: bytes of one entry, or seconds. `text` is what reads back to the same."""

    size: int
    other: float
    text: str

    def __str__(self) -> str:
        return self.text


class Shape(Protocol):
    """One way of holding memory.

    held:  bytes at this moment
    freed: bytes let go so far, once or many times
    """

    held: int
    freed: int

    def request(self, now: float) -> None:
        """One more request."""

    def pass_time(self, now: float) -> None:
        """So late it is; for what happens without requests."""

    def give_back(self) -> None:
        """Let go of everything."""


class Plateau:
    """A cache: each request adds an entry, until so many bytes are held; then the oldest go."""

    def __init__(self, limit: int, each: int) -> None:
        self._limit, self._each = limit, each
        self._entries: deque[bytes] = deque()
        self.held = self.freed = 0

    def request(self, now: float) -> None:
        """See Shape."""
        del now
        if self.held + self._each > self._limit and self._entries:
            self.freed += len(self._entries.popleft())
            self.held -= self._each
        if self.held + self._each <= self._limit:
            self._entries.append(b"\xa5" * self._each)
            self.held += self._each

    def pass_time(self, now: float) -> None:
        """See Shape."""

    def give_back(self) -> None:
        """See Shape."""
        self.freed += self.held
        self._entries.clear()
        self.held = 0


class Fragments:
    """Holes in the heap: each request frees a block between blocks that stay, too small for the next, which is 16 bytes larger.

    `freed` is what the holes have together; `held` only the small blocks between them.

    most: bytes that the holes have together at most; then it has come to rest
    """

    def __init__(self, size: int, most: float = math.inf) -> None:
        self._heap, self._most = Heap(), most
        self._next = size
        self._pins: list[int] = []
        self.held = self.freed = 0

    def request(self, now: float) -> None:
        """See Shape."""
        del now
        if self._next > LARGEST_HOLE or self.freed + self._next > self._most:
            return
        for _ in range(MOST_FILLERS):
            block = self._heap.take(self._next)
            # A small block taken as such would lie in an earlier hole, and this one would grow together with what is free behind it.
            pin = self._heap.take_behind(self._next, PIN_BYTES)
            self._pins.append(pin)
            self.held += PIN_BYTES
            if 0 < pin - block < self._next + BESIDE_BYTES:
                self._heap.give_back(block)
                self.freed += self._next
                break
            # The block filled a gap that others had left, and its hole would be a larger one: it stays.
            self._pins.append(block)
            self.held += self._next
        self._next += HOLE_GROWS_BY

    def pass_time(self, now: float) -> None:
        """See Shape."""

    def give_back(self) -> None:
        """See Shape."""
        for pin in self._pins:
            self._heap.give_back(pin)
        self._pins.clear()
        self._heap.trim()
        self.held = 0


class SawTooth:
    """Grows from nothing to `size` in a hundred steps, lets go of all, and begins again, each `period_s` from `start` on."""

    def __init__(self, size: int, period_s: float, start: float) -> None:
        self._step, self._period_s, self._start = max(mmap.PAGESIZE, size // TEETH), period_s, start
        self._steps = max(1, size // self._step)
        self._tooth = 0
        self._maps: list[mmap.mmap] = []
        self.held = self.freed = 0

    def request(self, now: float) -> None:
        """See Shape."""
        self.pass_time(now)

    def pass_time(self, now: float) -> None:
        """See Shape."""
        tooth, phase = divmod((now - self._start) / self._period_s, 1.0)
        if tooth != self._tooth:
            self.give_back()
            self._tooth = int(tooth)
        while len(self._maps) < int(phase * self._steps):
            self._maps.append(mapped(self._step))
            self.held += self._step

    def give_back(self) -> None:
        """See Shape."""
        for pages in self._maps:
            pages.close()
        self._maps.clear()
        self.freed += self.held
        self.held = 0


class Linger:
    """Each request leaves `each` bytes, which are let go once no request has come for `after_s`."""

    def __init__(self, each: int, after_s: float) -> None:
        self._each, self._after_s = each, after_s
        self._last = 0.0
        self._maps: list[mmap.mmap] = []
        self.held = self.freed = 0

    def request(self, now: float) -> None:
        """See Shape."""
        self.pass_time(now)
        self._last = now
        self._maps.append(mapped(self._each))
        self.held += self._each

    def pass_time(self, now: float) -> None:
        """See Shape."""
        if self._maps and now - self._last >= self._after_s:
            self.give_back()

    def give_back(self) -> None:
        """See Shape."""
        for pages in self._maps:
            pages.close()
        self._maps.clear()
        self.freed += self.held
        self.held = 0

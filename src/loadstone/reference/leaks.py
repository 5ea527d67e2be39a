"""What each request leaves behind, by kind, and how much of it is still there."""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from loadstone.reference.raw_memory import Heap, mapped

# What one small object takes: an instance (40 bytes, 16 of the collector, rounded to 64) and its text (33 and 31).
SMALL_BYTES = 128
_SMALL_TEXT = 31
MEMORY_KINDS = ("large", "small", "native", "mmap", "cycles")
COUNTED_KINDS = ("descriptors", "sockets", "threads", "tasks")
KINDS = (*MEMORY_KINDS, *COUNTED_KINDS)
MOST_COUNTED = 100


@dataclass(slots=True)
class Leaked:
    """What is still held.

    bytes:       of memory, of all kinds together
    requests:    that left something behind
    objects:     small objects, each of 128 bytes
    cycles:      rings that only the collector can free
    descriptors: open files; sockets are counted apart
    refused:     times that the system would not give what should have been leaked
    """

    bytes: int = 0
    requests: int = 0
    objects: int = 0
    cycles: int = 0
    descriptors: int = 0
    sockets: int = 0
    threads: int = 0
    tasks: int = 0
    refused: int = 0


class Forgotten:
    """One small object that is leaked, under a name that evidence can be compared with."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text


class Ring:
    """An object that holds itself: gone only when the collector looks at it, and then no longer counted."""

    __slots__ = ("_leaked", "payload", "ring")

    def __init__(self, size: int, leaked: Leaked) -> None:
        self.ring = self
        self.payload = b"\xa5" * size
        self._leaked = leaked
        leaked.bytes += size
        leaked.cycles += 1

    def __del__(self) -> None:
        self._leaked.bytes -= len(self.payload)
        self._leaked.cycles -= 1


@dataclass(slots=True)
class _Kept:
    large: list[bytes] = field(default_factory=list)
    small: list[Forgotten] = field(default_factory=list)
    native: list[int] = field(default_factory=list)
    maps: list[mmap.mmap] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)


class Leaks:
    """Leaks of one backend. What has leaked stays until `give_back`, whatever kind is in force."""

    def __init__(self) -> None:
        self.leaked = Leaked()
        self._heap: Heap | None = None
        self._kept = _Kept()
        self._over = threading.Event()  # leaked threads wait for it
        self._collecting: bool | None = None  # whether the collector was on before cycles were in force
        self._seen = 0
        self.use("large", 0, 1)

    def use(self, kind: str, amount: int, every: int) -> None:
        """Leak `amount` (bytes, or how many) at every so-manieth request from now on; 0 is no leak.

        raises: UsageError when the kind is not to be had on this system
        """
        if kind == "native" and self._heap is None:
            self._heap = Heap()
        self._amount, self._every, self._seen = amount, every, 0
        self._leak: Callable[[int], None] = getattr(self, f"_leak_{kind}")
        self._collect(on=not (amount and kind == "cycles"))

    def request(self) -> None:
        """One more request."""
        if not self._amount:
            return
        self._seen += 1
        if self._seen % self._every:
            return
        try:
            self._leak(self._amount)
        except (OSError, MemoryError, RuntimeError):  # no descriptor, mapping or thread is left: a backend that leaks lives on
            self.leaked.refused += 1
            return
        self.leaked.requests += 1

    def give_back(self) -> None:
        """Free all that has leaked."""
        kept, leaked = self._kept, self.leaked
        self._kept, self.leaked = _Kept(), Leaked(refused=leaked.refused)
        for address in kept.native:
            self._heap.give_back(address) if self._heap else None
        for pages in kept.maps:
            pages.close()
        for descriptor in kept.descriptors:
            os.close(descriptor)
        for each in kept.sockets:
            each.close()
        for task in kept.tasks:
            if not task.get_loop().is_closed():
                task.cancel()
        self._over.set()
        self._over = threading.Event()
        self._collect(on=True)
        if leaked.cycles:
            gc.collect()
        if self._heap:
            self._heap.trim()

    def _collect(self, *, on: bool) -> None:
        """Cycles are a leak only where nobody collects them, as in services that switch the collector off."""
        if not on and self._collecting is None:
            self._collecting = gc.isenabled()
            gc.disable()
        elif on and self._collecting is not None:
            if self._collecting:
                gc.enable()
            self._collecting = None

    def _leak_large(self, size: int) -> None:
        # Repeating a byte writes every page, so resident memory really grows; zeros would only be promised.
        self._kept.large.append(b"\xa5" * size)
        self.leaked.bytes += size

    def _leak_small(self, size: int) -> None:
        count = max(1, round(size / SMALL_BYTES))
        self._kept.small.extend(Forgotten(b"\xa5" * _SMALL_TEXT) for _ in range(count))
        self.leaked.objects += count
        self.leaked.bytes += count * SMALL_BYTES

    def _leak_native(self, size: int) -> None:
        if self._heap:
            self._kept.native.append(self._heap.take(size))
            self.leaked.bytes += size

    def _leak_mmap(self, size: int) -> None:
        self._kept.maps.append(mapped(size))
        self.leaked.bytes += size

    def _leak_cycles(self, size: int) -> None:
        Ring(size, self.leaked)

    def _leak_descriptors(self, count: int) -> None:
        for _ in range(count):
            self._kept.descriptors.append(os.open(os.devnull, os.O_RDONLY))
            self.leaked.descriptors += 1

    def _leak_sockets(self, count: int) -> None:
        """The far end has closed, ours has not: one descriptor each, in state CLOSE_WAIT."""
        for _ in range(count):
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen(1)
                with socket.create_connection(listener.getsockname(), timeout=1):
                    self._kept.sockets.append(listener.accept()[0])
            self.leaked.sockets += 1

    def _leak_threads(self, count: int) -> None:
        for _ in range(count):
            threading.Thread(target=self._over.wait, name="leaked", daemon=True).start()
            self.leaked.threads += 1

    def _leak_tasks(self, count: int) -> None:
        for _ in range(count):
            self._kept.tasks.append(asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="leaked"))
            self.leaked.tasks += 1

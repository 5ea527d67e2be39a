"""Pauses of the garbage collector, by `gc.callbacks`: two clock readings a collection."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Mapping
from typing import Any

from loadstone.inside.ring import Ring


class Pauses:
    """Counts collections by generation and times them; the whole process stands still for as long as one takes."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock, self._ring, self._began_ns = clock, Ring(), 0
        self.collections = [0, 0, 0]
        self.total_ns = 0

    def start(self) -> None:
        """Watch from now on; starting twice is starting once."""
        if self._seen not in gc.callbacks:
            gc.callbacks.append(self._seen)

    def stop(self) -> None:
        """Leave the collector alone; what was counted stays."""
        with contextlib.suppress(ValueError):
            gc.callbacks.remove(self._seen)

    def longest_since(self, since_ns: int) -> int | None:
        """The longest pause, in ns, that ended after the moment; None when there was none."""
        return self._ring.longest_since(since_ns)

    def _seen(self, phase: str, info: Mapping[str, Any]) -> None:
        now_ns = self._clock()
        if phase == "start":
            self._began_ns = now_ns
        elif self._began_ns:  # a collection that began before the watching has no known beginning
            self.collections[info["generation"]] += 1
            self.total_ns += now_ns - self._began_ns
            self._ring.add(now_ns, now_ns - self._began_ns)

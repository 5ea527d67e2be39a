"""The last durations with their moments."""

from __future__ import annotations

from array import array


class Ring:
    """Keeps the last `size` durations in memory that is taken once: a sampler that allocates would be seen as a leak itself."""

    def __init__(self, size: int = 512) -> None:
        self._at_ns, self._took_ns = array("q", bytes(8 * size)), array("q", bytes(8 * size))
        self._size, self._count = size, 0

    def add(self, at_ns: int, took_ns: int) -> None:
        """A duration that ended at this moment; the oldest gives way."""
        place = self._count % self._size
        self._at_ns[place], self._took_ns[place] = at_ns, took_ns
        self._count += 1

    def longest_since(self, since_ns: int) -> int | None:
        """The longest that ended after the moment; None when none did, or when it has given way."""
        kept = range(min(self._count, self._size))
        return max((self._took_ns[place] for place in kept if self._at_ns[place] > since_ns), default=None)

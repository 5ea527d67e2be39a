"""A cache of answers: with a hit ratio that is set, or a real one that holds the N answers used last."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from fractions import Fraction
from random import Random
from typing import Any

from loadstone.reference.shares import ExactShare

# How an answer is delivered is no part of what was asked.
_DELIVERY = frozenset({"stream", "stream_options"})


class AnswerCache:
    """Says of each request whether it is a hit, and counts.

    kind: a share: of n requests floor(n * share) ± 1 are hits, whatever they ask;
          a whole number: equal requests are hits while they are among so many used last; None: nothing is cached
    """

    def __init__(self, kind: Fraction | int | None, seed: int) -> None:
        self.hits = self.misses = self.evicted = 0
        self.replace(kind, seed)

    def replace(self, kind: Fraction | int | None, seed: int, entry_bytes: int = 0) -> None:
        """Another kind, empty; the counts go on. Each entry of a real cache takes `entry_bytes` more."""
        self._entry_bytes = entry_bytes
        self._share = ExactShare(*kind.as_integer_ratio(), rng=Random(f"cache {seed}")) if isinstance(kind, Fraction) else None
        self._most = kind if isinstance(kind, int) else 0
        # Answers are a function of the request, so the keys are enough; the rest of an entry only takes memory.
        self._keys: OrderedDict[bytes, bytes] = OrderedDict()

    def find(self, path: str, body: Mapping[str, Any]) -> bool | None:
        """Is the answer to this request in the cache? None without a cache. A miss is in it from now on."""
        if self._share is not None:
            hit = self._share.pick()
        elif self._most:
            hit = self._used(_key(path, body))
        else:
            return None
        self.hits += hit
        self.misses += not hit
        return hit

    def as_json(self) -> dict[str, int]:
        """Counts since the start of the backend."""
        held = {"entries": len(self._keys), "entry_bytes": self._entry_bytes}
        return {"hits": self.hits, "misses": self.misses, "evicted": self.evicted, **held}

    def _used(self, key: bytes) -> bool:
        if key in self._keys:
            self._keys.move_to_end(key)
            return True
        self._keys[key] = b"\xa5" * self._entry_bytes
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
            self.evicted += 1
        return False


def _key(path: str, body: Mapping[str, Any]) -> bytes:
    asked = {name: value for name, value in body.items() if name not in _DELIVERY}
    return hashlib.sha256(f"{path}\n{json.dumps(asked, sort_keys=True)}".encode()).digest()

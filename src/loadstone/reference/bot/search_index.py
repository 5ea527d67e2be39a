"""Search by likeness: texts as hashed, weighted words (TF-IDF), the nearest by the angle between them."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURES = 1 << 15
_WORD = re.compile(r"\w+")
_STEM = 6  # characters: "invoices" is found by "invoice"


class SearchIndex:
    """The vectors of all texts, feature by feature, so that a question touches only what it shares a word with.

    source: Salton & Buckley 1988, weights ltc; Weinberger et al. 2009, hashing
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(features_of(text)) for text in texts]
        rows = np.fromiter((row for row, each in enumerate(counts) for _ in each), dtype=np.int32)
        features = np.fromiter((feature for each in counts for feature in each), dtype=np.int32)
        weights = 1 + np.log(np.fromiter((count for each in counts for count in each.values()), dtype=np.float32))
        spread = np.bincount(features, minlength=FEATURES)
        self._rarity = np.log((1 + len(texts)) / (1 + spread)).astype(np.float32) + 1
        weights = weights * self._rarity[features]
        lengths = np.sqrt(np.bincount(rows, weights=weights**2, minlength=len(texts)))
        order = np.argsort(features, kind="stable")
        self._rows = rows[order]
        self._weights = (weights / np.maximum(lengths[rows], 1e-9)).astype(np.float32)[order]
        self._starts = np.concatenate(([0], np.cumsum(spread)))
        self.size = len(texts)

    def scores(self, text: str) -> NDArray[np.float64]:
        """Likeness of each text to this one, from 0 to 1."""
        found: NDArray[np.float64] = np.zeros(self.size)
        asked = Counter(features_of(text))
        weights = {feature: (1 + np.log(count)) * self._rarity[feature] for feature, count in asked.items()}
        length = float(np.sqrt(sum(weight**2 for weight in weights.values()))) or 1.0
        for feature, weight in weights.items():
            part = slice(self._starts[feature], self._starts[feature + 1])
            found[self._rows[part]] += self._weights[part] * (weight / length)  # a text has each feature once
        return found

    def rarity(self, word: str) -> float:
        """How much a word says: 1 for one that every text has, more for rarer ones."""
        return float(self._rarity[features_of(word)[0]])

    def nearest(self, text: str, most: int) -> list[tuple[int, float]]:
        """(number of the text, likeness), the most like first; texts that share nothing are left out."""
        scores = self.scores(text)
        most = min(most, self.size)
        best: Any = np.argpartition(-scores, most - 1)[:most] if most else []
        return sorted(((int(row), float(scores[row])) for row in best if scores[row] > 0), key=lambda pair: (-pair[1], pair[0]))


def features_of(text: str) -> list[int]:
    """The hashed stems of a text's words."""
    return [zlib.crc32(word[:_STEM].encode()) % FEATURES for word in _WORD.findall(text.lower())]

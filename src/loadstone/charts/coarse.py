"""Histograms as a page carries them: coarser than ours, so that a long run is a small file, with an error that is still stated."""

from __future__ import annotations

import numpy as np

from loadstone.stats.histogram import SUB_BITS, SUB_BUCKETS, Histogram, IntArray

# 64 buckets per octave instead of 256. A page shows the middle of a bucket, which is at most half its width from any value in it.
BITS = 6
QUANTILE_ERROR = 2.0 ** -(BITS + 1)  # relative: 0.8 %

_EVERY = (64 - SUB_BITS) * SUB_BUCKETS  # as many buckets as a histogram can have


def _coarse_buckets() -> IntArray:
    """For each bucket of ours the coarse one that it lies in; each lies in one whole, because both halve the same octaves."""
    fine = np.arange(_EVERY, dtype=np.int64)
    shift = np.maximum(0, fine // SUB_BUCKETS - 1)
    slot = fine - shift * SUB_BUCKETS  # 256 … 511, or less in the first octaves, where a bucket is one value
    more = np.maximum(0, np.frexp(slot.astype(np.float64))[1] - (BITS + 1))
    return np.asarray((shift + more) * (1 << BITS) + (slot >> more), dtype=np.int64)


_COARSE = _coarse_buckets()


def coarse(histogram: Histogram) -> tuple[IntArray, IntArray]:
    """The coarse buckets that are not empty, upwards, and how many values each holds."""
    if histogram.count == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    fine, counts = histogram.used()
    buckets = _COARSE[fine]
    starts = np.concatenate(([0], np.flatnonzero(buckets[1:] != buckets[:-1]) + 1))
    return buckets[starts], np.add.reduceat(counts, starts)


def lower_end(bucket: int) -> int:
    """The least value of a coarse bucket; that of the next one is the first value past it."""
    shift = max(0, (bucket >> BITS) - 1)
    return (bucket - (shift << BITS)) << shift


def packed(histogram: Histogram) -> list[int | float]:
    """count, beyond, least, greatest, total, then for each coarse bucket that is not empty its distance to the one before and its count.

    Least and greatest are exact, and 0 where nothing was recorded; total is a float.
    """
    if histogram.count == 0:
        return [0, histogram.beyond, 0, 0, 0]
    buckets, counts = coarse(histogram)
    pairs = np.empty(2 * buckets.size, dtype=np.int64)
    pairs[0] = buckets[0]
    pairs[2::2] = buckets[1:] - buckets[:-1]
    pairs[1::2] = counts
    return [histogram.count, histogram.beyond, histogram.min, histogram.max, float(histogram.total), *pairs.tolist()]

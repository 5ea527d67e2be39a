"""Histograms as a page carries them: coarser than ours, so that a long run is a small file, with an error that is still stated."""

from __future__ import annotations

import numpy as np

from loadstone.stats.histogram import SUB_BITS, SUB_BUCKETS, Histogram, IntArray

# 64 buckets per octave instead of 256. A page shows the middle of a bucket, which is at most half its width from any value in it.
BITS = 6
QUANTILE_ERROR = 2.0 ** -(BITS + 1)  # relative: 0.8 %

_FINER = SUB_BITS - BITS
_EVERY = (64 - SUB_BITS) * SUB_BUCKETS  # as many buckets as a histogram can have


def _coarse_buckets() -> IntArray:
    """For each bucket of ours the coarse one that it lies in; each lies in one whole, because both halve the same octaves."""
    fine = np.arange(_EVERY, dtype=np.int64)
    shift = np.maximum(0, fine // SUB_BUCKETS - 1)
    slot = fine - shift * SUB_BUCKETS  # 256 … 511, or less in the first octaves, where a bucket is one value
    more = np.maximum(0, np.frexp(slot.astype(np.float64))[1] - (BITS + 1))
    return np.asarray((shift + more) * (1 << BITS) + (slot >> more), dtype=np.int64)


_COARSE = _coarse_buckets()


def packed(histogram: Histogram) -> list[int | float]:
    """count, beyond, least, greatest, total, then for each coarse bucket that is not empty its distance to the one before and its count.

    Least and greatest are exact, and 0 where nothing was recorded; total is a float.
    """
    if histogram.count == 0:
        return [0, histogram.beyond, 0, 0, 0]
    fine, counts = histogram.used()
    coarse = _COARSE[fine]
    starts = np.flatnonzero(np.diff(coarse, prepend=-1))
    pairs = np.empty(2 * starts.size, dtype=np.int64)
    pairs[0::2] = np.diff(coarse[starts], prepend=0)
    pairs[1::2] = np.add.reduceat(counts, starts)
    return [histogram.count, histogram.beyond, histogram.min, histogram.max, float(histogram.total), *pairs.tolist()]

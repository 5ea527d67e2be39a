"""How often each value occurred: exact sums, quantiles with a stated relative error, memory flat in the number of values."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import NoSamples

IntArray = NDArray[np.int64]

# 256 equal buckets per octave: values below 512 have a bucket each, larger ones share one of width 2**shift, which is at
# most 2**-8 of the value. Coarser loses the 0.5 % the reports promise; finer costs memory that nobody can read.
SUB_BITS = 8
SUB_BUCKETS = 1 << SUB_BITS
RELATIVE_ERROR = 2.0**-SUB_BITS
GREATEST = 2**63 - 1

_HALF = 1 << 31  # sums of int64 are taken in two halves, so that they cannot overflow
_WIDEST = 8  # bytes of a number
_LAST_BUCKET = (63 - SUB_BITS - 1) * SUB_BUCKETS + 2 * SUB_BUCKETS - 1
# Count, beyond, min, max, low and high 64 bits of the total, buckets in use, bytes of a step between two of them, bytes of a count.
_HEADER = struct.Struct("<QQqqQQIBB")
_MAGIC = b"LSH2"
_FIRST_HEADER = struct.Struct("<4sQQqqQQ")  # of the first layout: magic, then as above without the last three
_FIRST_MAGIC = b"LSH1"


def bucket_of(value: int) -> int:
    """Index of the bucket that holds a value from 0 to 2**63 - 1."""
    shift = max(0, value.bit_length() - SUB_BITS - 1)
    return shift * SUB_BUCKETS + (value >> shift)


def buckets_of(values: IntArray) -> IntArray:
    """Indexes of the buckets that hold the values; shape as given."""
    # frexp's exponent is the bit length, except that int64 -> float64 may round up to the next power of two above 2**53;
    # such a value then lands in slot 255 instead of 511 of a shift too high, so the shift is taken back.
    shift = np.frexp(values.astype(np.float64))[1].astype(np.int64) - (SUB_BITS + 1)
    np.maximum(shift, 0, out=shift)
    slot = values >> shift
    if values.size and int(values.max()) >= 1 << 53:
        rounded_up = (slot < SUB_BUCKETS) & (shift > 0)
        shift -= rounded_up
        slot = values >> shift
    shift <<= SUB_BITS
    shift += slot
    return shift


def upper_end(bucket: int) -> int:
    """The greatest value that falls into a bucket."""
    shift = max(0, bucket // SUB_BUCKETS - 1)
    return ((bucket - shift * SUB_BUCKETS + 1) << shift) - 1


def lower_end(bucket: int) -> int:
    """The least value that falls into a bucket."""
    shift = max(0, bucket // SUB_BUCKETS - 1)
    return (bucket - shift * SUB_BUCKETS) << shift


class Histogram:
    """Counts of non-negative integers (ns for times) in log-linear buckets.

    Bucket counts, count, total, min and max are exact; quantiles are never low and high by at most 2**-8.
    `beyond` counts values known only to be longer than anything recorded, such as time-outs and dropped arrivals.
    """

    __slots__ = ("_counts", "_first", "_max", "_min", "_packed", "beyond", "count", "total")

    def __init__(self) -> None:
        self._counts: IntArray = np.zeros(0, dtype=np.int64)  # of whole octaves, from the least value's to the greatest's
        self._first = 0  # bucket of the first of them
        self._min = GREATEST
        self._max = -1
        self._packed = b""  # what `pack` made, as long as nothing was recorded since
        self.count = 0
        self.beyond = 0
        self.total = 0

    def record(self, value: int, times: int = 1) -> None:
        """Count one value, or the same one several times; raises ValueError outside 0 … 2**63 - 1."""
        if times < 1:
            raise ValueError(f"cannot count a value {times} times")
        if not 0 <= value <= GREATEST:
            raise ValueError(f"a histogram counts integers from 0 to 2**63 - 1, not {value}")
        bucket = bucket_of(value)
        self._packed = b""
        self._reach(bucket, bucket + 1)
        self._counts[bucket - self._first] += times
        self.count += times
        self.total += value * times
        self._min = min(self._min, value)
        self._max = max(self._max, value)

    def record_many(self, values: IntArray) -> None:
        """Count all values of a one-dimensional array; raises ValueError, and counts none, if one is negative."""
        if values.size == 0:
            return
        values = values.astype(np.int64, casting="safe", copy=False)
        least, greatest = int(values.min()), int(values.max())
        if least < 0:
            raise ValueError(f"a histogram counts integers from 0 to 2**63 - 1, not {least}")
        self._packed = b""
        first = bucket_of(least)
        folded = np.bincount(buckets_of(values) - first)
        self._reach(first, first + folded.size)
        self._counts[first - self._first : first - self._first + folded.size] += folded
        self.count += values.size
        self.total += _exact_sum(values, greatest)
        self._min = min(self._min, least)
        self._max = max(self._max, greatest)

    def record_beyond(self, n: int = 1) -> None:
        """Count n values known only to be longer than anything recorded."""
        if n < 0:
            raise ValueError(f"cannot count {n} values")
        self._packed = b""
        self.beyond += n

    def merge(self, other: Histogram) -> None:
        """Add everything the other counted; the same as having recorded it here."""
        self._packed = b""
        if size := other._counts.size:
            self._reach(other._first, other._first + size)
            at = other._first - self._first
            self._counts[at : at + size] += other._counts
        self.count += other.count
        self.beyond += other.beyond
        self.total += other.total
        self._min = min(self._min, other._min)
        self._max = max(self._max, other._max)

    def quantile(self, q: float) -> float:
        """Smallest recorded value that a share `q` of all, those beyond included, does not exceed.

        q:      share in [0, 1], not a percentage; 0 gives the least value
        gives:  never low, high by at most 2**-8; inf when the rank falls among those beyond
        raises: NoSamples if nothing was recorded; never 0 for that
        source: Hyndman & Fan 1996, definition 1
        """
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"a quantile is a share from 0 to 1, not {q}")
        samples = self.count + self.beyond
        if samples == 0:
            raise NoSamples("a quantile of nothing was asked for")
        # 0.07 * 100 is 7.000000000000001 in floats; the rank meant is 7.
        return self.value_at(max(1, math.ceil(q * samples * (1 - 1e-15))))

    def value_at(self, rank: int) -> float:
        """The value that is rank-th when all are sorted upwards, counted from 1; accuracy as in `quantile`."""
        return self.bounds_at(rank)[1]

    def bounds_at(self, rank: int) -> tuple[float, float]:
        """The least and the greatest value that the rank-th one can have had; both inf for those beyond."""
        if not 1 <= rank <= self.count + self.beyond:
            raise ValueError(f"rank {rank} is not among {self.count + self.beyond} values")
        if rank > self.count:
            return math.inf, math.inf
        if rank == 1:
            return float(self._min), float(self._min)
        if rank == self.count:
            return float(self._max), float(self._max)
        bucket = self._first + int(np.searchsorted(np.cumsum(self._counts), rank))
        return float(max(lower_end(bucket), self._min)), float(min(upper_end(bucket), self._max))

    def share_above(self, limit: float) -> float:
        """Share of all values, those beyond included, in buckets that lie wholly above a limit."""
        samples = self.count + self.beyond
        if samples == 0:
            raise NoSamples("a share of nothing was asked for")
        if limit < 0:
            return 1.0
        above = max(0, bucket_of(min(int(limit), GREATEST)) + 1 - self._first)
        return (int(self._counts[above:].sum()) + self.beyond) / samples

    @property
    def min(self) -> int:
        """The least value, exact."""
        self._need_values()
        return self._min

    @property
    def max(self) -> int:
        """The greatest value, exact; those beyond are longer still."""
        self._need_values()
        return self._max

    @property
    def mean(self) -> float:
        """Arithmetic mean of the recorded values; those beyond have no value and are left out."""
        self._need_values()
        return self.total / self.count

    def buckets(self) -> list[tuple[int, int, int]]:
        """(least value, greatest value, count) of every bucket that is not empty, upwards."""
        used, counts = self.used()
        return [(lower_end(bucket), upper_end(bucket), count) for bucket, count in zip(used.tolist(), counts.tolist(), strict=True)]

    def used(self) -> tuple[IntArray, IntArray]:
        """Indexes of the buckets that are not empty, upwards, and their counts."""
        places = np.flatnonzero(self._counts)
        return places + self._first, self._counts[places]

    def copy(self) -> Histogram:
        """An independent histogram with the same content."""
        twin = Histogram()
        twin.merge(self)
        return twin

    def to_bytes(self) -> bytes:
        """Everything, exactly, in about one byte per bucket in use; read by `from_bytes`."""
        return _MAGIC + zlib.compress(self.plain_bytes(), 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> Histogram:
        """The histogram that `to_bytes` wrote, also in the layout of earlier versions; raises ValueError for anything else."""
        try:
            if data[:4] == _FIRST_MAGIC:
                return cls._from_first_layout(data)
            if data[:4] != _MAGIC:
                raise ValueError("not a stored histogram, or one of another version")
            return cls.from_plain_bytes(zlib.decompress(data[4:]))
        except (struct.error, zlib.error) as error:
            raise ValueError(f"not a stored histogram: {error}") from error

    def plain_bytes(self) -> bytes:
        """The same without compression, for those who compress several together: equal ones then take the room of one."""
        used, numbers = self.used()
        steps, step_size = _planes(np.diff(used, prepend=0))
        counts, count_size = _planes(numbers)
        low, high = self.total & (2**64 - 1), self.total >> 64
        header = _HEADER.pack(self.count, self.beyond, self._min, self._max, low, high, used.size, step_size, count_size)
        return b"".join((header, steps, counts))

    @classmethod
    def from_plain_bytes(cls, data: bytes) -> Histogram:
        """The histogram that `plain_bytes` wrote; raises ValueError for anything else."""
        try:
            count, beyond, least, greatest, low, high, used, step_size, count_size = _HEADER.unpack_from(data)
        except struct.error as error:
            raise ValueError(f"not a stored histogram: {error}") from error
        if max(step_size, count_size) > _WIDEST or len(data) != _HEADER.size + used * (step_size + count_size):
            raise ValueError("not a stored histogram: it is longer or shorter than it says")
        counts_at = _HEADER.size + used * step_size
        steps, counts = _from_planes(data[_HEADER.size : counts_at], used), _from_planes(data[counts_at:], used)
        return cls._of(count, beyond, least, greatest, low + (high << 64), np.cumsum(steps), counts)

    @classmethod
    def _from_first_layout(cls, data: bytes) -> Histogram:
        _magic, count, beyond, least, greatest, low, high = _FIRST_HEADER.unpack_from(data)
        body = zlib.decompress(data[_FIRST_HEADER.size :])
        if len(body) % 12:
            raise ValueError("not a stored histogram: its buckets are cut off")
        used = len(body) // 12
        steps = np.frombuffer(body, "<u4", used).astype(np.int64)
        counts = np.frombuffer(body, "<u8", used, offset=4 * used).astype(np.int64)
        return cls._of(count, beyond, least, greatest, low + (high << 64), np.cumsum(steps), counts)

    @classmethod
    def _of(cls, count: int, beyond: int, least: int, greatest: int, total: int, used: IntArray, counts: IntArray) -> Histogram:
        mine = cls()
        if used.size:
            if not 0 <= int(used[0]) <= int(used[-1]) <= _LAST_BUCKET:
                raise ValueError("not a stored histogram: it has buckets that there are none of")
            mine._reach(int(used[0]), int(used[-1]) + 1)
            mine._counts[used - mine._first] = counts
        mine.count, mine.beyond, mine._min, mine._max, mine.total = count, beyond, least, greatest, total
        return mine

    def pack(self) -> None:
        """Make the bytes that pickling needs now, because there is time now; recording more discards them."""
        self._packed = self.to_bytes()

    def __reduce__(self) -> tuple[Any, ...]:
        return Histogram.from_bytes, (self._packed or self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        mine = (self.count, self.beyond, self.total, self._min, self._max)
        theirs = (other.count, other.beyond, other.total, other._min, other._max)
        return mine == theirs and self.buckets() == other.buckets()

    __hash__ = None  # type: ignore[assignment]  # it changes while it counts

    def __repr__(self) -> str:
        if self.count == 0:
            return f"Histogram(empty, beyond={self.beyond})"
        return f"Histogram(count={self.count}, min={self._min}, max={self._max}, beyond={self.beyond})"

    def _reach(self, first: int, end: int) -> None:
        """Make room for the buckets from `first` up to `end`; whole octaves, so that growth is rare."""
        size = self._counts.size
        if size and self._first <= first and end <= self._first + size:
            return
        first, end = first // SUB_BUCKETS * SUB_BUCKETS, -(-end // SUB_BUCKETS) * SUB_BUCKETS
        if size:
            first, end = min(first, self._first), max(end, self._first + size)
        grown = np.zeros(end - first, dtype=np.int64)
        if size:
            grown[self._first - first : self._first - first + size] = self._counts
        self._counts, self._first = grown, first

    def _need_values(self) -> None:
        if self.count == 0:
            raise NoSamples("a statistic of nothing was asked for")


def _exact_sum(values: IntArray, greatest: int) -> int:
    if greatest * values.size <= GREATEST:
        return int(values.sum())
    return int((values // _HALF).sum()) * _HALF + int((values % _HALF).sum())


def _planes(numbers: IntArray) -> tuple[bytes, int]:
    """Non-negative numbers as their first bytes, their second bytes, and so on, which compress well; and how many of each there are."""
    greatest = int(numbers.max()) if numbers.size else 0
    size = max(1, -(-greatest.bit_length() // 8))
    return numbers.astype("<i8").view(np.uint8).reshape(-1, _WIDEST).T[:size].tobytes(), size


def _from_planes(data: bytes, amount: int) -> IntArray:
    """The numbers that `_planes` wrote."""
    size = len(data) // amount if amount else 0
    whole = np.zeros((amount, _WIDEST), dtype=np.uint8)
    whole[:, :size] = np.frombuffer(data, np.uint8).reshape(size, amount).T
    return whole.view("<i8").ravel().astype(np.int64, copy=False)

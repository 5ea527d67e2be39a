"""Histograms to and from the text that HdrHistogram's tools read (its encoding V2, compressed, in base64).

Layout, all big-endian: cookie, length, then zlib of (cookie, length of the counts, index offset, significant digits, lowest and
highest trackable value, conversion ratio as a double, counts). The counts are ZigZag LEB128 numbers, at most nine bytes each;
a negative one stands for that many empty buckets. Source: the encoding V2 description in the HdrHistogram project.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable, Iterator

from loadstone.errors import UsageError
from loadstone.stats.histogram import GREATEST, Histogram

_COOKIE = 0x1C849303 | 0x10
_COMPRESSED_COOKIE = 0x1C849304 | 0x10
_FORMAT_BITS = ~0xF0
_OUTER = struct.Struct(">ii")
_INNER = struct.Struct(">iiiiqqd")

# Three digits are 1024 buckets per octave: each of our 256 falls apart into four of theirs, so nothing is lost but the exact sum.
_DIGITS = 3
_HALF_BITS = 10
_LONGEST_NUMBER = 9


def to_hdr(histogram: Histogram, *, beyond_at: int | None = None) -> str:
    """The histogram as HdrHistogram text, each bucket's values at the bucket's upper end.

    beyond_at: where to put the values known only to be longer than anything recorded; the format has no word for them
    raises:    UsageError if there are such values and no place was given
    """
    if histogram.beyond and beyond_at is None:
        raise UsageError(
            f"{histogram.beyond} values are only known to be longer than anything recorded, and HdrHistogram's format cannot say that",
            hint="beyond_at=<the time-out in ns>",
        )
    counts: dict[int, int] = {}
    greatest = histogram.max if histogram.count else 0
    for _, upper, count in histogram.buckets():
        index = _index(min(upper, greatest))
        counts[index] = counts.get(index, 0) + count
    if histogram.beyond and beyond_at is not None:
        greatest = max(greatest, beyond_at)
        index = _index(beyond_at)
        counts[index] = counts.get(index, 0) + histogram.beyond
    body = b"".join(_zigzag(number) for number in _runs(counts))
    highest = min(GREATEST, max((1 << greatest.bit_length()) - 1, (2 << _HALF_BITS) - 1))
    packed = zlib.compress(_INNER.pack(_COOKIE, len(body), 0, _DIGITS, 1, highest, 1.0) + body)
    return base64.b64encode(_OUTER.pack(_COMPRESSED_COOKIE, len(packed)) + packed).decode("ascii")


def from_hdr(text: str) -> Histogram:
    """The histogram in an HdrHistogram text of any precision; each value at its bucket's upper end, as in ours.

    raises: UsageError if the text is not of that format
    """
    try:
        data = base64.b64decode(text, validate=True)
        cookie, length = _OUTER.unpack_from(data)
        known = cookie & _FORMAT_BITS == _COMPRESSED_COOKIE & _FORMAT_BITS and length == len(data) - _OUTER.size
        _insist(known, "the cookie or the length is not that of V2, compressed")
        body = zlib.decompress(data[_OUTER.size :])
        cookie, length, offset, digits, lowest, _, ratio = _INNER.unpack_from(body)
        known = cookie & _FORMAT_BITS == _COOKIE & _FORMAT_BITS and offset == 0 and ratio == 1.0 and 1 <= digits <= 5 and lowest >= 1
        _insist(known, "only integers without an index offset can be read")
        return _gather(body[_INNER.size : _INNER.size + length], digits, lowest)
    except (binascii.Error, struct.error, zlib.error, ValueError) as error:
        raise UsageError(f"not an HdrHistogram text of encoding V2: {error}", hint="text that begins with HISTFAAA") from None


def _insist(known: bool, what: str) -> None:
    if not known:
        raise ValueError(what)


def _gather(body: bytes, digits: int, lowest: int) -> Histogram:
    unit = lowest.bit_length() - 1
    half_bits = (2 * 10**digits - 1).bit_length() - 1
    histogram, index = Histogram(), 0
    for number in _numbers(body):
        if number < 0:
            index -= number
            continue
        if number:
            shift = max(0, (index >> half_bits) - 1)
            slot = index - (shift << half_bits)
            histogram.record(((slot + 1) << (shift + unit)) - 1, number)
        index += 1
    return histogram


def _index(value: int) -> int:
    shift = max(0, value.bit_length() - _HALF_BITS - 1)
    return (shift << _HALF_BITS) + (value >> shift)


def _runs(counts: dict[int, int]) -> Iterable[int]:
    """Counts from index 0 up; each run of empty buckets as one negative number."""
    following = 0
    for index in sorted(counts):
        if index - following == 1:
            yield 0
        elif index > following:
            yield following - index
        yield counts[index]
        following = index + 1


def _zigzag(number: int) -> bytes:
    left = (number << 1) ^ (number >> 63)
    octets = bytearray()
    while left >= 0x80 and len(octets) < _LONGEST_NUMBER - 1:
        octets.append(left & 0x7F | 0x80)
        left >>= 7
    octets.append(left)
    return bytes(octets)


def _numbers(body: bytes) -> Iterator[int]:
    number, shift = 0, 0
    for octet in body:
        last = shift == 7 * (_LONGEST_NUMBER - 1)
        number |= (octet if last else octet & 0x7F) << shift
        if octet & 0x80 and not last:
            shift += 7
            continue
        yield (number >> 1) ^ -(number & 1)
        number, shift = 0, 0
    if shift:
        raise ValueError("the last count is cut off")

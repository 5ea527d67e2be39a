"""A stretch of a run as bytes, exactly: names once in a small head, histograms behind it, compressed together."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

_MAGIC = b"LSP2"
_SIZE = struct.Struct("<I")  # of the head
_FIRST_MAGIC = b"LSP1"  # of the first layout: only its head was compressed, and each histogram for itself
_FIRST_LENGTH = struct.Struct("<4sI")


def pack(snapshot: Snapshot) -> bytes:
    """The snapshot in bytes that `unpack` reads."""
    bodies = [values.plain_bytes() for values in snapshot.distributions.values()]
    head = {
        "at": [snapshot.seq, snapshot.start_s, snapshot.end_s, snapshot.judged, snapshot.phase],
        "distributions": [[*_named(series), len(body)] for series, body in zip(snapshot.distributions, bodies, strict=True)],
        "counts": [[*_named(series), count] for series, count in snapshot.counts.items()],
        "gauges": [[*_named(series), level_row(level)] for series, level in snapshot.gauges.items()],
        "failures": [[*failure, count] for failure, count in snapshot.failures.items()],
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    # All in one piece: response and service times of a second are often the same, and then cost nothing.
    return _MAGIC + zlib.compress(b"".join([_SIZE.pack(len(text)), text, *bodies]), 1)


def unpack(data: bytes) -> Snapshot:
    """The snapshot that `pack` wrote, also in the layout of earlier versions; raises ValueError for anything else."""
    try:
        if data[:4] == _FIRST_MAGIC:
            _magic, length = _FIRST_LENGTH.unpack_from(data)
            at = _FIRST_LENGTH.size + length
            return _unpacked(zlib.decompress(data[_FIRST_LENGTH.size : at]), data, at, Histogram.from_bytes)
        if data[:4] != _MAGIC:
            raise ValueError("not a packed stretch of a run, or one of another version")
        plain = zlib.decompress(data[4:])
        at = _SIZE.size + _SIZE.unpack_from(plain)[0]
        return _unpacked(plain[_SIZE.size : at], plain, at, Histogram.from_plain_bytes)
    except (struct.error, zlib.error, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a packed stretch of a run: {error}") from error


def _unpacked(text: bytes, bodies: bytes, at: int, read: Callable[[bytes], Histogram]) -> Snapshot:
    head: Mapping[str, Any] = json.loads(text)
    distributions = {}
    for metric, tags, size in head["distributions"]:
        distributions[series_of(metric, tags)] = read(bodies[at : at + size])
        at += size
    seq, start_s, end_s, judged, phase = head["at"]
    return Snapshot(
        seq,
        start_s,
        end_s,
        judged,
        phase,
        distributions,
        {series_of(metric, tags): count for metric, tags, count in head["counts"]},
        {series_of(metric, tags): Gauge(*level) for metric, tags, level in head["gauges"]},
        {Failure(kind, step, text): count for kind, step, text, count in head["failures"]},
    )


def level_row(level: Gauge) -> list[float]:
    """The numbers of a level, as `Gauge(*row)` takes them."""
    return [level.last, level.least, level.greatest, level.total, level.count]


def series_of(metric: str, tags: list[list[str]]) -> Series:
    """The series of a metric and its tags as JSON has them."""
    return Series(metric, tuple((key, value) for key, value in tags))


def _named(series: Series) -> list[Any]:
    return [series.metric, series.tags]

"""A stretch of a run as bytes, exactly: names once in a small head, histograms behind it as they pack themselves."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

_MAGIC = b"LSP1"
_LENGTH = struct.Struct("<4sI")


def pack(snapshot: Snapshot) -> bytes:
    """The snapshot in bytes that `unpack` reads."""
    bodies = [values.to_bytes() for values in snapshot.distributions.values()]
    head = {
        "at": [snapshot.seq, snapshot.start_s, snapshot.end_s, snapshot.judged, snapshot.phase],
        "distributions": [[*_named(series), len(body)] for series, body in zip(snapshot.distributions, bodies, strict=True)],
        "counts": [[*_named(series), count] for series, count in snapshot.counts.items()],
        "gauges": [[*_named(series), level_row(level)] for series, level in snapshot.gauges.items()],
        "failures": [[*failure, count] for failure, count in snapshot.failures.items()],
    }
    packed = zlib.compress(json.dumps(head, separators=(",", ":")).encode(), 1)
    return b"".join([_LENGTH.pack(_MAGIC, len(packed)), packed, *bodies])


def unpack(data: bytes) -> Snapshot:
    """The snapshot that `pack` wrote; raises ValueError for anything else."""
    try:
        return _unpack(data)
    except (struct.error, zlib.error, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a packed stretch of a run: {error}") from error


def _unpack(data: bytes) -> Snapshot:
    magic, length = _LENGTH.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError("not a packed stretch of a run, or one of another version")
    at = _LENGTH.size + length
    head: Mapping[str, Any] = json.loads(zlib.decompress(data[_LENGTH.size : at]))
    distributions = {}
    for metric, tags, size in head["distributions"]:
        distributions[series_of(metric, tags)] = Histogram.from_bytes(data[at : at + size])
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

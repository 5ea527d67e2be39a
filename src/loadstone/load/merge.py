"""Snapshots of several workers put together into those of the whole run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from loadstone.measure.aggregate import add_failure
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

# One second of the run's grid, what it was for, whether it is judged, and how many pauses there were in it so far.
Cell = tuple[int, str, bool, int]


def merge(by_worker: Iterable[Sequence[Snapshot]]) -> list[Snapshot]:
    """One snapshot per second, phase and judgement, in order of time.

    by_worker: the snapshots of each worker, in order of time; a worker may have cut one second into several
    """
    cells: dict[Cell, list[Snapshot]] = {}
    for snapshots in by_worker:
        mine: dict[Cell, list[Snapshot]] = {}
        for snapshot in snapshots:
            mine.setdefault(_cell(snapshot, mine), []).append(snapshot)
        for cell, parts in mine.items():
            # Parts of one worker follow each other: a level does not add up. Those of several workers are at the same time.
            cells.setdefault(cell, []).append(_together(parts, Gauge.then))
    merged = [_together(parts, _plus) for parts in cells.values()]
    return sorted(merged, key=lambda snapshot: (snapshot.start_s, snapshot.judged))


def _cell(snapshot: Snapshot, mine: dict[Cell, list[Snapshot]]) -> Cell:
    second, pauses = math.floor(snapshot.start_s + 1e-6), 0
    # A stretch with a pause in it must not be told as one: the pause would count as time under load.
    while before := mine.get((second, snapshot.phase, snapshot.judged, pauses)):
        if snapshot.start_s - before[-1].end_s < 1e-6:
            break
        pauses += 1
    return (second, snapshot.phase, snapshot.judged, pauses)


def _together(parts: list[Snapshot], add_levels: Callable[[Gauge, Gauge], Gauge]) -> Snapshot:
    if len(parts) == 1:
        return parts[0]
    distributions: dict[Series, Histogram] = {}
    counts: dict[Series, int] = {}
    gauges: dict[Series, Gauge] = {}
    failures: dict[Failure, int] = {}
    for snapshot in parts:
        for series, histogram in snapshot.distributions.items():
            distributions.setdefault(series, Histogram()).merge(histogram)
        for series, count in snapshot.counts.items():
            counts[series] = counts.get(series, 0) + count
        for series, gauge in snapshot.gauges.items():
            before = gauges.get(series)
            gauges[series] = add_levels(before, gauge) if before else gauge
        for failure, count in snapshot.failures.items():
            add_failure(failures, failure, count)
    first = parts[0]
    start_s, end_s = min(part.start_s for part in parts), max(part.end_s for part in parts)
    return Snapshot(first.seq, start_s, end_s, first.judged, first.phase, distributions, counts, gauges, failures)


def _plus(one: Gauge, other: Gauge) -> Gauge:
    """The same level in two workers at the same time: users, arrivals asked for."""
    mean = one.mean + other.mean
    count = max(one.count, other.count)
    return Gauge(one.last + other.last, one.least + other.least, one.greatest + other.greatest, mean * count, count)

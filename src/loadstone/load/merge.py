"""Snapshots of several workers put together into those of the whole run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from loadstone.measure.aggregate import together
from loadstone.measure.snapshot import Gauge, Snapshot

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
            cells.setdefault(cell, []).append(together(parts, Gauge.then))
    merged = [together(parts, _plus) for parts in cells.values()]
    return sorted(merged, key=lambda snapshot: (snapshot.start_s, snapshot.judged))


def _cell(snapshot: Snapshot, mine: dict[Cell, list[Snapshot]]) -> Cell:
    second, pauses = math.floor(snapshot.start_s + 1e-6), 0
    # A stretch with a pause in it must not be told as one: the pause would count as time under load.
    while before := mine.get((second, snapshot.phase, snapshot.judged, pauses)):
        if snapshot.start_s - before[-1].end_s < 1e-6:
            break
        pauses += 1
    return (second, snapshot.phase, snapshot.judged, pauses)


def _plus(one: Gauge, other: Gauge) -> Gauge:
    """The same level in two workers at the same time: users, arrivals asked for."""
    mean = one.mean + other.mean
    count = max(one.count, other.count)
    return Gauge(one.last + other.last, one.least + other.least, one.greatest + other.greatest, mean * count, count)

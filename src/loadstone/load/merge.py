"""Snapshots of several workers put together into those of the whole run."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from loadstone.measure.aggregate import add_failure
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram


def merge(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """One snapshot per second, phase and judgement, in order of time; a single worker's pass unchanged."""

    def place(snapshot: Snapshot) -> tuple[int, str, bool]:
        return (round(snapshot.start_s), snapshot.phase, snapshot.judged)

    ordered = sorted(snapshots, key=lambda snapshot: (snapshot.start_s, place(snapshot)))
    groups: dict[tuple[int, str, bool], list[Snapshot]] = {}
    for key, group in groupby(ordered, key=place):
        groups.setdefault(key, []).extend(group)
    return [_together(group) for group in groups.values()]


def _together(group: list[Snapshot]) -> Snapshot:
    if len(group) == 1:
        return group[0]
    distributions: dict[Series, Histogram] = {}
    counts: dict[Series, int] = {}
    gauges: dict[Series, Gauge] = {}
    failures: dict[Failure, int] = {}
    for snapshot in group:
        for series, histogram in snapshot.distributions.items():
            distributions.setdefault(series, Histogram()).merge(histogram)
        for series, count in snapshot.counts.items():
            counts[series] = counts.get(series, 0) + count
        for series, gauge in snapshot.gauges.items():
            # The same level in several workers at the same time adds up: users, arrivals asked for.
            before = gauges.get(series)
            gauges[series] = _plus(before, gauge) if before else gauge
        for failure, count in snapshot.failures.items():
            add_failure(failures, failure, count)
    first = group[0]
    return Snapshot(
        first.seq,
        min(snapshot.start_s for snapshot in group),
        max(snapshot.end_s for snapshot in group),
        first.judged,
        first.phase,
        distributions,
        counts,
        gauges,
        failures,
    )


def _plus(one: Gauge, other: Gauge) -> Gauge:
    mean = one.mean + other.mean
    count = max(one.count, other.count)
    return Gauge(one.last + other.last, one.least + other.least, one.greatest + other.greatest, mean * count, count)

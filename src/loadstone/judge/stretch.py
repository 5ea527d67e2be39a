"""Parts of snapshots: only some metrics, or several seconds as one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram


def narrow(snapshot: Snapshot, metrics: Collection[str]) -> Snapshot:
    """The snapshot with these metrics only; histograms are shared, not copied."""
    return Snapshot(
        snapshot.seq,
        snapshot.start_s,
        snapshot.end_s,
        snapshot.judged,
        snapshot.phase,
        distributions={series: value for series, value in snapshot.distributions.items() if series.metric in metrics},
        counts={series: value for series, value in snapshot.counts.items() if series.metric in metrics},
        gauges={series: value for series, value in snapshot.gauges.items() if series.metric in metrics},
    )


def join(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Snapshots that follow each other, as one; failure texts are left out."""
    distributions: dict[Series, Histogram] = {}
    counts: dict[Series, int] = {}
    gauges: dict[Series, Gauge] = {}
    for snapshot in snapshots:
        for series, histogram in snapshot.distributions.items():
            distributions.setdefault(series, Histogram()).merge(histogram)
        for series, count in snapshot.counts.items():
            counts[series] = counts.get(series, 0) + count
        for series, gauge in snapshot.gauges.items():
            gauges[series] = gauges[series].then(gauge) if series in gauges else gauge
    first, last = snapshots[0], snapshots[-1]
    return Snapshot(last.seq, first.start_s, last.end_s, last.judged, last.phase, distributions, counts, gauges)

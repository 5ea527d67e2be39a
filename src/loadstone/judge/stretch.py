"""Parts of snapshots: only some metrics, or several seconds as one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from loadstone.measure.aggregate import together
from loadstone.measure.snapshot import Gauge, Snapshot


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
    """Snapshots that follow each other, as one with the last one's place."""
    last = snapshots[-1]
    return replace(together(snapshots, Gauge.then), seq=last.seq, end_s=last.end_s, judged=last.judged, phase=last.phase)

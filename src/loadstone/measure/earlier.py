"""The part of a run that was made before its process ended: what a log holds of it, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from loadstone.measure.snapshot import Snapshot
from loadstone.measure.under_load import LOAD_TIME

NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier part of a run.

    snapshots:  reads them once more, in order
    started_at: of the very first part, UTC
    ran_s:      scenario -> so many seconds of its profile were played
    end_s:      where the part ends, in seconds since the run's start
    gaps_s:     how long the run stood still, once for each time that it was continued, this time included
    """

    snapshots: Callable[[], Iterator[Snapshot]]
    started_at: datetime
    ran_s: Mapping[str, float]
    end_s: float
    gaps_s: tuple[float, ...]

    def seconds(self) -> Iterator[Snapshot]:
        """Its snapshots alone: a log goes on while the run does."""
        return takewhile(lambda snapshot: snapshot.end_s <= self.end_s, self.snapshots())

    @classmethod
    def of(cls, snapshots: Callable[[], Iterator[Snapshot]], started_at: datetime, gaps_s: tuple[float, ...], now: datetime) -> Earlier:
        """What the snapshots say; the gap of now is the time that the run's own seconds and its earlier gaps do not explain."""
        ran_ns: dict[str, int] = {}
        end_s = 0.0
        for snapshot in snapshots():
            end_s = max(end_s, snapshot.end_s)
            for series, count in snapshot.counts.items():
                if series.metric == LOAD_TIME:
                    scenario = dict(series.tags).get("scenario", "")
                    ran_ns[scenario] = ran_ns.get(scenario, 0) + count
        gap_s = max(0.0, (now - started_at).total_seconds() - end_s - sum(gaps_s))
        return cls(snapshots, started_at, {name: ns / NS_PER_S for name, ns in ran_ns.items()}, end_s, (*gaps_s, gap_s))

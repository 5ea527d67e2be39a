"""Snapshots folded together; flat in the length of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from loadstone.measure.snapshot import LOAD, WITHOUT_LOAD, Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

# Error texts come from the outside; a target that puts a request id into each one must not grow our memory.
MOST_FAILURE_TEXTS = 200
OTHER_TEXT = "(other texts)"


class Aggregate:
    """The View of all snapshots added so far."""

    def __init__(self, snapshots: Iterable[Snapshot] = ()) -> None:
        self.seconds = 0.0
        self.failures: dict[Failure, int] = {}
        self._distributions: dict[Series, Histogram] = {}
        self._counts: dict[Series, int] = {}
        self._gauges: dict[Series, Gauge] = {}
        for snapshot in snapshots:
            self.add(snapshot)

    def add(self, snapshot: Snapshot) -> None:
        """Fold one more second in."""
        if snapshot.phase not in WITHOUT_LOAD:  # its load is the rest of what began before, so it is no time under load
            self.seconds += snapshot.end_s - snapshot.start_s
        for series, histogram in snapshot.distributions.items():
            mine = self._distributions.get(series)
            if mine is None:
                mine = self._distributions[series] = Histogram()
            mine.merge(histogram)
        for series, count in snapshot.counts.items():
            self._counts[series] = self._counts.get(series, 0) + count
        for series, gauge in snapshot.gauges.items():
            before = self._gauges.get(series)
            self._gauges[series] = before.then(gauge) if before else gauge
        for failure, count in snapshot.failures.items():
            add_failure(self.failures, failure, count)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Aggregate:
        """The View of one snapshot, whose histograms it takes over: nothing else may go on using them."""
        whole = cls()
        whole.seconds = snapshot.end_s - snapshot.start_s if snapshot.phase not in WITHOUT_LOAD else 0.0
        whole._distributions, whole._counts = dict(snapshot.distributions), dict(snapshot.counts)
        whole._gauges, whole.failures = dict(snapshot.gauges), dict(snapshot.failures)
        return whole

    def as_snapshot(self, start_s: float = 0.0, end_s: float | None = None) -> Snapshot:
        """Everything as one snapshot, which sees what is added later; one without an end lasts as long as this."""
        end_s = start_s + self.seconds if end_s is None else end_s
        return Snapshot(0, start_s, end_s, True, LOAD, self._distributions, self._counts, self._gauges, self.failures)

    def distribution(self, metric: str, tags: Mapping[str, str] | None = None) -> Histogram | None:
        """See View."""
        found = [mine for series, mine in self._distributions.items() if series.metric == metric and series.carries(tags or {})]
        if len(found) <= 1:
            return found[0] if found else None
        merged = Histogram()
        for histogram in found:
            merged.merge(histogram)
        return merged

    def count(self, metric: str, tags: Mapping[str, str] | None = None) -> int | None:
        """See View."""
        found = [count for series, count in self._counts.items() if series.metric == metric and series.carries(tags or {})]
        return sum(found) if found else None

    def gauge(self, metric: str, tags: Mapping[str, str] | None = None) -> Gauge | None:
        """See View: of several series (one per worker) the most extreme ends and the common mean are kept."""
        found = [gauge for series, gauge in self._gauges.items() if series.metric == metric and series.carries(tags or {})]
        if not found:
            return None
        whole = found[0]
        for gauge in found[1:]:
            whole = whole.then(gauge)
        return whole

    def series(self, metric: str) -> list[Series]:
        """See View."""
        return sorted(series for table in (self._distributions, self._counts, self._gauges) for series in table if series.metric == metric)


def together(parts: Sequence[Snapshot], add_levels: Callable[[Gauge, Gauge], Gauge]) -> Snapshot:
    """Snapshots as one, with the first one's place; `add_levels` says how two levels of one series become one."""
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


def add_failure(table: dict[Failure, int], failure: Failure, count: int) -> None:
    """Count a failure in a table that stays bounded: past the limit, new texts are counted together per type and step."""
    if failure not in table and len(table) >= MOST_FAILURE_TEXTS:
        failure = Failure(failure.kind, failure.step, OTHER_TEXT)
    table[failure] = table.get(failure, 0) + count

"""What a run recorded over time, as charts ask for it: one View for each stretch, and one of all that is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Kind
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.measure.timeline import Stretch
from loadstone.measure.under_load import seconds_under_load
from loadstone.stats.histogram import Histogram

Tags = Mapping[str, str]
NO_TAGS: Tags = {}
_T = TypeVar("_T")


class Totals:
    """What some stretches measured together; values in the units that the metrics are shown in, None where nothing was recorded."""

    def __init__(self, view: Aggregate, catalogue: Catalogue) -> None:
        self._view, self._catalogue = view, catalogue
        self._known: dict[Any, Any] = {}

    @property
    def seconds(self) -> float:
        """Time under load."""
        return self._view.seconds

    def histogram(self, metric: str, tags: Tags = NO_TAGS) -> Histogram | None:
        """Recorded values, which `scale` divides."""
        return self._once("histogram", metric, tags, lambda: self._view.distribution(metric, tags))

    def level(self, metric: str, tags: Tags = NO_TAGS) -> Gauge | None:
        """A level as it was recorded."""
        return self._once("level", metric, tags, lambda: self._view.gauge(metric, tags))

    def quantile(self, metric: str, q: float, tags: Tags = NO_TAGS) -> float | None:
        """Infinity among those beyond."""
        found = self.histogram(metric, tags)
        return found.quantile(q) / self.scale(metric) if found is not None and found.count + found.beyond else None

    def mean(self, metric: str, tags: Tags = NO_TAGS) -> float | None:
        """Mean of a distribution."""
        found = self.histogram(metric, tags)
        return found.total / found.count / self.scale(metric) if found is not None and found.count else None

    def count(self, metric: str, tags: Tags = NO_TAGS) -> int | None:
        """The sum of a count, the values of a distribution, those beyond included, or the readings of a level."""
        return self._once("count", metric, tags, lambda: self._counted(metric, tags))

    def rate(self, metric: str, tags: Tags = NO_TAGS) -> float | None:
        """Per second under load, as reports have it."""
        count, seconds = self.count(metric, tags), seconds_under_load(self._view, metric, tags)
        return None if count is None or seconds <= 0 else count / self.scale(metric) / seconds

    def share(self, metric: str, tags: Tags = NO_TAGS) -> float | None:
        """A count's share of the whole that it is part of, 0 to 1."""
        known = self._catalogue.get(metric)
        of = known.share_of if known is not None else None
        whole = self.count(of, {key: value for key, value in tags.items() if key != "kind"}) if of else None
        return (self.count(metric, tags) or 0) / whole if whole else None

    def rate_of_part(self, metric: str, tags: Tags = NO_TAGS) -> float | None:
        """As `rate`; where the whole was counted and its part was not, the part is 0."""
        found = self.rate(metric, tags)
        known = self._catalogue.get(metric)
        whole = known.share_of if found is None and known is not None else None
        return 0.0 if whole and self.count(whole) and self.seconds > 0 else found

    def scale(self, metric: str) -> float:
        """Recorded value ÷ scale = shown value."""
        known = self._catalogue.get(metric)
        return known.scale if known is not None else 1.0

    def _counted(self, metric: str, tags: Tags) -> int | None:
        histogram, level = self.histogram(metric, tags), self.level(metric, tags)
        found = [
            self._view.count(metric, tags),
            None if histogram is None else histogram.count + histogram.beyond,
            None if level is None else level.count,
        ]
        present = [each for each in found if each is not None]
        return sum(present) if present else None

    def _once(self, what: str, metric: str, tags: Tags, find: Callable[[], _T]) -> _T:
        key = (what, metric, *sorted(tags.items()))
        if key not in self._known:
            self._known[key] = find()
        found: _T = self._known[key]
        return found


class Recorded:
    """A run over time.

    document: the JSON document as a mapping; its gates, spikes and events are marked
    """

    def __init__(self, catalogue: Catalogue, timeline: Sequence[Stretch], document: Mapping[str, Any] | None = None) -> None:
        self.document: Mapping[str, Any] = document or {}
        self.catalogue, self.stretches = catalogue, timeline
        snapshots = [stretch.snapshot() for stretch in timeline]
        judged = Aggregate(each for each in snapshots if each.judged)  # first: it copies what the others take over
        self.judged_from_s = min((each.start_s for each in snapshots if each.judged), default=0.0)
        self.judged_to_s = max((each.end_s for each in snapshots if each.judged), default=0.0)
        self._series = _series_of(snapshots)
        self.whole = Totals(judged, catalogue)
        self.each = [Totals(Aggregate.of(each), catalogue) for each in snapshots]

    @property
    def end_s(self) -> float:
        """Where axes over time end."""
        return max(1.0, self.stretches[-1].end_s if self.stretches else 0.0)

    def has(self, metric: str) -> bool:
        """Was anything of this metric recorded?"""
        return metric in self._series

    def names(self) -> list[str]:
        """Metrics that were recorded, sorted."""
        return sorted(self._series)

    def series(self, metric: str) -> list[Series]:
        """Every series of the metric, in the order in which they were first seen."""
        return self._series.get(metric, [])

    def values(self, tag: str, metric: str) -> list[str]:
        """Values of a tag over the series of a metric, sorted."""
        return sorted({dict(each.tags)[tag] for each in self.series(metric) if tag in dict(each.tags)})

    def unit(self, metric: str) -> str:
        """Empty for numbers without one."""
        known = self.catalogue.get(metric)
        return "" if known is None or known.unit == "1" else known.unit

    def kind(self, metric: str) -> Kind:
        """As the catalogue says, else as it was recorded."""
        known = self.catalogue.get(metric)
        if known is not None:
            return known.kind
        if any(each.histogram(metric) is not None for each in self.each):
            return Kind.DISTRIBUTION
        return Kind.GAUGE if any(each.level(metric) is not None for each in self.each) else Kind.COUNT


def _series_of(snapshots: Sequence[Snapshot]) -> dict[str, list[Series]]:
    found: dict[str, dict[Series, None]] = {}
    for snapshot in snapshots:
        for table in (snapshot.distributions, snapshot.counts, snapshot.gauges):
            for series in table:
                found.setdefault(series.metric, {}).setdefault(series)
    return {metric: list(series) for metric, series in found.items()}

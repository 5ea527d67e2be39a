"""What of a stretch speaks against a gate, as numbers that can be added up over time and over tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loadstone.judge.limits import ReadyGate, base_tags
from loadstone.measure.catalogue import Kind
from loadstone.measure.snapshot import Gauge, Series, Snapshot, View
from loadstone.stats.histogram import Histogram


@dataclass(slots=True)
class Tally:
    """Events that speak against a gate, and of how many.

    events: values past the limit, or members of a share that should not be; for means and levels the sum of the values
    base:   values, members of the whole, or readings; events ÷ base is a share, or a mean in the displayed unit
    """

    events: float = 0.0
    base: float = 0.0

    def add(self, other: Tally) -> None:
        """Take another stretch in."""
        self.events += other.events
        self.base += other.base

    @property
    def rate(self) -> float:
        """Events of the base; 0 of nothing."""
        return self.events / self.base if self.base else 0.0


def counts_events(gate: ReadyGate) -> bool:
    """Does the tally count events, so that their number can be shared out? Otherwise it adds up levels."""
    if gate.spec.stat == "rate":
        return True
    return gate.metric.kind is Kind.DISTRIBUTION and (gate.spec.q is not None or gate.spec.stat in {"max", "min"})


def allowed_share(gate: ReadyGate) -> float:
    """Share of the base that may be events while the gate still holds."""
    upper = gate.spec.op.startswith("<")
    if gate.spec.stat == "rate":
        return gate.limit / 100 if upper else 1 - gate.limit / 100
    if gate.spec.q is not None:
        return 1 - gate.spec.q if upper else gate.spec.q
    return 0.0


def tally_of_second(gate: ReadyGate, snapshot: Snapshot) -> Tally:
    """The tally of one second."""
    tags, name = dict(gate.spec.tags), gate.metric.name
    found = Tally()
    if gate.metric.kind is Kind.DISTRIBUTION:
        for series, histogram in snapshot.distributions.items():
            if series.metric == name and series.carries(tags):
                found.add(_of_histogram(gate, histogram))
    elif gate.metric.kind is Kind.COUNT:
        seconds = snapshot.end_s - snapshot.start_s
        found.add(_of_counts(gate, _sum(snapshot.counts, name, tags), _base(gate, snapshot.counts, tags), seconds))
    else:
        for series, gauge in snapshot.gauges.items():
            if series.metric == name and series.carries(tags):
                found.add(_of_level(gate, gauge))
    return found


def tally_of_part(gate: ReadyGate, view: View, tags: Mapping[str, str]) -> Tally:
    """The tally of those series that carry the gate's tags and these."""
    wanted = {**dict(gate.spec.tags), **tags}
    if gate.metric.kind is Kind.DISTRIBUTION:
        histogram = view.distribution(gate.metric.name, wanted)
        return _of_histogram(gate, histogram) if histogram is not None else Tally()
    if gate.metric.kind is Kind.COUNT:
        base = view.count(gate.metric.share_of, base_tags(wanted.items())) if gate.metric.share_of else None
        return _of_counts(gate, view.count(gate.metric.name, wanted) or 0, base or 0, view.seconds)
    gauge = view.gauge(gate.metric.name, wanted)
    return _of_level(gate, gauge) if gauge is not None else Tally()


def _of_histogram(gate: ReadyGate, histogram: Histogram) -> Tally:
    samples = histogram.count + histogram.beyond
    if samples == 0:
        return Tally()
    if not counts_events(gate):
        longest = histogram.max if histogram.count else 0
        return Tally((histogram.total + histogram.beyond * longest) / gate.metric.scale, samples)
    above = round(histogram.share_above(gate.limit * gate.metric.scale) * samples)
    return Tally(above if gate.spec.op.startswith("<") else samples - above, samples)


def _of_counts(gate: ReadyGate, count: float, base: float, seconds: float) -> Tally:
    if gate.spec.stat == "rate":
        return Tally(count if gate.spec.op.startswith("<") else max(0.0, base - count), base)
    return Tally(count / gate.metric.scale, seconds)


def _of_level(gate: ReadyGate, gauge: Gauge) -> Tally:
    return Tally(gauge.total / gate.metric.scale, gauge.count)


def _base(gate: ReadyGate, counts: Mapping[Series, int], tags: Mapping[str, str]) -> int:
    return _sum(counts, gate.metric.share_of, base_tags(tags.items())) if gate.metric.share_of else 0


def _sum(counts: Mapping[Series, int], name: str, tags: Mapping[str, str]) -> int:
    return sum(count for series, count in counts.items() if series.metric == name and series.carries(tags))

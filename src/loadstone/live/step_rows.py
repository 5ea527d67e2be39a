"""What each step came to over some seconds, and which latency of it a person wants to see first."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from loadstone.measure.exchanges import ASKED, FAILED
from loadstone.measure.snapshot import Snapshot
from loadstone.stats.histogram import Histogram

NS_PER_MS = 1e6


class Lead(NamedTuple):
    """A latency that stands for an exchange, and how people call it."""

    metric: str
    name: str
    short: str


# The first of them that has samples is shown: a whole streamed answer says less than its first token.
LEADS = (
    Lead("llm.ttft", "first token", "TTFT"),
    Lead("sse.first_event", "first event", "first event"),
    Lead("http.response_time", "response", "response"),
    Lead("ws.round_trip_time", "round trip", "round trip"),
    Lead("call.response_time", "call", "call"),
    Lead("voice.response_gap", "gap", "gap"),
)
RESPONSE = LEADS[2]
_OF_STEPS = frozenset(lead.metric for lead in LEADS)
_TIMES = _OF_STEPS | {"generator.share", "load.send_lag"}
_COUNTS = frozenset({*ASKED, *FAILED, "llm.output_tokens", "llm.requests", "llm.errors", "sse.streams", "sse.errors", "voice.turns"})


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles in ms; None without samples, inf when longer than anything recorded."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


NO_TIMES = Times()


@dataclass(frozen=True, slots=True)
class Row:
    """One step over the window; tokens_per_s is None unless it asks a language model."""

    scenario: str
    step: str
    lead: Lead
    rate_per_s: float
    error_share: float
    errors: int
    times: Times
    tokens_per_s: float | None = None


@dataclass(slots=True)
class Group:
    """The counts and times of one step, or of all."""

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[str, Histogram] = field(default_factory=dict)
    _own: set[str] = field(default_factory=set)

    def total(self, metrics: Sequence[str]) -> int:
        """Sum of some counts."""
        return sum(self.counts.get(metric, 0) for metric in metrics)

    def merge(self, other: Group) -> None:
        """Add what the other has."""
        for metric, count in other.counts.items():
            self.counts[metric] = self.counts.get(metric, 0) + count
        for metric, histogram in other.times.items():
            self.record(metric, histogram)

    def record(self, metric: str, histogram: Histogram) -> None:
        """Add a histogram, which is only read: one alone is kept as it is, and copied before another is added to it."""
        mine = self.times.get(metric)
        if mine is None:
            self.times[metric] = histogram
            return
        if metric not in self._own:
            self._own.add(metric)
            mine = self.times[metric] = mine.copy()
        mine.merge(histogram)


@dataclass(slots=True)
class Groups:
    """All together, and by (scenario, step)."""

    whole: Group = field(default_factory=Group)
    steps: dict[tuple[str, str], Group] = field(default_factory=dict)

    @classmethod
    def merged(cls, parts: Iterable[Groups]) -> Groups:
        """Several stretches as one."""
        found = cls()
        for part in parts:
            found.whole.merge(part.whole)
            for key, group in part.steps.items():
                found.steps.setdefault(key, Group()).merge(group)
        return found


def groups_of(snapshots: Iterable[Snapshot]) -> Groups:
    """What the snapshots hold of the few metrics that are shown; linear in their series."""
    found = Groups()
    for snapshot in snapshots:
        for series, count in snapshot.counts.items():
            if series.metric in _COUNTS:
                for group in _places(found, series.tags):
                    group.counts[series.metric] = group.counts.get(series.metric, 0) + count
        for series, histogram in snapshot.distributions.items():
            if series.metric in _TIMES and histogram.count + histogram.beyond:
                for group in _places(found, series.tags) if series.metric in _OF_STEPS else (found.whole,):
                    group.record(series.metric, histogram)
    return found


def _places(groups: Groups, tags: Sequence[tuple[str, str]]) -> tuple[Group, ...]:
    named = dict(tags)
    if "step" not in named:
        return (groups.whole,)
    return groups.whole, groups.steps.setdefault((named.get("scenario", ""), named["step"]), Group())


def lead_of(times: Mapping[str, Histogram]) -> Lead:
    """The latency to show of one step; the response time while there is none."""
    return next((lead for lead in LEADS if lead.metric in times), RESPONSE)


def lead_of_all(counts: Mapping[str, int], timed: Container[str]) -> Lead:
    """The latency to show of all steps together: that of the kind of exchange of which there are most.

    timed: the metrics that have samples
    """
    streams = {LEADS[0]: counts.get("llm.requests", 0), LEADS[1]: counts.get("sse.streams", 0)}
    others = {
        LEADS[3]: counts.get("ws.messages_out", 0),
        LEADS[4]: counts.get("call.requests", 0),
        LEADS[5]: counts.get("voice.turns", 0),
    }
    asked = {**streams, RESPONSE: counts.get("http.requests", 0) - sum(streams.values()), **others}
    return max((lead for lead in LEADS if lead.metric in timed), key=lambda lead: asked[lead], default=RESPONSE)


def times_ms(values: Histogram | None) -> Times:
    """Three percentiles."""
    if values is None or values.count + values.beyond == 0:
        return NO_TIMES
    return Times(*(values.quantile(q) / NS_PER_MS for q in (0.5, 0.95, 0.99)))


def rows_of(groups: Groups, seconds: float) -> tuple[Row, ...]:
    """A row for each step that was asked for: those that fail most first, then the slowest."""
    rows = [_row(*key, group, seconds) for key, group in groups.steps.items() if group.total(ASKED)]
    return tuple(sorted(rows, key=lambda row: (-row.error_share, -_or(row.times.p95, -1.0), row.scenario, row.step)))


def _row(scenario: str, step: str, group: Group, seconds: float) -> Row:
    asked, lead = group.total(ASKED), lead_of(group.times)
    # A stream fails in ways that its exchange does not know: an answer that stops in the middle has the status 200.
    errors = max(group.total(FAILED), group.total(("llm.errors", "sse.errors")))
    tokens = group.total(("llm.output_tokens",)) / seconds if "llm.requests" in group.counts and seconds > 0 else None
    rate = asked / seconds if seconds > 0 else 0.0
    return Row(scenario, step, lead, rate, min(1.0, errors / asked), errors, times_ms(group.times.get(lead.metric)), tokens)


def _or(value: float | None, other: float) -> float:
    return other if value is None or math.isnan(value) else value

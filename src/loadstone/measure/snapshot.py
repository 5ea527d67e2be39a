"""What one second of a run measured: immutable, and the only thing that sinks, gates and views ever see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from loadstone.stats.histogram import Histogram

Tags = tuple[tuple[str, str], ...]
WARM_UP, LOAD, WIND_DOWN, SETTLE, PAUSED = "warm-up", "load", "wind-down", "settle", "paused"  # the phases of a run
# What is measured in these is the rest of what began before: it counts, but they are no time under load.
WITHOUT_LOAD = frozenset({WIND_DOWN, PAUSED})


class Series(NamedTuple):
    """A metric and the tags its values carry, sorted by key: `http.response_time{outcome=ok,scenario=browse,step=home}`."""

    metric: str
    tags: Tags = ()

    def carries(self, wanted: Mapping[str, str]) -> bool:
        """Does this series have every wanted tag with the wanted value?"""
        tags = self.tags
        for pair in wanted.items():  # noqa: SIM110  a comparison asks this a million times, and a generator doubles what it takes
            if pair not in tags:
                return False
        return True

    def __str__(self) -> str:
        tags = ",".join(f"{key}={value}" for key, value in self.tags)
        return f"{self.metric}{{{tags}}}" if tags else self.metric


class Failure(NamedTuple):
    """Why exchanges failed: the type, the step, and a short text without secrets."""

    kind: str
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """A level sampled `count` times; several workers' gauges are added by `plus`."""

    last: float
    least: float
    greatest: float
    total: float
    count: int

    @classmethod
    def of(cls, value: float) -> Gauge:
        """One reading."""
        return cls(value, value, value, value, 1)

    @property
    def mean(self) -> float:
        """Mean of the readings."""
        return self.total / self.count

    def then(self, later: Gauge) -> Gauge:
        """This level followed in time by a later one."""
        return Gauge(
            later.last, min(self.least, later.least), max(self.greatest, later.greatest), self.total + later.total, self.count + later.count
        )


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One second of a run, all workers together.

    start_s, end_s: seconds since the run's start, by the monotonic clock
    judged:         False during warm-up: shown and stored, but not part of verdicts
    """

    seq: int
    start_s: float
    end_s: float
    judged: bool = True
    phase: str = ""
    distributions: Mapping[Series, Histogram] = field(default_factory=dict)
    counts: Mapping[Series, int] = field(default_factory=dict)
    gauges: Mapping[Series, Gauge] = field(default_factory=dict)
    failures: Mapping[Failure, int] = field(default_factory=dict)


class View(Protocol):
    """What a gate or a report may ask of a stretch of a run."""

    @property
    def seconds(self) -> float:
        """Length of the stretch."""

    def distribution(self, metric: str, tags: Mapping[str, str] | None = None) -> Histogram | None:
        """All values of the metric whose series carry these tags, merged; None when there is no such series."""

    def count(self, metric: str, tags: Mapping[str, str] | None = None) -> int | None:
        """Sum over the series that carry these tags; None when there is no such series."""

    def gauge(self, metric: str, tags: Mapping[str, str] | None = None) -> Gauge | None:
        """The level over the stretch; series of several workers are put together; None when there is none."""

    def series(self, metric: str) -> list[Series]:
        """Every series of the metric, sorted."""

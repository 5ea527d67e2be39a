"""The stretches of a run in which a target was not started again: a process that begins anew begins its level anew, too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from loadstone.judge.level_history import MOST_SERIES
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.stats.trend import Levels

RESTARTS = "target.restarts"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The longest time without a restart, so far.

    times:   how often the target was started again in all
    count:   of restarts as the probe tells them
    since_s: begin of the stretch that goes on
    """

    times: int
    count: float
    since_s: float
    from_s: float
    until_s: float

    def later(self, at_s: float, count: float) -> Stretch:
        """With one more reading."""
        if count > self.count:
            return replace(self, times=self.times + round(count - self.count), count=count, since_s=at_s)
        if at_s - self.since_s > self.until_s - self.from_s:
            return replace(self, from_s=self.since_s, until_s=at_s)
        return self

    def of(self, times: Levels, values: Levels) -> tuple[Levels, Levels]:
        """What of a course lies in it."""
        within = (times >= self.from_s) & (times <= self.until_s)
        return times[within], values[within]

    def __str__(self) -> str:
        often = "once" if self.times == 1 else f"{self.times} times"
        return f"the target was started again {often}; judged is the longest time between, {self.from_s:.0f} s to {self.until_s:.0f} s"


@dataclass(slots=True)
class Restarts:
    """Sees each judged second; what a probe says of restarts holds for the levels that it reads."""

    _stretches: dict[str, Stretch] = field(default_factory=dict)

    def see(self, snapshot: Snapshot) -> None:
        """One more second."""
        at_s = (snapshot.start_s + snapshot.end_s) / 2
        for series, gauge in snapshot.gauges.items():
            if series.metric != RESTARTS or not gauge.count:
                continue
            probe = dict(series.tags).get("probe", "")
            known = self._stretches.get(probe)
            if known is not None:
                self._stretches[probe] = known.later(at_s, gauge.last)
            elif len(self._stretches) < MOST_SERIES:
                self._stretches[probe] = Stretch(0, gauge.last, at_s, at_s, at_s)

    def between(self, series: Series) -> Stretch | None:
        """The longest stretch of whoever has this level; None where nothing was started again."""
        found = self._stretches.get(dict(series.tags).get("probe", ""))
        return found if found is not None and found.times else None

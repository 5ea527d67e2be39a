"""The course of a whole run in a bounded number of windows: what gates, load, levels and failures did, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from loadstone.judge.excess import Tally, tally_of_second
from loadstone.judge.limits import ReadyGate
from loadstone.measure.catalogue import Kind
from loadstone.measure.exchanges import ASKED
from loadstone.measure.shelf import Shelf
from loadstone.measure.snapshot import WITHOUT_LOAD, Gauge, Series, Snapshot
from loadstone.stats.trend import Levels

BATCH = 16  # windows that are put away together
MOST_WINDOWS = 256  # then two neighbours become one: a second each for four minutes, a quarter of an hour each for 72 h
MOST_LEVELS = 96  # processes that come and go must not grow our memory
MOST_FAILURES = 64  # types and steps
MOST_STEPS = 200
OTHER = "(other)"
OURS = ("generator.", "load.", "probe.")  # levels of our own, which cannot be the target's cause

_T = TypeVar("_T")
Fault = tuple[str, str]  # type and step of a failure


@dataclass(slots=True)
class Window:
    """Some seconds of the judged part.

    due, dropped: arrivals; passes: users' passes that ended; served: exchanges that ended
    times:        per gate on a distribution, the sum of all its values and their number
    """

    start_s: float
    end_s: float
    seconds: int
    tallies: list[Tally]
    times: list[Tally]
    due: int = 0
    dropped: int = 0
    passes: int = 0
    served: int = 0
    users: Gauge | None = None
    levels: dict[Series, Gauge] = field(default_factory=dict)
    failures: dict[Fault, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def take(self, later: Window) -> None:
        """The window that follows becomes part of this one."""
        self.end_s = later.end_s
        self.seconds += later.seconds
        for mine, theirs in ((self.tallies, later.tallies), (self.times, later.times)):
            for tally, other in zip(mine, theirs, strict=True):
                tally.add(other)
        self.due, self.dropped = self.due + later.due, self.dropped + later.dropped
        self.passes, self.served = self.passes + later.passes, self.served + later.served
        self.users = self.users.then(later.users) if self.users and later.users else later.users or self.users
        for series, gauge in later.levels.items():
            before = self.levels.get(series)
            self.levels[series] = before.then(gauge) if before else gauge
        for fault, count in later.failures.items():
            self.failures[fault] = self.failures.get(fault, 0) + count
        for step, count in later.asked.items():
            self.asked[step] = self.asked.get(step, 0) + count


class RunCourse:
    """Sees each second of a run; memory is flat in its length, and windows that have ended take none.

    gates: statements whose causes may be asked for afterwards
    """

    def __init__(self, gates: Sequence[ReadyGate] = ()) -> None:
        self.gates = tuple(gates)
        self._ended = Shelf[list[Window]]()
        self._newest: list[Window] = []  # of which the last one may go on
        self._all: list[Window] | None = None
        self._stride = 1
        self._levels: set[Series] = set()
        self._faults: set[Fault] = set()
        self._steps: set[str] = set()

    def see(self, snapshot: Snapshot) -> None:
        """One more second; those that are not judged, or are no time under load, say nothing."""
        if not snapshot.judged or snapshot.phase in WITHOUT_LOAD:
            return
        window, self._all = self._window(snapshot), None
        if self._newest and self._newest[-1].seconds < self._stride:
            self._newest[-1].take(window)
            return
        if len(self._newest) >= BATCH:
            self._put_away()
        self._newest.append(window)

    @property
    def windows(self) -> Sequence[Window]:
        """All of them, in order."""
        if self._all is None:
            self._all = [*(window for batch in self._ended for window in batch), *self._newest]
        return self._all

    def _put_away(self) -> None:
        self._ended.put(self._newest)
        self._newest = []
        if len(self._ended) * BATCH >= MOST_WINDOWS:
            self._halve()

    def _halve(self) -> None:
        before, self._ended = self._ended, Shelf()
        for batch in before:
            for early, late in zip(batch[::2], batch[1::2], strict=True):
                early.take(late)
                self._newest.append(early)
            if len(self._newest) >= BATCH:
                self._ended.put(self._newest)
                self._newest = []
        self._stride *= 2

    def _window(self, snapshot: Snapshot) -> Window:
        tallies = [tally_of_second(gate, snapshot) for gate in self.gates]
        found = Window(snapshot.start_s, snapshot.end_s, 1, tallies, [_times(gate, snapshot) for gate in self.gates])
        for series, count in snapshot.counts.items():
            self._count(found, series, count)
        for series, gauge in snapshot.gauges.items():
            if series.metric == "load.users":
                found.users = _plus(found.users, gauge)
            elif gauge.count and not series.metric.startswith(OURS) and _admit(self._levels, series, MOST_LEVELS):
                found.levels[series] = gauge
        for failure, count in snapshot.failures.items():
            fault = (failure.kind, failure.step)
            if not _admit(self._faults, fault, MOST_FAILURES):
                fault = (failure.kind, OTHER)
            found.failures[fault] = found.failures.get(fault, 0) + count
        return found

    def _count(self, window: Window, series: Series, count: int) -> None:
        match series.metric:
            case "load.arrivals":
                window.due += count
            case "load.dropped":
                window.dropped += count
            case "iteration.count":
                window.passes += count
            case metric if metric in ASKED:
                window.served += count
                step = dict(series.tags).get("step", "")
                if _admit(self._steps, step, MOST_STEPS):
                    window.asked[step] = window.asked.get(step, 0) + count

    @property
    def at_s(self) -> Levels:
        """Middle of each window, in seconds since the run's start."""
        return np.array([(window.start_s + window.end_s) / 2 for window in self.windows])

    def events(self, gate: int) -> tuple[Levels, Levels]:
        """Events and base of a gate in each window."""
        tallies = [window.tallies[gate] for window in self.windows]
        return np.array([tally.events for tally in tallies]), np.array([tally.base for tally in tallies], dtype=float)

    def level(self, series: Series) -> Levels:
        """Mean of a level in each window; NaN where it was not read."""
        gauges = [window.levels.get(series) for window in self.windows]
        return np.array([gauge.mean if gauge else np.nan for gauge in gauges])

    def greatest(self, series: Series) -> Levels:
        """Greatest reading of a level in each window; NaN where it was not read."""
        gauges = [window.levels.get(series) for window in self.windows]
        return np.array([gauge.greatest if gauge else np.nan for gauge in gauges])

    def level_names(self) -> list[Series]:
        """The levels that were read, sorted."""
        return sorted(self._levels)

    def span(self, begin: int, end: int) -> tuple[float, float]:
        """Seconds from the start of window `begin` to the end of window `end` - 1."""
        return self.windows[begin].start_s, self.windows[end - 1].end_s


def _times(gate: ReadyGate, snapshot: Snapshot) -> Tally:
    found, tags = Tally(), dict(gate.spec.tags)
    if gate.metric.kind is Kind.DISTRIBUTION:
        for series, histogram in snapshot.distributions.items():
            if series.metric == gate.metric.name and histogram.count and series.carries(tags):
                found.add(Tally(histogram.total / gate.metric.scale, histogram.count))
    return found


def _plus(level: Gauge | None, more: Gauge) -> Gauge:
    """The users of several scenarios, at one time."""
    return more if level is None else Gauge.of(level.mean + more.mean)


def _admit(known: set[_T], one: _T, most: int) -> bool:
    if one not in known:
        if len(known) >= most:
            return False
        known.add(one)
    return True

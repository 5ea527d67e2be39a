"""What each open connection costs the target in memory: the slope of the one against the other, with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadstone.errors import UsageError
from loadstone.judge.level_history import Course
from loadstone.judge.panel import Asked
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.per_connection_text import EXAMPLE
from loadstone.stats.trend import trend
from loadstone.stats.troughs import WINDOWS, troughs
from loadstone.units import format_size

MEMORY = "target.memory"
# Sockets by state are dear to read where a machine has many, and then seldom read; a descriptor is a connection where only they come.
CONNECTIONS, DESCRIPTORS = "target.connections", "target.descriptors"
COUNTED = {CONNECTIONS: "connections", DESCRIPTORS: "descriptors"}
OPEN = frozenset(
    {"established", "close_wait", "fin_wait_1", "fin_wait_2", "syn_received"}
)  # no listener, and none that only the system remembers
FEWEST_LEVELS = 8  # different numbers of connections
FEWEST_MORE = 20  # connections: what fewer cost drowns in what else memory does
MOST_PROBES = 16


@dataclass(frozen=True, slots=True)
class PerConnection:
    """Bytes for each more connection, while there were more and more of them.

    low, high: 95 % interval (Sen 1968)
    least, most: connections that were open at first and at most
    counted:     what was counted: connections, or descriptors where those were not read
    """

    each: float
    low: float
    high: float
    least: int
    most: int
    counted: str = "connections"

    def __str__(self) -> str:
        interval = f"95%: {_size(self.low)} to {_size(self.high)}"
        return f"{_size(self.each)} for each connection ({interval}), from {self.least:,} to {self.most:,} {self.counted}"


class ConnectionMemory:
    """Sees every second, warm-up too, for that is when connections are opened; memory is bounded.

    Only readings with more connections than ever before count: memory that was taken once is often kept when they close.
    """

    def __init__(self) -> None:
        self._courses: dict[tuple[str, str], Course] = {}  # by what was counted and probe; its "times" are the numbers
        self._most: dict[tuple[str, str], float] = {}

    def see(self, snapshot: Snapshot) -> None:
        """One more second."""
        memory: dict[str, float] = {}
        counted: Counter[tuple[str, str]] = Counter()
        for series, gauge in snapshot.gauges.items():
            if series.metric not in (MEMORY, CONNECTIONS, DESCRIPTORS) or not gauge.count:
                continue
            tags = dict(series.tags)
            probe = tags.get("probe", "")
            if series.metric == MEMORY:
                memory[probe] = gauge.last
            elif series.metric == DESCRIPTORS or tags.get("state") in OPEN:
                counted[series.metric, probe] += round(gauge.last)
        for key, number in counted.items():
            room = key in self._courses or len(self._courses) < MOST_PROBES
            if key[1] in memory and number > self._most.get(key, -1) and room:
                self._most[key] = number
                self._courses.setdefault(key, Course(_mean)).add(number, memory[key[1]])

    def finding(self) -> PerConnection | None:
        """Of the probe that saw most connections come; None when too few came, or all at once."""
        for metric, counted in COUNTED.items():
            found = [one for key, course in self._courses.items() if key[0] == metric and (one := slope(course, counted)) is not None]
            if found:
                return max(found, key=lambda one: one.most - one.least)
        return None


def slope(course: Course, counted: str = "connections") -> PerConnection | None:
    """Bytes per connection of one course; None with too few levels or connections."""
    connections, memory = np.asarray(course.times_s), np.asarray(course.values)
    if len(connections) < FEWEST_LEVELS or connections[-1] - connections[0] < FEWEST_MORE:
        return None
    levels = troughs(connections, memory, q=0.5) if len(connections) > WINDOWS else (connections, memory)
    if len(levels[0]) < FEWEST_LEVELS:
        return None
    found = trend(*levels)
    return PerConnection(found.slope, found.low, found.high, round(connections[0]), round(connections[-1]), counted)


class PerConnectionGate:
    """The gate `per_connection(target.memory) < 20kB`: passes when the whole interval lies below, fails when it lies above.

    raises: UsageError for settings that cannot be meant
    """

    def __init__(self, asked: Asked) -> None:
        self._spec, self._limit = asked.spec, _limit(asked.settings)
        self._memory = ConnectionMemory()

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        self._memory.see(snapshot)
        return None

    def check(self, _view: View) -> Verdict:
        """See Gate."""
        found = self._memory.finding()
        if found is None:
            reason = (
                f"needs {FEWEST_LEVELS} readings of a process with more connections each time, {FEWEST_MORE} more in all: "
                "let them come one after another, as with --ramp 30s"
            )
            return Verdict(self._spec, Status.NO_DATA, None, self._limit, "B", 0, reason)
        status = Status.PASS if found.high < self._limit else Status.FAIL if found.low >= self._limit else Status.NO_DATA
        known = "" if status is not Status.NO_DATA else f"; {_size(self._limit)} lies within: open more connections"
        return Verdict(
            self._spec, status, found.each, self._limit, "B", found.most - found.least, f"{found}{known}", low=found.low, high=found.high
        )


def _limit(settings: Mapping[str, Any]) -> float:
    limit = settings.get("limit_bytes")
    if settings.keys() != {"limit_bytes"} or not isinstance(limit, int | float) or limit <= 0:
        raise UsageError("takes limit_bytes, a number above 0", where="gate of kind per_connection", hint=EXAMPLE)
    return float(limit)


def _size(size: float) -> str:
    return f"-{format_size(-size)}" if size < 0 else format_size(size)


def _mean(values: Any) -> float:
    return float(np.mean(values))

"""A pool of worker instances that scales by a rule, after a delay: how many are needed, wanted, starting and ready."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from loadstone.errors import UsageError
from loadstone.reference.stations import Passage, Stalls
from loadstone.reference.switch_values import duration, period, read_values, shown, whole
from loadstone.units import parse_rate, parse_share

MOST_INSTANCES = 1000
KEPT_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """What is held at a target: "busy", the share of the instances' time that is work, or "queue", requests per instance."""

    measure: str
    target: float
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ScalingFaults:
    """The scaling pool that is asked for.

    instances:        least and most; None is no such pool
    instance_rate:    requests per second of one instance
    scale_every:      s between two looks at the rule
    scale_delay:      s from a new instance's start until it takes requests
    scale_down_after: s for which fewer must have been enough
    """

    instances: tuple[int, int] | None = None
    instance_rate: float = 20.0
    scale: Rule = Rule("busy", 0.7, "busy:70%")
    scale_every: float = 5.0
    scale_delay: float = 10.0
    scale_down_after: float = 30.0

    def as_json(self) -> dict[str, Any]:
        """The form that reads back to the same pool."""
        return {known.name: shown(getattr(self, known.name)) for known in fields(self)} | {"scale": str(self.scale)}


def read_scaling_faults(asked: Mapping[str, Any], where: str) -> ScalingFaults:
    """The pool that a mapping asks for. Raises UsageError."""
    return ScalingFaults(**read_values(asked, _READ, _DEFAULT, where))


@dataclass(slots=True)
class Scaled:
    """What the rule has done. Overshoot and undershoot are the most instances above and below what was needed, at any look."""

    started: int = 0
    ended: int = 0
    ready_most: int = 0
    overshoot: int = 0
    undershoot: int = 0


class Instances:
    """A request is given, as it arrives, to the instance that is free first, and stays with it; new instances get new requests.

    The rule is looked at `scale_every` s apart, counted from `start`: it wants n · measured ÷ target instances, rounded up.
    """

    def __init__(self, asked: ScalingFaults, limits: tuple[int, int], start: float, stalls: Stalls) -> None:
        self.asked, self._least, self._most, self._stalls, self._start = asked, *limits, stalls, start
        self._free_at = [start] * self._least  # when each ready instance has nothing left to do
        self._ending: list[float] = []  # the same of those that take nothing new
        self._starting: list[float] = []  # when each will be ready
        self._ends: list[float] = []  # when each request that is in work or waits will be done
        self._next_look = start + asked.scale_every
        self._given_s = self._worked_s = 0.0  # work handed out; of it done at the last look
        self._arrived = 0
        self._wanted: deque[tuple[float, int]] = deque([(start, self._least)])
        self.scaled = Scaled(ready_most=self._least)
        self.changes: deque[dict[str, Any]] = deque(maxlen=KEPT_CHANGES)
        self.needed = self._least
        self._note(start)

    @property
    def ready(self) -> int:
        """Instances that take requests."""
        return len(self._free_at)

    @property
    def starting(self) -> int:
        """Instances that do not yet."""
        return len(self._starting)

    @property
    def wanted(self) -> int:
        """What the rule said last."""
        return self._wanted[-1][1]

    def serve(self, arrival: float) -> Passage:
        """See Station."""
        self.pass_time(arrival)
        self._arrived += 1
        work = 1 / self.asked.instance_rate
        start = max(arrival, self._free_at[0])
        end = self._stalls.worked(start, work)
        heapq.heapreplace(self._free_at, end)
        heapq.heappush(self._ends, end)
        self._given_s += work
        return Passage(end, held=end > start + work)

    def pass_time(self, now: float) -> None:
        """Look at the rule as often as was due until now, and take in the instances that have become ready."""
        while self._next_look <= now:
            self._take_in(self._next_look)
            self._look(self._next_look)
            self._next_look += self.asked.scale_every
        self._take_in(now)

    def in_work(self, now: float) -> int:
        """Requests that wait or are worked on."""
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
        return len(self._ends)

    def as_json(self, now: float) -> dict[str, Any]:
        """How many there are, what the rule has done, and the changes so far (the last 200)."""
        counts = {"ready": self.ready, "starting": self.starting, "wanted": self.wanted, "needed": self.needed}
        return {**counts, "in_work": self.in_work(now), **asdict(self.scaled), "changes": list(self.changes)}

    def _take_in(self, now: float) -> None:
        while self._starting and self._starting[0] <= now:
            ready_at = self._starting.pop(0)
            heapq.heappush(self._free_at, ready_at)
            self.scaled.ready_most = max(self.scaled.ready_most, self.ready)
            self._note(ready_at)

    def _look(self, now: float) -> None:
        wanted = min(max(self._wish(now), self._least), self._most)
        self._wanted.append((now, wanted))
        while len(self._wanted) > 1 and self._wanted[1][0] <= now - self.asked.scale_down_after:
            self._wanted.popleft()
        have, enough = self.ready + self.starting, max(count for _, count in self._wanted)
        if wanted > have:
            self._starting += [now + self.asked.scale_delay] * (wanted - have)
            self.scaled.started += wanted - have
            self._note(now)
        elif enough < have:
            self._end(have - enough, now)
        self._take_in(now)
        self._compare()

    def _wish(self, now: float) -> int:
        """Instances by the rule alone."""
        self.needed = max(1, math.ceil(self._arrived / self.asked.scale_every / self.asked.instance_rate - 1e-9))
        self._arrived = 0
        self._ending = [free_at for free_at in self._ending if free_at > now]
        left_s = sum(max(0.0, free_at - now) for free_at in (*self._free_at, *self._ending))
        worked_s, self._worked_s = self._given_s - left_s - self._worked_s, self._given_s - left_s
        rule = self.asked.scale
        measured = worked_s / self.asked.scale_every if rule.measure == "busy" else self.in_work(now)
        return math.ceil(measured / rule.target - 1e-9)

    def _end(self, count: int, now: float) -> None:
        """End those that are not ready yet first, then those with the least to do; what they have they finish."""
        for _ in range(count):
            if self._starting:
                self._starting.pop()
            else:
                self._ending.append(heapq.heappop(self._free_at))
            self.scaled.ended += 1
        self._note(now)

    def _compare(self) -> None:
        scaled, needed = self.scaled, min(max(self.needed, self._least), self._most)
        scaled.overshoot = max(scaled.overshoot, self.ready - needed)
        scaled.undershoot = max(scaled.undershoot, needed - self.ready)

    def _note(self, now: float) -> None:
        change = {"at_s": round(now - self._start, 3), "ready": self.ready, "starting": self.starting}
        self.changes.append({**change, "wanted": self.wanted})


def _limits(value: Any, where: str) -> tuple[int, int]:
    parts = value.split("-") if isinstance(value, str) else [value]
    numbers = [whole(1, MOST_INSTANCES)(part, where) for part in parts]
    if len(numbers) > 2 or numbers[0] > numbers[-1]:
        raise UsageError(f"{value!r} is not a number or a range of instances", where=where, hint="1-8")
    return numbers[0], numbers[-1]


def _rate(value: Any, where: str) -> float:
    rate = parse_rate(value)
    if rate <= 0:
        raise UsageError("an instance that serves nothing would never answer", where=where, hint="20/s")
    return rate


def _rule(value: Any, where: str) -> Rule:
    measure, _, target = value.partition(":") if isinstance(value, str) else ("", "", "")
    try:
        wanted = parse_share(target) if measure == "busy" else float(target) if measure == "queue" else 0.0
    except ValueError:
        wanted = 0.0
    if not 0 < wanted < math.inf:
        raise UsageError(f"{value!r} is no rule", where=where, hint="busy:70%, or queue:4 requests per instance")
    return Rule(measure, wanted, value)


_DEFAULT = ScalingFaults()
_READ: dict[str, Callable[[Any, str], Any]] = {
    "instances": _limits,
    "instance_rate": _rate,
    "scale": _rule,
    "scale_every": period,
    "scale_delay": duration,
    "scale_down_after": duration,
}
SCALING_KEYS = tuple(_READ)

"""What a person may ask of a run while it goes on: pure messages, each with the words for the log of events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadstone.errors import UsageError
from loadstone.plan.model import Plan
from loadstone.plan.profile import OpenProfile
from loadstone.units import format_count, format_duration, format_rate

MOST_FACTOR = 1000.0
MOST_RATE_PER_S = 1e6
MOST_USERS = 100_000
MOST_SPIKE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Pause:
    """No arrival comes due and no pass begins until `Resume`; what is under way goes on."""

    text = "paused"


@dataclass(frozen=True, slots=True)
class Resume:
    """The schedule goes on where it stood."""

    text = "resumed"


@dataclass(frozen=True, slots=True)
class Stop:
    """End the load gracefully."""

    text = "stopped"


@dataclass(frozen=True, slots=True)
class Scale:
    """From now on `factor` times as many arrivals or users as are asked for now; of one scenario, or of all.

    raises: UsageError for a factor that is not in 1/1000 … 1000
    """

    factor: float
    scenario: str = ""

    def __post_init__(self) -> None:
        _within("the factor", self.factor, 1 / MOST_FACTOR, MOST_FACTOR)

    @property
    def text(self) -> str:
        """For the log of events."""
        return f"load x {self.factor:.4g}{_of(self.scenario)}"


@dataclass(frozen=True, slots=True)
class Spike:
    """`factor` times as much for so long, then as before.

    raises: UsageError for a factor as in `Scale`, or a length that is not in 0 … 1 day
    """

    factor: float
    for_s: float
    scenario: str = ""

    def __post_init__(self) -> None:
        _within("the factor", self.factor, 1 / MOST_FACTOR, MOST_FACTOR)
        _within("the length of a spike in seconds", self.for_s, 0.001, MOST_SPIKE_S)

    @property
    def text(self) -> str:
        """For the log of events."""
        return f"spike x {self.factor:.4g} for {format_duration(self.for_s)}{_of(self.scenario)}"


@dataclass(frozen=True, slots=True)
class SetRate:
    """So many arrivals per second from now on, until the profile's end.

    raises: UsageError for a rate that is not in 0 … 1,000,000/s
    """

    rate_per_s: float
    scenario: str = ""

    def __post_init__(self) -> None:
        _within("the rate per second", self.rate_per_s, 1e-6, MOST_RATE_PER_S)

    @property
    def text(self) -> str:
        """For the log of events."""
        return f"rate set to {format_rate(self.rate_per_s)}{_of(self.scenario)}"


@dataclass(frozen=True, slots=True)
class SetUsers:
    """So many users from now on, until the profile's end.

    raises: UsageError for a number that is not in 1 … 100,000
    """

    users: int
    scenario: str = ""

    def __post_init__(self) -> None:
        if self.users != int(self.users):
            raise UsageError(f"{self.users}: a number of users is whole", where="control", hint="8")
        _within("the number of users", self.users, 1, MOST_USERS)

    @property
    def text(self) -> str:
        """For the log of events."""
        return f"users set to {format_count(self.users)}{_of(self.scenario)}"


Control = Pause | Resume | Stop | Scale | Spike | SetRate | SetUsers


@dataclass(frozen=True, slots=True)
class Applied:
    """A control that holds from `at_s` on: seconds since the run's start, pauses included."""

    control: Control
    at_s: float
    by: str = ""

    @property
    def text(self) -> str:
        """For the log of events."""
        return f"{self.control.text} (by {self.by})" if self.by else self.control.text


def check(control: Control, plan: Plan) -> None:
    """Raises UsageError for what this plan's scenarios cannot do."""
    if not isinstance(control, Scale | Spike | SetRate | SetUsers):
        return
    if control.scenario and control.scenario not in {each.name for each in plan.scenarios}:
        names = ", ".join(each.name for each in plan.scenarios)
        raise UsageError(f"there is no scenario {control.scenario!r}", where="control", hint=f"one of {names}")
    if isinstance(control, SetRate | SetUsers):
        wants_open = isinstance(control, SetRate)
        fitting = [each.name for each in plan.scenarios if isinstance(each.profile, OpenProfile) == wants_open]
        what = "arrivals at a rate" if wants_open else "a number of users"
        if control.scenario and control.scenario not in fitting:
            raise UsageError(f"{control.scenario} does not ask for {what}", where="control", hint="scale it by a factor")
        if not fitting:
            raise UsageError(f"no scenario asks for {what}", where="control", hint="scale by a factor")
        if not control.scenario and len(fitting) > 1:
            raise UsageError(f"several scenarios ask for {what}", where="control", hint=f"name one of {', '.join(fitting)}")


def concerns(control: Control, scenario: str, *, is_open: bool) -> bool:
    """Does a control change how much this scenario asks for?"""
    if isinstance(control, Scale | Spike):
        return control.scenario in {"", scenario}
    if isinstance(control, SetRate | SetUsers):
        return control.scenario in {"", scenario} and isinstance(control, SetRate) == is_open
    return False


def paused_s(applied: Iterable[Applied], until_s: float) -> float:
    """How long the schedule stood still before a moment of the run."""
    total, since = 0.0, math.inf
    for each in applied:
        if isinstance(each.control, Pause):
            since = min(since, each.at_s)
        elif isinstance(each.control, Resume) and since < math.inf:
            total += max(0.0, min(each.at_s, until_s) - since)
            since = math.inf
    return total + max(0.0, until_s - since)


def ahead_of(applied: Sequence[Applied], end_s: float) -> list[tuple[Control, float]]:
    """What was asked for in a part of a run that ended at `end_s`, as the rest of it must know it.

    gives: changes of how much is asked for, each with its moment of the schedule in seconds, 0 or less, counted from the end of that part
    """
    gone_s = end_s - paused_s(applied, end_s)
    asked = [each for each in applied if isinstance(each.control, Scale | Spike | SetRate | SetUsers)]
    return [(each.control, min(0.0, each.at_s - paused_s(applied, each.at_s) - gone_s)) for each in asked]


def stands(applied: Iterable[Applied]) -> bool:
    """Was the schedule held, and not let go on?"""
    turns = [each.control for each in applied if isinstance(each.control, Pause | Resume)]
    return bool(turns) and isinstance(turns[-1], Pause)


def _within(what: str, value: float, least: float, most: float) -> None:
    if not (isinstance(value, int | float) and math.isfinite(value) and least <= value <= most):
        raise UsageError(f"{what} is {value}", where="control", hint=f"from {least:g} to {most:g}")


def _of(scenario: str) -> str:
    return f" of {scenario}" if scenario else ""

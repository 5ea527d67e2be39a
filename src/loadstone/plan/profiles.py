"""The built-in profiles, under the names that plan files use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from loadstone.plan.curve import CHUNK, NS_PER_S, Curve, Piece
from loadstone.plan.profile import ClosedProfile, Iterations, OpenProfile, StageShape
from loadstone.plan.quantities import Delay, Duration, Rate, RateOrZero

Users = Annotated[int, Field(gt=0)]
UsersOrZero = Annotated[int, Field(ge=0)]
Times = Annotated[int, Field(gt=0)]
Factor = Annotated[float, Field(gt=0)]


class ConstantUsers(ClosedProfile):
    """The same number of users all the time."""

    kind: Literal["constant-users"] = "constant-users"
    users: Users
    duration: Duration | None = None

    def curve(self) -> Curve:
        """See Profile."""
        return _steady(self.users, self.duration)


class RampingUsers(ClosedProfile):
    """From one number of users to another in a straight line; then `hold` at the last."""

    kind: Literal["ramping-users"] = "ramping-users"
    from_users: UsersOrZero = 0
    to_users: UsersOrZero
    duration: Duration
    hold: Delay = 0.0

    def curve(self) -> Curve:
        """See Profile."""
        return Curve([Piece(self.duration, self.from_users, self.to_users), Piece(self.hold, self.to_users, self.to_users)])


class SharedIterations(ClosedProfile):
    """Users share a number of iterations: whoever is free takes the next; ends when all are done or time is up."""

    kind: Literal["shared-iterations"] = "shared-iterations"
    users: Users = 1
    iterations_total: Times = Field(alias="iterations")
    max_duration: Duration = 600.0
    model_config = ConfigDict(populate_by_name=True)

    def curve(self) -> Curve:
        """See Profile."""
        return _steady(min(self.users, self.iterations_total), self.max_duration)

    @property
    def iterations(self) -> Iterations:
        """See ClosedProfile."""
        return Iterations(shared=True, count=self.iterations_total)


class PerUserIterations(ClosedProfile):
    """Every user makes the same number of iterations; ends when all are done or time is up."""

    kind: Literal["per-user-iterations"] = "per-user-iterations"
    users: Users = 1
    iterations_each: Times = Field(alias="iterations")
    max_duration: Duration = 600.0
    model_config = ConfigDict(populate_by_name=True)

    def curve(self) -> Curve:
        """See Profile."""
        return _steady(self.users, self.max_duration)

    @property
    def iterations(self) -> Iterations:
        """See ClosedProfile."""
        return Iterations(shared=False, count=self.iterations_each)


class ConstantRate(OpenProfile):
    """The same rate all the time, evenly spaced."""

    kind: Literal["constant-rate"] = "constant-rate"
    rate: Rate
    duration: Duration | None = None

    def curve(self) -> Curve:
        """See Profile."""
        return _steady(self.rate, self.duration)


class PoissonRate(OpenProfile):
    """The same mean rate all the time, with the gaps of independent visitors (exponential)."""

    kind: Literal["poisson-rate"] = "poisson-rate"
    rate: Rate
    duration: Duration | None = None
    poisson: Literal[True] = True

    def curve(self) -> Curve:
        """See Profile."""
        return _steady(self.rate, self.duration)


class RampingRate(OpenProfile):
    """From one rate to another in a straight line; then `hold` at the last."""

    kind: Literal["ramping-rate"] = "ramping-rate"
    from_rate: RateOrZero = 0.0
    to_rate: RateOrZero
    duration: Duration
    hold: Delay = 0.0

    def curve(self) -> Curve:
        """See Profile."""
        return Curve([Piece(self.duration, self.from_rate, self.to_rate), Piece(self.hold, self.to_rate, self.to_rate)])


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    duration: Duration
    shape: StageShape = "ramp"


class UserStage(_Stage):
    """Until its end the number of users moves to `users` (ramp), or is there at once (step)."""

    users: UsersOrZero


class RateStage(_Stage):
    """Until its end the rate moves to `rate` (ramp), or is there at once (step)."""

    rate: RateOrZero


class UserStages(ClosedProfile):
    """Stages one after another; the first ramps from `from_users`."""

    kind: Literal["stages"] = "stages"
    from_users: UsersOrZero = 0
    stages: Annotated[tuple[UserStage, ...], Field(min_length=1)]

    def curve(self) -> Curve:
        """See Profile."""
        return _staged(self.from_users, [(stage, stage.users) for stage in self.stages])


class RateStages(OpenProfile):
    """Stages one after another; the first ramps from `from_rate`."""

    kind: Literal["stages"] = "stages"
    from_rate: RateOrZero = 0.0
    stages: Annotated[tuple[RateStage, ...], Field(min_length=1)]

    def curve(self) -> Curve:
        """See Profile."""
        return _staged(self.from_rate, [(stage, stage.rate) for stage in self.stages])


class _SpikeShape(BaseModel):
    """Quiet for `at`, then `peak` times the load for `hold`, `repeat` times; at the end quiet for `recovery` (default `at`)."""

    peak: Factor
    at: Delay
    hold: Duration = Field(alias="for")
    repeat: Times = 1
    ramp: Delay = 0.0
    recovery: Delay | None = None
    model_config = ConfigDict(populate_by_name=True)

    def _spiked(self, quiet: float) -> Curve:
        high = quiet * self.peak
        once = [Piece(self.at, quiet, quiet), Piece(self.ramp, quiet, high), Piece(self.hold, high, high), Piece(self.ramp, high, quiet)]
        after = self.at if self.recovery is None else self.recovery
        return Curve([*(once * self.repeat), Piece(after, quiet, quiet)])


class UserSpike(_SpikeShape, ClosedProfile):
    """A number of users with sudden peaks."""

    kind: Literal["spike"] = "spike"
    users: Users

    def curve(self) -> Curve:
        """See Profile."""
        return self._spiked(self.users)


class RateSpike(_SpikeShape, OpenProfile):
    """A rate with sudden peaks."""

    kind: Literal["spike"] = "spike"
    rate: Rate

    def curve(self) -> Curve:
        """See Profile."""
        return self._spiked(self.rate)


class Burst(OpenProfile):
    """`size` arrivals at the same instant, again after each `every`, until `duration` (endless without)."""

    kind: Literal["burst"] = "burst"
    size: Times
    every: Duration
    duration: Duration | None = None
    poisson: Literal[False] = False

    def curve(self) -> Curve:
        """See Profile."""
        return _steady(self.size / self.every, self.duration)

    def arrivals(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:  # noqa: ARG002  the contract's parameter
        """See OpenProfile."""
        total = self.expected_arrivals
        first = 0
        while first < total:
            index = np.arange(first, int(min(first + CHUNK, total)), dtype=np.int64)
            yield np.rint((index // self.size) * (self.every * NS_PER_S)).astype(np.int64)
            first += len(index)

    @property
    def expected_arrivals(self) -> float:
        """See OpenProfile."""
        if self.duration is None:
            return math.inf
        return float(self.size * math.ceil(self.duration / self.every - 1e-9))

    def expected_until(self, t_s: float) -> float:
        """See OpenProfile."""
        if t_s <= 0:
            return 0.0
        return min(self.size * (math.floor(t_s / self.every) + 1.0), self.expected_arrivals)


class _SoakShape(BaseModel):
    duration: Duration
    ramp_up: Delay = 0.0

    def _soaked(self, level: float) -> Curve:
        return Curve([Piece(self.ramp_up, 0.0, level), Piece(self.duration, level, level)])


class UserSoak(_SoakShape, ClosedProfile):
    """A constant number of users for long, after a gentle start."""

    kind: Literal["soak"] = "soak"
    users: Users

    def curve(self) -> Curve:
        """See Profile."""
        return self._soaked(self.users)


class RateSoak(_SoakShape, OpenProfile):
    """A constant rate for long, after a gentle start."""

    kind: Literal["soak"] = "soak"
    rate: Rate

    def curve(self) -> Curve:
        """See Profile."""
        return self._soaked(self.rate)


def stages(value: Mapping[str, Any]) -> type[RateStages | UserStages]:
    """The family that a mapping of `kind: stages` means."""
    return RateStages if _speaks_of_rate(value) else UserStages


def spike(value: Mapping[str, Any]) -> type[RateSpike | UserSpike]:
    """The family that a mapping of `kind: spike` means."""
    return RateSpike if _speaks_of_rate(value) else UserSpike


def soak(value: Mapping[str, Any]) -> type[RateSoak | UserSoak]:
    """The family that a mapping of `kind: soak` means."""
    return RateSoak if _speaks_of_rate(value) else UserSoak


def _speaks_of_rate(value: Mapping[str, Any]) -> bool:
    inner = value.get("stages")
    keys = [key for stage in inner if isinstance(stage, dict) for key in stage] if isinstance(inner, (list, tuple)) else []
    return any(key in {"rate", "from_rate", "poisson"} for key in [*value, *keys])


def _steady(level: float, duration: float | None) -> Curve:
    return Curve([Piece(math.inf if duration is None else duration, level, level)])


def _staged(start: float, stages: list[tuple[UserStage, int]] | list[tuple[RateStage, float]]) -> Curve:
    levels = [start, *(level for _, level in stages)]
    ends = pairwise(levels)
    return Curve(
        Piece(stage.duration, last if stage.shape == "step" else first, last)
        for (stage, _), (first, last) in zip(stages, ends, strict=True)
    )

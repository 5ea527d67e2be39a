"""How much a profile asks for over its own time, as people have changed it: pure, and the same in every worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loadstone.load.control import Control, Scale, SetRate, SetUsers, Spike
from loadstone.plan.curve import NS_PER_S, Curve, Piece
from loadstone.plan.profile import ClosedProfile, OpenProfile, Profile

AS_IT_IS = Curve([Piece(math.inf, 1.0, 1.0)])  # a profile that brings its own arrivals is played at this speed


@dataclass(frozen=True, slots=True)
class Demand:
    """A change holds from one moment on; everything before stays, and so does the profile's length.

    curve:  arrivals per second or users; of a profile whose arrivals do not follow from a rate (a trace, bursts) the speed at
            which it is played, 1 as it is
    played: is it such a profile?
    """

    profile: Profile
    curve: Curve
    played: bool = False
    changed: bool = False

    @classmethod
    def of(cls, profile: Profile) -> Demand:
        """As the plan says."""
        played = isinstance(profile, OpenProfile) and profile.positions(np.random.default_rng(0)) is None
        return cls(profile, AS_IT_IS if played else profile.shape, played)

    def with_change(self, control: Control, at_s: float) -> Demand:
        """From a moment of the profile's own time on; one before its beginning holds from there."""
        until_s = at_s + control.for_s if isinstance(control, Spike) else math.inf
        change = self._change(control)
        if change is None or until_s <= 0:
            return self
        return replace(self, curve=self.curve.changed(max(0.0, at_s), until_s, change), changed=True)

    def _change(self, control: Control) -> Callable[[float], float] | None:
        if isinstance(control, Scale | Spike):
            factor = control.factor
            if isinstance(self.profile, ClosedProfile):
                return lambda level: max(factor * level, min(level, 1.0))  # one user stays: nobody at all is what a pause is for
            return lambda level: factor * level
        if isinstance(control, SetRate):
            level = control.rate_per_s / (self._mean_rate() if self.played else 1.0)
        elif isinstance(control, SetUsers):
            level = float(control.users)
        else:
            return None
        return lambda _before: level

    def _mean_rate(self) -> float:
        shape = self.profile.shape
        rate = shape.at(0.0) if math.isinf(shape.seconds) else shape.area / shape.seconds
        return rate or 1.0

    def positions(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """Chunks of where on the curve's integral arrivals are due; see OpenProfile.positions."""
        profile = self.open_profile
        found = profile.positions(rng)
        return (chunk / NS_PER_S for chunk in profile.arrivals(rng)) if found is None else found

    def times_ns(self, positions: NDArray[np.float64]) -> NDArray[np.int64]:
        """When these positions are due, in ns of the profile's own time; those that its end comes before are left out."""
        times = self.curve.times_ns(positions[positions < self.curve.area])
        if self.played and self.changed and math.isfinite(self.profile.duration_s):
            times = times[times < self.profile.duration_s * NS_PER_S]
        return times

    def rate_at(self, t_s: float) -> float:
        """Arrivals per second that are asked for at a time."""
        if not self.played:
            return self.curve.at(t_s)
        return self.curve.at(t_s) * self.open_profile.rate_at(self.curve.area_until(t_s)) if t_s < self.profile.duration_s else 0.0

    def expected_until(self, t_s: float) -> float:
        """How many arrivals are asked for up to a time."""
        if not self.changed:
            return self.open_profile.expected_until(t_s)
        passed_s = min(t_s, self.profile.duration_s)
        return self.open_profile.expected_until(self.curve.area_until(passed_s)) if self.played else self.curve.area_until(passed_s)

    @property
    def open_profile(self) -> OpenProfile:
        """The profile, of which is known that its arrivals come by themselves."""
        assert isinstance(self.profile, OpenProfile)
        return self.profile

"""When arrivals or users start: pure functions of the profile and a seed, finite or endless.

Two families. An open profile says when arrivals are due, whatever the target does. A closed profile says how many users
are active; each goes on when its last iteration has ended.
"""

from __future__ import annotations

import math
import zlib
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from loadstone.plan.curve import NS_PER_S, Curve, even_areas, renewal_areas


Number = TypeVar("Number", np.int64, np.float64)


class Profile(BaseModel):
    """What the two families share."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    is_open: ClassVar[bool]
    kind: str

    @abstractmethod
    def curve(self) -> Curve:
        """Arrivals per second, or users, over time."""

    @cached_property
    def shape(self) -> Curve:
        """The curve, computed once."""
        return self.curve()

    @property
    def duration_s(self) -> float:
        """Seconds from start to end; inf when endless."""
        return self.shape.seconds

    def __getstate__(self) -> dict[object, object]:
        """The computed curve stays behind: it is large, and the other process can compute its own."""
        state = super().__getstate__()
        state["__dict__"] = {key: value for key, value in self.__dict__.items() if key != "shape"}
        return state


class OpenProfile(Profile):
    """Arrivals are due at times that the target cannot change."""

    is_open: ClassVar[bool] = True
    poisson: bool = False

    def arrivals(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Chunks (at most 4,096 long, never empty) of absolute due times, ns from the scenario's start, never falling.

        Same generator state, same arrivals. Without Poisson the k-th arrival (from 0) is due when the integral of the
        rate passes k: the first at once, and 10/s for 10 s are 100 arrivals.
        """
        return self.shape.poisson(rng) if self.poisson else self.shape.even()

    def positions(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]] | None:
        """Chunks, without end, of the values of the rate's integral at which arrivals are due: those of `arrivals`, and on from there.

        None: the arrivals do not follow from the rate, so a changed rate can only play them faster or slower
        """
        if type(self).arrivals is not OpenProfile.arrivals:
            return None
        return renewal_areas(rng.standard_exponential) if self.poisson else even_areas()

    @property
    def by_chance(self) -> bool:
        """Do the arrivals follow from drawn numbers? Then how many there will be is only known on average."""
        return self.poisson

    def rate_at(self, t_s: float) -> float:
        """Arrivals per second that are asked for at a time."""
        return self.shape.at(t_s)

    @property
    def peak_rate_per_s(self) -> float:
        """The highest rate that is asked for."""
        return self.shape.highest

    @property
    def expected_arrivals(self) -> float:
        """How many arrivals: exact unless by chance, then the mean; inf when endless."""
        return self.shape.area if self.by_chance or math.isinf(self.shape.area) else float(math.ceil(self.shape.area))

    def expected_until(self, t_s: float) -> float:
        """The integral of the rate up to a time."""
        return self.shape.area_until(t_s)


@dataclass(frozen=True, slots=True)
class Iterations:
    """How often users pass through their task: `count` all together, or each."""

    shared: bool
    count: int


class ClosedProfile(Profile):
    """A number of users over time; user `k` is active while the level is at least k + 0.5 (rounded half up)."""

    is_open: ClassVar[bool] = False

    @property
    def iterations(self) -> Iterations | None:
        """The limit of passes; None when only time ends the profile."""
        return None

    @property
    def max_users(self) -> int:
        """The greatest number of users at one time."""
        return _half_up(self.shape.highest)

    def users_at(self, t_s: float) -> int:
        """How many users are active at a time."""
        return _half_up(self.shape.at(t_s))

    def changes(self) -> Iterator[tuple[int, int]]:
        """(ns from the scenario's start, +1 user starts or -1 user stops), never falling in time.

        The user that stops is the one that started last, so users 0 … users_at(t) - 1 are active at every time. At the
        end of a finite profile all stop.
        """
        return changes_along(self.shape)


def changes_along(curve: Curve) -> Iterator[tuple[int, int]]:
    """See ClosedProfile.changes: for any number of users over time."""
    active = 0
    for start_s, (seconds, first, last) in zip(curve.starts_s, curve.pieces, strict=False):
        while active != _half_up(first):
            step = 1 if active < first else -1
            active += step
            yield _ns(start_s), step
        step = 1 if last > first else -1
        while active != _half_up(last):
            level = active + 0.5 * step
            active += step
            yield _ns(start_s + seconds * (level - first) / (last - first)), step
    for _ in range(active if math.isfinite(curve.seconds) else 0):
        yield _ns(curve.seconds), -1


def generator(seed: int, scenario: str) -> np.random.Generator:
    """The random numbers of a scenario's arrivals: every worker, and `loadstone check`, must draw the same."""
    return np.random.default_rng([seed, zlib.crc32(scenario.encode())])


def share(chunks: Iterator[NDArray[Number]], worker: int, workers: int) -> Iterator[tuple[int, NDArray[Number]]]:
    """The arrivals with index ≡ `worker` modulo `workers`: (index of the first, due times); the index grows by `workers`."""
    start = 0
    for chunk in chunks:
        skip = (worker - start) % workers
        mine = chunk[skip::workers]
        if mine.size:
            yield start + skip, mine
        start += len(chunk)


def _half_up(level: float) -> int:
    return math.floor(level + 0.5)


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


StageShape = Literal["ramp", "step"]

"""Profiles of traffic as it was seen on real servers: more bursty than Poisson, or replayed from a trace."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from loadstone.plan.curve import CHUNK, NS_PER_S, Curve, Piece, renewal_areas
from loadstone.plan.profile import OpenProfile
from loadstone.plan.quantities import Duration, Rate, Speed
from loadstone.plan.trace import read_trace

MOST_BINS, PER_BIN = 20, 10  # stretches into which a trace's rate is put for display: each with ten arrivals on average


class GammaRate(OpenProfile):
    """The same mean rate all the time, with gaps that are gamma distributed.

    burstiness: the shape of the distribution: 1 is Poisson, less is more bursty, more is more even; the gaps' coefficient of
                variation is its square root's inverse
    source:     gaps of Gamma(shape = burstiness, scale = 1 / (rate · burstiness)), the definition of vLLM's serving benchmark
    """

    kind: Literal["gamma"] = "gamma"
    rate: Rate
    burstiness: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    duration: Duration | None = None
    poisson: Literal[False] = False

    @property
    def by_chance(self) -> bool:
        """See OpenProfile."""
        return True

    def curve(self) -> Curve:
        """See Profile."""
        return Curve([Piece(math.inf if self.duration is None else self.duration, self.rate, self.rate)])

    def arrivals(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """See OpenProfile."""
        return self.shape.renewal(lambda count: rng.standard_gamma(self.burstiness, count) / self.burstiness)

    def positions(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """See OpenProfile."""
        return renewal_areas(lambda count: rng.standard_gamma(self.burstiness, count) / self.burstiness)


class TraceArrivals(OpenProfile):
    """The arrivals of a recorded trace; the file's k-th row in order of time is the k-th arrival, and the first is due at once.

    speed:    2 is twice as fast
    limit:    only so many rows
    repeat:   so often, one after another; between two lies the trace's mean gap
    duration: no arrival from there on
    """

    kind: Literal["trace"] = "trace"
    file: str
    speed: Speed = 1.0
    limit: Annotated[int, Field(gt=0)] | None = None
    repeat: Annotated[int, Field(gt=0)] = 1
    duration: Duration | None = None
    poisson: Literal[False] = False

    @cached_property
    def _once_ns(self) -> NDArray[np.int64]:
        return np.rint(read_trace(self.file, self.limit).due_ns / self.speed).astype(np.int64)

    @property
    def _period_ns(self) -> int:
        """From the first arrival of one round to that of the next."""
        once = self._once_ns
        span = int(once[-1])
        return span + max(1, span // (len(once) - 1)) if span else int(NS_PER_S)

    @property
    def duration_s(self) -> float:
        """See Profile."""
        whole = self._period_ns * self.repeat / NS_PER_S
        return whole if self.duration is None else min(whole, self.duration)

    def curve(self) -> Curve:
        """The trace's rate in up to twenty equal stretches."""
        length_s = self.duration_s
        bins = int(min(max(self.expected_arrivals // PER_BIN, 1), MOST_BINS))
        edges = np.linspace(0.0, length_s, bins + 1)
        passed = [self._before(round(edge * NS_PER_S)) for edge in edges]
        width = length_s / bins
        return Curve([Piece(width, made / width, made / width) for made in np.diff(passed).tolist()])

    def arrivals(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:  # noqa: ARG002  the contract's parameter
        """See OpenProfile."""
        once, count = self._once_ns, int(self.expected_arrivals)
        first = 0
        while first < count:
            index = np.arange(first, min(first + CHUNK, count), dtype=np.int64)
            yield once[index % len(once)] + index // len(once) * self._period_ns
            first += len(index)

    @property
    def expected_arrivals(self) -> float:
        """See OpenProfile."""
        return float(self._before(round(self.duration_s * NS_PER_S)))

    def expected_until(self, t_s: float) -> float:
        """See OpenProfile."""
        return 0.0 if t_s <= 0 else float(self._before(min(round(t_s * NS_PER_S), round(self.duration_s * NS_PER_S))))

    def _before(self, time_ns: int) -> int:
        """How many arrivals are due before a time."""
        rounds, rest = divmod(time_ns, self._period_ns)
        if rounds >= self.repeat:
            return self.repeat * len(self._once_ns)
        return rounds * len(self._once_ns) + int(np.searchsorted(self._once_ns, rest, side="left"))

    def __getstate__(self) -> dict[object, object]:
        """The rows stay behind, too: the other process reads the file itself."""
        state = super().__getstate__()
        kept = state["__dict__"]
        assert isinstance(kept, dict)
        return {**state, "__dict__": {key: value for key, value in kept.items() if key != "_once_ns"}}

"""A level over time made of straight pieces: a rate whose area is a number of arrivals, or a number of users."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1e9
CHUNK = 4096


class Piece(NamedTuple):
    """A straight line from `first` to `last` that takes `seconds` (inf: endless, then both ends are equal)."""

    seconds: float
    first: float
    last: float


class Curve:
    """Pieces one after another; jumps between them are allowed, values are 0 or more."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(piece for piece in pieces if piece.seconds > 0)
        self.starts_s = [0.0]
        areas = [0.0]
        for seconds, first, last in self.pieces:
            area = seconds * (first + last) / 2 if first + last > 0 else 0.0
            self.starts_s.append(self.starts_s[-1] + seconds)
            areas.append(_snapped(areas[-1] + area))
        self._areas = np.array(areas)
        self._starts = np.array(self.starts_s)
        self._first = np.array([piece.first for piece in self.pieces])
        self._slope = np.array([(piece.last - piece.first) / piece.seconds for piece in self.pieces])

    @property
    def seconds(self) -> float:
        """Length; inf when endless."""
        return self.starts_s[-1]

    @property
    def area(self) -> float:
        """Integral over the whole length."""
        return float(self._areas[-1])

    @property
    def highest(self) -> float:
        """The greatest level that is reached."""
        return max((max(piece.first, piece.last) for piece in self.pieces), default=0.0)

    def at(self, t_s: float) -> float:
        """The level at a time; at a jump the later level; 0 outside."""
        if not 0 <= t_s < self.seconds:
            return 0.0
        index = int(np.searchsorted(self._starts[1:], t_s, side="right"))
        return float(self._first[index] + self._slope[index] * (t_s - self._starts[index]))

    def area_until(self, t_s: float) -> float:
        """Integral from 0 to a time."""
        if t_s <= 0:
            return 0.0
        if t_s >= self.seconds:
            return self.area
        index = int(np.searchsorted(self._starts[1:], t_s, side="right"))
        passed = t_s - self._starts[index]
        return float(self._areas[index] + passed * (self._first[index] + self._slope[index] * passed / 2))

    def times_ns(self, areas: NDArray[np.float64]) -> NDArray[np.int64]:
        """When the integral passes each of these values (all below `area`), in ns.

        Where the level is 0 the integral stands still; the answer is then the end of that rest, so that no arrival
        falls into a pause. Accuracy: below 1 ns for runs of weeks.
        """
        index = np.minimum(np.searchsorted(self._areas[1:], areas, side="right"), len(self.pieces) - 1)
        missing = areas - self._areas[index]
        first, slope = self._first[index], self._slope[index]
        # The textbook root (-b + sqrt(b² + 2ac)) / a cancels for small slopes; this form does not.
        divisor = first + np.sqrt(np.maximum(first * first + 2 * slope * missing, 0.0))
        passed = np.divide(2 * missing, divisor, out=np.zeros_like(missing), where=divisor > 0)
        due_ns: NDArray[np.int64] = np.rint((self._starts[index] + passed) * NS_PER_S).astype(np.int64)
        return due_ns

    def changed(self, from_s: float, until_s: float, change: Callable[[float], float]) -> Curve:
        """The same curve with other levels between two times; its length stays, and so does all that lies before."""
        pieces: list[Piece] = []
        for start_s, piece in zip(self.starts_s, self.pieces, strict=False):
            end_s = start_s + piece.seconds
            cuts = [start_s, *(cut for cut in (from_s, until_s) if start_s < cut < end_s), end_s]
            for low_s, high_s in pairwise(cuts):
                first, last = (piece.first + (piece.last - piece.first) * _share(at_s - start_s, piece.seconds) for at_s in (low_s, high_s))
                inside = from_s <= low_s < until_s
                pieces.append(Piece(high_s - low_s, change(first), change(last)) if inside else Piece(high_s - low_s, first, last))
        return Curve(pieces)

    def even(self) -> Iterator[NDArray[np.int64]]:
        """Chunks of the times at which the integral passes 0, 1, 2 …: equal spacing under a constant rate."""
        return _rising(self._even())

    def _even(self) -> Iterator[NDArray[np.int64]]:
        return self._times(even_areas())

    def poisson(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Chunks of the times of a Poisson process with this rate, by inversion (Çınlar 1975, section 4.7)."""
        return self.renewal(rng.standard_exponential)

    def renewal(self, draw: Callable[[int], NDArray[np.float64]]) -> Iterator[NDArray[np.int64]]:
        """Chunks of the times of a process whose gaps, in area, are drawn independently; `draw(n)` gives n of mean 1."""
        return _rising(self._times(renewal_areas(draw)))

    def _times(self, chunks: Iterator[NDArray[np.float64]]) -> Iterator[NDArray[np.int64]]:
        if self.area <= 0:
            return
        for areas in chunks:
            inside = areas[areas < self.area]
            if inside.size:
                yield self.times_ns(inside)
            if inside.size < areas.size:
                return


def even_areas() -> Iterator[NDArray[np.float64]]:
    """Chunks of 0, 1, 2 … without end: the areas at which evenly spaced arrivals are due."""
    first = 0
    while True:
        yield np.arange(first, first + CHUNK, dtype=np.float64)
        first += CHUNK


def renewal_areas(draw: Callable[[int], NDArray[np.float64]]) -> Iterator[NDArray[np.float64]]:
    """Chunks, without end, of the areas at which arrivals are due whose gaps are drawn; `draw(n)` gives n of mean 1."""
    reached = 0.0
    while True:
        areas = reached + np.cumsum(draw(CHUNK))
        reached = float(areas[-1])
        yield areas


def _share(passed_s: float, seconds: float) -> float:
    return 0.0 if math.isinf(seconds) else passed_s / seconds


def _snapped(area: float) -> float:
    """0.1/s for 30 s is 3 arrivals, whatever binary fractions make of it."""
    nearest = math.floor(area + 0.5) if math.isfinite(area) else area
    return float(nearest) if abs(area - nearest) <= 1e-9 * max(1.0, area) else area


def _rising(chunks: Iterator[NDArray[np.int64]]) -> Iterator[NDArray[np.int64]]:
    """Rounding must never put an arrival before the one it follows."""
    latest = 0
    for chunk in chunks:
        chunk[0] = max(int(chunk[0]), latest)
        rising = np.maximum.accumulate(chunk)
        latest = int(rising[-1])
        yield rising

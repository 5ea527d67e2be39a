"""When the arrivals of one scenario in one worker are due, one after another, under a demand that may change."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from loadstone.clock import SECOND
from loadstone.load.demand import Demand
from loadstone.load.scene import Scene
from loadstone.plan.profile import generator, share

NOTHING = np.zeros(0, np.float64)
Places = NDArray[np.float64]


class Schedule:
    """ns of the profile's own time, never falling; `next_ns` is -1 when none is to come.

    A change of the demand moves only what is still to come: the k-th arrival stays the k-th, with the same drawn gap before it.
    """

    def __init__(self, demand: Demand, scene: Scene) -> None:
        self.demand = demand
        positions = self.demand.positions(generator(scene.seed, scene.name))
        mine = (places for _, places in share(positions, scene.worker, scene.workers))
        self._chunks = _from(round(scene.plan.skip_s * SECOND), mine, self.demand)
        self._places: Places = NOTHING
        self._due: list[int] = []
        self._at = self._floor_ns = 0
        self.next_ns = self._more()

    def advance(self) -> int:
        """Go on to the next arrival; gives when it is due."""
        self._at += 1
        self.next_ns = due = self._due[self._at] if self._at < len(self._due) else self._more()
        return due

    def pass_over(self, before_ns: int) -> int:
        """Leave out what is due before a moment; gives how many that were."""
        passed = 0
        while 0 <= self.next_ns < before_ns:
            left_out = bisect_left(self._due, before_ns, self._at) - self._at
            passed += left_out
            self._at += left_out - 1
            self.advance()
        return passed

    def change(self, demand: Demand, at_ns: int) -> None:
        """Ask for something else from a moment of the profile's time on; all that was due before it has been taken."""
        self.demand, self._floor_ns = demand, at_ns
        self._places = self._places[self._at :]
        self._spread()
        self.next_ns = self._due[0] if self._due else self._more()

    def _more(self) -> int:
        if self._due:
            self._floor_ns = self._due[-1]
        self._places = self._places[self._at :]
        if not len(self._places):
            self._places = next(self._chunks, NOTHING)
        self._spread()
        return self._due[0] if self._due else -1

    def _spread(self) -> None:
        """What is left of the chunk as times; places behind the profile's end have none, unless more is asked for later."""
        times = np.maximum(self.demand.times_ns(self._places), self._floor_ns)
        self._due, self._at = np.maximum.accumulate(times).tolist(), 0


def _from(skip_ns: int, chunks: Iterator[Places], demand: Demand) -> Iterator[Places]:
    """The places that are due from a moment on."""
    for places in chunks:
        first = int(np.searchsorted(demand.times_ns(places), skip_ns, side="left")) if skip_ns else 0
        if first < len(places):
            skip_ns = 0
            yield places[first:]

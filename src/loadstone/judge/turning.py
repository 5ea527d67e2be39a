"""Gates while a run goes on: their verdicts so far for whoever shows them, as often as their cost allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from loadstone.judge.run_state import RunState
from loadstone.judge.verdict import Verdict
from loadstone.measure.event import Event

DEAR_S = 0.020  # between two seconds of a run there is time for more than that, but views are drawn then, too
DEAR_EVERY_S = 5.0


@runtime_checkable
class Judged(Protocol):
    """A sink that also wants to know how the gates stand."""

    def judged(self, verdicts: Sequence[Verdict], events: Sequence[Event]) -> None:
        """The verdicts for all that was judged so far, in the order of the plan, and all events until now."""


class Turning:
    """Tells the verdicts each second; every five seconds when they took longer than 20 ms the last time.

    sinks: of any kind; only those with a method `judged` are told. Without one nothing is computed
    clock: seconds
    """

    def __init__(self, state: RunState, sinks: Sequence[object], clock: Callable[[], float] = time.perf_counter) -> None:
        self._state, self._clock = state, clock
        self._sinks = [sink for sink in sinks if isinstance(sink, Judged)]
        self._not_before_s = 0.0
        self.took_s = 0.0

    def see(self, end_s: float) -> None:
        """One more second of the run is over."""
        if not self._sinks or end_s < self._not_before_s:
            return
        began = self._clock()
        verdicts = self._state.gates.verdicts(self._state.total)
        self.took_s = self._clock() - began
        self._not_before_s = end_s + DEAR_EVERY_S - 0.5 if self.took_s > DEAR_S else 0.0
        events = tuple(self._state.events)
        for sink in self._sinks:
            sink.judged(verdicts, events)

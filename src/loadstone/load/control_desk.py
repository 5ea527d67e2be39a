"""Where people ask a run that goes on for a change: keys of a terminal, a dashboard, a program, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from loadstone.errors import UsageError
from loadstone.load.control import Control, Pause, Resume, Scale, Stop, check
from loadstone.plan.model import Plan

MOST_CHANGES = 1000  # of one run: each costs every worker a piece of curve for good
Obey = Callable[[Control, str], None]


@dataclass(frozen=True, slots=True)
class ControlState:
    """What people have made of the load so far.

    going:   may anything be asked now? Not before the load begins, and not when it has ended
    factor:  product of all scalings that were meant for all scenarios
    changes: how many controls were taken
    """

    going: bool = False
    paused: bool = False
    stopping: bool = False
    factor: float = 1.0
    changes: int = 0


class ControlDesk:
    """Takes wishes and hands them to the run that goes on; what it refuses changes nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = ControlState()
        self._plan: Plan | None = None
        self._hand_on: Callable[[Control, str], None] | None = None

    @property
    def state(self) -> ControlState:
        """As of now; an object of its own."""
        return self._state

    @property
    def plan(self) -> Plan | None:
        """The plan of the run that goes on; None when none does."""
        return self._plan if self._state.going else None

    def ask(self, control: Control, by: str = "") -> str:
        """Ask for a change; gives the words that the log of events has for it. It holds some ms later, in all workers at once.

        by:     who asks, for the log of events
        raises: UsageError for what cannot be done now, or not with this plan
        """
        with self._lock:
            state = self._state
            if not state.going or self._plan is None or self._hand_on is None:
                raise UsageError("no load is being made that could be changed", where="control", hint="wait for the run to begin")
            if state.stopping:
                raise UsageError("the run is being stopped", where="control", hint="a second Ctrl-C ends it at once")
            check(control, self._plan)
            self._state = _after(state, control)
            self._hand_on(control, by)
        return control.text

    def open(self, plan: Plan, obey: Obey, before: Iterable[Control] = ()) -> None:
        """A run begins: `obey` is called for each control, in the event loop that runs now.

        before: what was asked for in an earlier part of it
        """
        loop = asyncio.get_running_loop()

        def hand_on(control: Control, by: str) -> None:
            loop.call_soon_threadsafe(obey, control, by)

        state = ControlState(going=True)
        for control in before:
            if not isinstance(control, Stop | Pause | Resume):
                state = _after(state, control)
        with self._lock:
            self._plan, self._hand_on, self._state = plan, hand_on, state

    def close(self) -> None:
        """The run's load has ended; may be called more than once."""
        with self._lock:
            self._hand_on, self._state = None, replace(self._state, going=False, paused=False)


def _after(state: ControlState, control: Control) -> ControlState:
    if state.changes >= MOST_CHANGES:
        raise UsageError(f"the load was changed {MOST_CHANGES} times already", where="control", hint="write what you want into the plan")
    if isinstance(control, Pause | Resume) and state.paused == isinstance(control, Pause):
        is_so = "is paused already" if state.paused else "is not paused"
        raise UsageError(f"the run {is_so}", where="control", hint="resume" if state.paused else "pause")
    factor = state.factor * control.factor if isinstance(control, Scale) and not control.scenario else state.factor
    paused = isinstance(control, Pause) or (state.paused and not isinstance(control, Resume))
    return ControlState(going=True, paused=paused, stopping=isinstance(control, Stop), factor=factor, changes=state.changes + 1)

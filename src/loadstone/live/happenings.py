"""What a person watching should know of a run beside its figures: how gates stand, what happened when, and whose hand is on the load."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.event import Event
from loadstone.measure.snapshot import Snapshot

MOST_KEPT = 50
_NOW = {Status.PASS: "holds now", Status.FAIL: "fails now", Status.NO_DATA: "has no data now"}


class DeskState(Protocol):
    """How a person has changed the load."""

    @property
    def paused(self) -> bool:
        """Does nothing new begin?"""

    @property
    def stopping(self) -> bool:
        """Was the run asked to end?"""

    @property
    def factor(self) -> float:
        """The load now ÷ that of the plan."""


class Desk(Protocol):
    """Where a person changes the load while the run goes on."""

    @property
    def state(self) -> DeskState:
        """How it is now."""


def state_text(state: DeskState) -> str:
    """Such as "paused", "×1.25", "stopping"; empty while the load is the plan's."""
    words = [("stopping", state.stopping), ("paused", state.paused), (f"×{state.factor:.3g}", state.factor != 1.0)]
    return ", ".join(word for word, holds in words if holds)


class Happenings:
    """Phases and gates as they turn, and the run's own events; the newest are kept.

    The first verdict of a gate is where it stands, and no turn.
    """

    def __init__(self) -> None:
        self.verdicts: tuple[Verdict, ...] = ()
        self._own: deque[Event] = deque(maxlen=MOST_KEPT)
        self._told: tuple[Event, ...] = ()
        self._phase: str | None = None
        self._now_s = 0.0

    def see(self, snapshot: Snapshot) -> bool:
        """Take one second in; True when a phase began with it, other than the first."""
        phase, before = phase_of(snapshot), self._phase
        self._phase, self._now_s = phase, snapshot.end_s
        if phase == before:
            return False
        self._own.append(Event(snapshot.start_s, "phase", phase))
        return before is not None

    def judged(self, verdicts: Sequence[Verdict], events: Sequence[Event]) -> list[Event]:
        """How the gates stand; gives the turns of gates, which are also kept."""
        turns = []
        before = {str(verdict.gate): verdict.status for verdict in self.verdicts}
        for verdict in verdicts:
            last = before.get(str(verdict.gate), Status.NO_DATA)
            if verdict.status is not last and (last is not Status.NO_DATA or verdict.status is Status.FAIL):
                turns.append(Event(self._now_s, "gate", f"{verdict.gate} {_NOW[verdict.status]}"))
        self.verdicts = tuple(verdicts)
        self._own.extend(turns)
        # Phases and gates are noted here, where they are seen as they turn.
        self._told = tuple(event for event in events[-MOST_KEPT:] if event.kind not in {"phase", "gate"})
        return turns

    def tell(self, kind: str, text: str) -> None:
        """Something that a person should read now."""
        self._own.append(Event(self._now_s, kind, text))

    def newest(self, most: int) -> list[Event]:
        """The last events, oldest first."""
        found = sorted((*self._own, *self._told), key=lambda event: self._now_s if event.at_s is None else event.at_s)
        return found[-most:] if most > 0 else []


def phase_of(snapshot: Snapshot) -> str:
    """The phase's name; a stretch that has none is load, or warm-up while nothing is judged."""
    return snapshot.phase or ("load" if snapshot.judged else "warm-up")

"""Schedule time and real time of a run that people can hold: while it is paused, schedule time stands still."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Warp:
    """Both times are ns on one clock; until the first pause they are the same.

    Schedule time never falls and never jumps. A moment of the schedule has one real time, which a later pause never moves once it
    has passed; all real times of a pause have one moment of the schedule, the last that is due before it.

    pauses:   (from, until) in real time, in order, none overlaps another
    stands_ns: since when it stands still now; None: it does not
    """

    pauses: tuple[tuple[int, int], ...] = ()
    stands_ns: int | None = None

    @property
    def shift_ns(self) -> int:
        """Real time less schedule time, of what is still to come when nothing stands still."""
        return sum(until - since for since, until in self.pauses)

    def due_ns(self, schedule_ns: int) -> int | None:
        """Real time of a moment of the schedule; None: nobody knows, for it stands still."""
        due = schedule_ns
        for since, until in self.pauses:
            if due <= since:
                return due
            due += until - since
        return None if self.stands_ns is not None and due > self.stands_ns else due

    def schedule_ns(self, real_ns: int) -> int:
        """The moment of the schedule that a real time falls on."""
        now = real_ns if self.stands_ns is None else min(real_ns, self.stands_ns)
        stood = 0
        for since, until in self.pauses:
            if now < since:
                break
            stood += min(now, until) - since
        return now - stood

    def paused(self, at_ns: int) -> Warp:
        """Stand still from a real time on; itself when it does so already."""
        return self if self.stands_ns is not None else replace(self, stands_ns=max(at_ns, self._over_ns))

    def resumed(self, at_ns: int) -> Warp:
        """Go on from a real time on; itself when it does not stand still."""
        if self.stands_ns is None:
            return self
        return Warp((*self.pauses, (self.stands_ns, max(at_ns, self.stands_ns))))

    @property
    def _over_ns(self) -> int:
        return self.pauses[-1][1] if self.pauses else -(1 << 62)

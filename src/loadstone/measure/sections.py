"""The course of a run in at most 64 contiguous sections, in bounded memory: two runs of an hour can be compared without their seconds.

A section that has ended is kept packed: a histogram at work takes 30 kB, the same one packed about one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.packing import pack, unpack
from loadstone.measure.shelf import Shelf
from loadstone.measure.snapshot import WITHOUT_LOAD, Snapshot

MOST_SECTIONS = 64


@dataclass(frozen=True, slots=True)
class Section:
    """One stretch of the judged part.

    start_s, end_s: seconds since the run's start
    content:        as `pack` writes it
    """

    start_s: float
    end_s: float
    content: bytes

    def aggregate(self) -> Aggregate:
        """What was measured in it."""
        return Aggregate.of(unpack(self.content))


class Sections:
    """Folds judged seconds into sections of equal width; when there would be too many, two neighbours become one.

    duration_s: of the schedule, where it is known: sections are then as wide as they will be in the end
    """

    def __init__(self, duration_s: float | None = None, most: int = MOST_SECTIONS) -> None:
        if most < 2:
            raise ValueError(f"a course has at least 2 sections, not {most}")
        self._most = most
        self._width_s = max(1.0, math.ceil((duration_s or 0.0) / most))
        self._ended = Shelf[Section]()
        self._open: Aggregate | None = None
        self._start_s = self._end_s = 0.0

    def add(self, snapshot: Snapshot) -> None:
        """One more second; warm-up is left out. What winds down belongs to the section before it, and adds no time."""
        if not snapshot.judged:
            return
        if self._open is None:
            self._open, self._start_s = Aggregate(), snapshot.start_s
        self._open.add(snapshot)
        self._end_s = max(self._end_s, snapshot.end_s)
        # Seconds end a little early or late; half of one decides.
        if snapshot.phase not in WITHOUT_LOAD and self._end_s - self._start_s >= self._width_s - 0.5:
            self._close()

    def so_far(self) -> list[Section]:
        """All sections in order; the last one may be shorter than the others."""
        ended = list(self._ended)
        if self._open is not None:
            rest = self._packed(self._open)
            if not self._open.seconds and ended:  # nothing but what wound down
                rest = _joined([ended.pop(), rest])
            ended.append(rest)
        return ended

    def _close(self) -> None:
        assert self._open is not None
        self._ended.put(self._packed(self._open))
        self._open = None
        if len(self._ended) > self._most - 1:  # room for the open one
            ended, self._ended = list(self._ended), Shelf()
            for at in range(0, len(ended), 2):
                self._ended.put(_joined(ended[at : at + 2]))
            self._width_s *= 2.0

    def _packed(self, aggregate: Aggregate) -> Section:
        # Time under load, not from first to last second: between two scenarios there may be a warm-up.
        snapshot = aggregate.as_snapshot(self._start_s, self._start_s + aggregate.seconds)
        return Section(self._start_s, self._end_s, pack(snapshot))


def _joined(sections: list[Section]) -> Section:
    if len(sections) == 1:
        return sections[0]
    whole = Aggregate(unpack(section.content) for section in sections)
    first, last = sections[0], sections[-1]
    return Section(first.start_s, last.end_s, pack(whole.as_snapshot(first.start_s, first.start_s + whole.seconds)))

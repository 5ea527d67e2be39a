"""A whole run, warm-up and rest included, in a bounded number of stretches: what charts over time are drawn from.

`measure/sections` keeps the judged part alone, for comparisons; here nothing is left out, and phases are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from loadstone.measure.aggregate import Aggregate, together
from loadstone.measure.earlier import Earlier
from loadstone.measure.packing import pack, unpack
from loadstone.measure.shelf import Shelf
from loadstone.measure.snapshot import Gauge, Snapshot

MOST_STRETCHES = 240


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some seconds of a run, of one phase.

    start_s, end_s: seconds since the run's start
    content:        as `measure.packing.pack` writes it
    """

    start_s: float
    end_s: float
    judged: bool
    phase: str
    content: bytes

    @classmethod
    def of(cls, snapshot: Snapshot, content: bytes = b"") -> Stretch:
        """One snapshot; `content` is what it was unpacked from, where it was."""
        return cls(snapshot.start_s, snapshot.end_s, snapshot.judged, snapshot.phase, content or pack(snapshot))

    def snapshot(self) -> Snapshot:
        """What was measured in it."""
        return unpack(self.content)

    def aggregate(self) -> Aggregate:
        """The same as a View."""
        return Aggregate.of(self.snapshot())


class Timeline:
    """The Sink that folds seconds into stretches; when there would be too many, two neighbours of one phase become one.

    most: stretches; a run of many short phases may have up to as many more as it has phases
    """

    def __init__(self, most: int = MOST_STRETCHES) -> None:
        if most < 2:
            raise ValueError(f"a run over time has at least 2 stretches, not {most}")
        self._most = most
        self._width_s = 1.0
        self._ended = Shelf[Stretch]()
        self._place: Snapshot | None = None  # of what is not yet a stretch: begin, phase and so on of its first second, without values
        self._open, self._end_s = Aggregate(), 0.0

    @classmethod
    def after(cls, earlier: Earlier | None) -> Timeline:
        """Of a run that goes on with an earlier part, which it begins with; None: one that begins now."""
        timeline = cls()
        for snapshot in earlier.seconds() if earlier is not None else ():
            timeline.snapshot(snapshot)
        return timeline

    def snapshot(self, snapshot: Snapshot) -> None:
        """See Sink."""
        if self._place is not None and not _alike(self._place, snapshot):
            self._end()
        if self._place is None:
            self._place = Snapshot(snapshot.seq, snapshot.start_s, snapshot.end_s, snapshot.judged, snapshot.phase)
            self._open, self._end_s = Aggregate(), snapshot.end_s
        self._open.add(snapshot)
        self._end_s = max(self._end_s, snapshot.end_s)
        # Seconds end a little early or late; half of one decides.
        if snapshot.end_s - self._place.start_s >= self._width_s - 0.5:
            self._end()

    def so_far(self) -> tuple[Stretch, ...]:
        """All stretches in order; those at the end of a phase may be shorter than the others."""
        return (*self._ended, *([Stretch.of(self._joined())] if self._place is not None else []))

    def close(self) -> None:
        """See Sink."""

    def _end(self) -> None:
        self._ended.put(Stretch.of(self._joined()))
        self._place = None
        if len(self._ended) >= self._most:
            fewer = Shelf[Stretch]()
            for stretch in _halved(self._ended):
                fewer.put(stretch)
            if len(fewer) < len(self._ended):
                self._ended = fewer
                self._width_s *= 2.0

    def _joined(self) -> Snapshot:
        place = self._place
        assert place is not None
        return replace(self._open.as_snapshot(place.start_s, self._end_s), seq=place.seq, judged=place.judged, phase=place.phase)


def at_most(stretches: Sequence[Stretch], most: int) -> Sequence[Stretch]:
    """The same run in no more stretches than that; in more only where a run of many short phases leaves no two neighbours of one."""
    while len(stretches) > most and len(fewer := tuple(_halved(stretches))) < len(stretches):
        stretches = fewer
    return stretches


def _halved(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Each two neighbours of one phase as one stretch."""
    waiting: Stretch | None = None
    for stretch in stretches:
        if waiting is None:
            waiting = stretch
        elif _alike(waiting, stretch):
            yield Stretch.of(together([waiting.snapshot(), stretch.snapshot()], Gauge.then))
            waiting = None
        else:
            yield waiting
            waiting = stretch
    if waiting is not None:
        yield waiting


def _alike(one: Snapshot | Stretch, other: Snapshot | Stretch) -> bool:
    return (one.phase, one.judged) == (other.phase, other.judged)

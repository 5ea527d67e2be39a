"""What was recorded up to a moment, on its way to become snapshots: folded piece by piece, so that arrivals are not kept waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram


class Bucket:
    """Values since the last snapshot, of one kind: warm-up or judged."""

    def __init__(self) -> None:
        self.distributions: dict[Series, Histogram] = {}
        self.counts: dict[Series, int] = {}
        self.gauges: dict[Series, Gauge] = {}
        self.failures: dict[Failure, int] = {}

    @property
    def holds_anything(self) -> bool:
        """Was any value recorded?"""
        return bool(self.counts or self.distributions or self.failures)

    def histogram(self, series: Series) -> Histogram:
        """The histogram of a series, made when it is first used."""
        found = self.distributions.get(series)
        if found is None:
            found = self.distributions[series] = Histogram()
        return found

    def count(self, series: Series, by: int) -> None:
        """Add to a count."""
        self.counts[series] = self.counts.get(series, 0) + by

    def snapshot(self, seq: int, start_s: float, end_s: float, *, judged: bool, phase: str) -> Snapshot:
        """All of it, as the immutable state of this stretch."""
        return Snapshot(seq, start_s, end_s, judged, phase, self.distributions, self.counts, self.gauges, self.failures)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stretch lies in the run.

    judging: is any scenario's time judged at its end?
    """

    seq: int
    start_s: float
    end_s: float
    phase: str
    judging: bool


class Handover:
    """The columns and buckets of one stretch after the recorder has let go of them.

    A fold of one series takes some ten microseconds; a second of thirty steps takes twenty milliseconds in all, and whatever is
    due in that time would be sent late if it were done in one go.

    pieces: what is to be folded into the buckets, each in steps
    """

    def __init__(self, place: Place, pieces: Iterable[Iterator[None]], warm: Bucket, judged: Bucket, gauges: dict[Series, Gauge]) -> None:
        self._place, self._warm, self._judged, self._gauges = place, warm, judged, gauges
        self._work = self._steps(pieces)

    def advance(self, clock: Callable[[], int], until_ns: int) -> bool:
        """Work until that time, at least one step of it; True when nothing is left to do."""
        return all(clock() < until_ns for _ in self._work)

    def snapshots(self) -> list[Snapshot]:
        """The rest of the work at once, then the stretch: warm-up values and judged ones apart."""
        deque(self._work, maxlen=0)
        place, warm, judged = self._place, self._warm, self._judged
        judging = place.judging or judged.holds_anything
        (judged if judging else warm).gauges = self._gauges
        parts = []
        if not judging or warm.holds_anything:
            parts.append((warm, False))
        if judging:
            parts.append((judged, True))
        return [part.snapshot(place.seq, place.start_s, place.end_s, judged=flag, phase=place.phase) for part, flag in parts]

    def _steps(self, pieces: Iterable[Iterator[None]]) -> Iterator[None]:
        for piece in pieces:
            yield from piece
        for bucket in (self._warm, self._judged):
            for histogram in bucket.distributions.values():
                histogram.pack()
                yield

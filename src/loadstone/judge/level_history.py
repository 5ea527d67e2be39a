"""The course of levels through a run, in bounded memory however long it lasts."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Series, Snapshot

MOST_READINGS = 4096  # 170 for each of 24 windows; an hour at full detail, 72 hours at one value a minute
MOST_SERIES = 64  # processes that come and go must not grow our memory

Join = Callable[[Sequence[float]], float]


class Course:
    """One level: times in s and values; when it is full, two neighbours become one.

    join: what becomes of several values: the least of a level that swings upwards, the mean of others
    """

    def __init__(self, join: Join = min) -> None:
        self.seen = 0
        self._times_s, self._values = array("d"), array("d")  # 16 bytes for a reading; as two lists it would take 64
        self._join = join
        self._stride = 1
        self._waiting: list[tuple[float, float]] = []

    @property
    def times_s(self) -> list[float]:
        """When, in s."""
        return self._times_s.tolist()

    @property
    def values(self) -> list[float]:
        """What was read then."""
        return self._values.tolist()

    def add(self, at_s: float, value: float) -> None:
        """One more reading."""
        self.seen += 1
        self._waiting.append((at_s, value))
        if len(self._waiting) < self._stride:
            return
        at_s, value = self._joined(self._waiting)
        self._waiting = []
        self._times_s.append(at_s)
        self._values.append(value)
        if len(self._values) >= MOST_READINGS:
            pairs = list(zip(self._times_s, self._values, strict=True))
            halved = [self._joined(pairs[at : at + 2]) for at in range(0, len(pairs), 2)]
            self._times_s, self._values = array("d", [at for at, _ in halved]), array("d", [value for _, value in halved])
            self._stride *= 2

    def _joined(self, readings: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return sum(at for at, _ in readings) / len(readings), self._join([value for _, value in readings])


class GaugeCourses:
    """The course of each series of a gauge that carries these tags."""

    def __init__(self, metric: str, tags: Sequence[tuple[str, str]] = (), scale: float = 1.0) -> None:
        self.courses: dict[Series, Course] = {}
        self._metric, self._tags, self._scale = metric, dict(tags), scale

    def see(self, snapshot: Snapshot) -> None:
        """One more second that is judged."""
        for series, gauge in snapshot.gauges.items():
            if series.metric != self._metric or gauge.count == 0 or not series.carries(self._tags):
                continue
            course = self.courses.get(series)
            if course is None:
                if len(self.courses) >= MOST_SERIES:
                    continue
                course = self.courses[series] = Course()
            course.add((snapshot.start_s + snapshot.end_s) / 2, gauge.mean / self._scale)


class ValueCourse:
    """The course of one number per second, of all series that carry the tags together.

    read: the number of a second; None when it has none
    """

    def __init__(self, name: Series, read: Callable[[Aggregate], float | None]) -> None:
        self.courses: dict[Series, Course] = {}
        self._name, self._read = name, read

    def see(self, snapshot: Snapshot) -> None:
        """One more second that is judged."""
        value = self._read(Aggregate([snapshot]))
        if value is not None:
            self.courses.setdefault(self._name, Course(_mean)).add((snapshot.start_s + snapshot.end_s) / 2, value)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

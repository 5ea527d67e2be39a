"""What one worker writes down while it runs: integer columns on the hot path, folded into histograms in batches."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np

from loadstone.measure.aggregate import add_failure
from loadstone.measure.handover import Bucket, Handover, Place
from loadstone.measure.rows import ROWS_PER_FOLD, Rows
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot, Tags
from loadstone.stats.histogram import IntArray

# Names and tags come from scripts and plans; a step for each request id must not grow our memory.
MOST_STEPS = 1_000
MOST_SERIES = 1_000
OTHER_STEP = "(other steps)"
OTHER_TAGS = ("other", "(other tags)")
OTHER_METRIC = "(other metrics)"
NO_SCENARIO = ""  # what is measured for the whole worker


class Stretch:
    """Where a scenario's values go at the moment: into warm-up, or into what is judged."""

    __slots__ = ("judged",)

    def __init__(self, *, judged: bool) -> None:
        self.judged = judged


class Exchanges:
    """The columns of one step, filled by the client.

    rows:   exchanges that ended as expected
    failed: exchanges that got a whole response, but not the expected one
    """

    __slots__ = ("_prefix", "_recorder", "_series", "failed", "rows", "step", "stretch", "tags")

    def __init__(self, recorder: Recorder, stretch: Stretch, step: str, tags: Tags, prefix: str) -> None:
        self._recorder, self.stretch, self.step, self.tags = recorder, stretch, step, tags
        self._prefix = prefix
        self.rows, self.failed = Rows(self.fold), Rows(self.fold)
        self._series = {outcome: self._names(outcome) for outcome in ("ok", "failed")}

    def _names(self, outcome: str) -> tuple[Series, ...]:
        tags = tuple(sorted((*self.tags, ("outcome", outcome))))
        prefix = self._prefix
        latencies = (f"{prefix}.response_time", f"{prefix}.service_time", f"{prefix}.time_to_first_byte")
        return (*(Series(name, tags) for name in latencies), Series("load.send_lag", self.tags), Series("generator.share", self.tags))

    def failure(self, kind: str, text: str) -> None:
        """An exchange that failed; its time, if it has one, goes into `failed` or is `beyond`."""
        bucket = self._recorder.bucket(self.stretch)
        bucket.count(Series(f"{self._prefix}.errors", tuple(sorted((*self.tags, ("kind", kind))))), 1)
        add_failure(bucket.failures, Failure(kind, self.step, text), 1)

    def no_response(self, *, timed_out: bool, put: int, got: int) -> None:
        """An exchange without a whole response; one that was given up counts as longer than anything recorded."""
        bucket = self._recorder.bucket(self.stretch)
        self._totals(bucket, 1, got, put)
        if timed_out:
            bucket.histogram(self._series["failed"][0]).record_beyond()
            bucket.histogram(self._series["failed"][1]).record_beyond()

    def fold(self) -> None:
        """Move the columns into histograms."""
        for piece in self.cut():
            deque(piece, maxlen=0)

    def cut(self) -> list[Iterator[None]]:
        """Empty the columns; what each held is folded piece by piece as the answer is iterated."""
        bucket = self._recorder.bucket(self.stretch)
        filled = [(outcome, rows) for outcome, rows in (("ok", self.rows), ("failed", self.failed)) if rows]
        return [self._folding(bucket, rows.take(), self._series[outcome]) for outcome, rows in filled]

    def _folding(self, bucket: Bucket, table: IntArray, series: tuple[Series, ...]) -> Iterator[None]:
        due, sent, first, end, seen, excused = (table[:, column] for column in range(6))
        self._totals(bucket, len(table), int(table[:, 6].sum()), int(table[:, 7].sum()))
        for name, later, earlier in zip(series, (end, end, first, sent, seen), (due, sent, sent, due + excused, end), strict=True):
            bucket.histogram(name).record_many(np.maximum(later - earlier, 0))
            yield

    def _totals(self, bucket: Bucket, count: int, got: int, put: int) -> None:
        bucket.count(Series(f"{self._prefix}.requests", self.tags), count)
        bucket.count(Series(f"{self._prefix}.bytes_in", self.tags), got)
        bucket.count(Series(f"{self._prefix}.bytes_out", self.tags), put)


class Columns(Protocol):
    """Columns of a form of their own."""

    def cut(self) -> list[Iterator[None]]:
        """Empty them; what they held is folded into the recorder's bucket piece by piece as the answer is iterated."""


class Column:
    """Values of one distribution, in stored units."""

    __slots__ = ("_counted_as", "_recorder", "_series", "_stretch", "_values")

    def __init__(self, recorder: Recorder, stretch: Stretch, series: Series, counted_as: Series | None) -> None:
        self._recorder, self._stretch, self._series, self._counted_as = recorder, stretch, series, counted_as
        self._values: array[int] = array("q")

    def add(self, value: int) -> None:
        """One more; what lies below zero is a clock's rounding and counts as zero."""
        values = self._values
        values.append(value if value > 0 else 0)
        if len(values) >= ROWS_PER_FOLD:
            self.fold()

    def extend(self, values: Iterable[int]) -> None:
        """Many more, none of them below zero."""
        self._values.extend(values)
        if len(self._values) >= ROWS_PER_FOLD:
            self.fold()

    def fold(self) -> None:
        """Move the values into the histogram."""
        for piece in self.cut():
            deque(piece, maxlen=0)

    def cut(self) -> list[Iterator[None]]:
        """Empty the column; what it held is folded when the answer is iterated."""
        values = self._values
        if not values:
            return []
        self._values = array("q")
        return [self._folding(self._recorder.bucket(self._stretch), values)]

    def _folding(self, bucket: Bucket, values: array[int]) -> Iterator[None]:
        bucket.histogram(self._series).record_many(np.frombuffer(values, dtype=np.int64))
        if self._counted_as is not None:
            bucket.count(self._counted_as, len(values))
        yield


class Recorder:
    """All columns of one worker; `take` hands over what came since the last time."""

    def __init__(self) -> None:
        self._judged, self._warm = Bucket(), Bucket()
        self._gauges: dict[Series, Gauge] = {}
        self._exchanges: dict[tuple[str, str, Tags], Exchanges] = {}
        self._stretches: dict[str, Stretch] = {}
        self._columns: dict[tuple[Series, str], Column] = {}
        self._admitted: dict[Series, Series] = {}
        self._others: list[Columns] = []

    def admitted(self, series: Series) -> Series:
        """The series under which a script's values are kept: past the limit, new ones lose their tags, then their name.

        A script that tags with a request id, or makes up a metric for each, must not grow our memory.
        """
        found = self._admitted.get(series)
        if found is None:
            if len(self._admitted) >= MOST_SERIES:
                scenario = tuple(tag for tag in series.tags if tag[0] == "scenario")
                plain = Series(series.metric, (OTHER_TAGS, *scenario))
                if len(self._admitted) >= 2 * MOST_SERIES and plain not in self._admitted:
                    return Series(OTHER_METRIC, scenario)
                series = plain
            found = self._admitted[series] = series
        return found

    def stretch(self, scenario: str) -> Stretch:
        """The state of a scenario; judged unless `warm_up` said otherwise."""
        found = self._stretches.get(scenario)
        if found is None:
            found = self._stretches[scenario] = Stretch(judged=True)
        return found

    def judge(self, scenario: str, *, judged: bool) -> None:
        """From now on this scenario's values are judged, or not; what was recorded so far stays where it was."""
        self.fold()
        self.stretch(scenario).judged = judged

    def bucket(self, stretch: Stretch) -> Bucket:
        """Where values of this stretch go."""
        return self._judged if stretch.judged else self._warm

    def exchanges(self, scenario: str, step: str, tags: Mapping[str, str], prefix: str = "http") -> Exchanges:
        """The columns of a step, made when first asked for."""
        all_tags = tuple(sorted({**tags, "scenario": scenario, "step": step}.items()))
        key = (prefix, step, all_tags)
        found = self._exchanges.get(key)
        if found is None:
            if len(self._exchanges) >= MOST_STEPS:
                step, all_tags = OTHER_STEP, (("scenario", scenario), ("step", OTHER_STEP))
                key = (prefix, step, all_tags)
                if key in self._exchanges:
                    return self._exchanges[key]
            found = self._exchanges[key] = Exchanges(self, self.stretch(scenario), step, all_tags, prefix)
        return found

    def column(self, scenario: str, series: Series, counted_as: Series | None = None) -> Column:
        """The column of a distribution, for callers that append often; its length may count as another metric."""
        key = (series, scenario)
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = Column(self, self.stretch(scenario), series, counted_as)
        return found

    def value(self, scenario: str, series: Series, value: int) -> None:
        """One value of a distribution, in stored units."""
        self.column(scenario, series).add(value)

    def beyond(self, scenario: str, series: Series, values: int = 1) -> None:
        """Values known only to be longer than anything recorded."""
        self.bucket(self.stretch(scenario)).histogram(series).record_beyond(values)

    def count(self, scenario: str, series: Series, by: int = 1) -> None:
        """Add to a count."""
        self.bucket(self.stretch(scenario)).count(series, by)

    def failure(self, scenario: str, failure: Failure) -> None:
        """Count a failure by type, step and text."""
        add_failure(self.bucket(self.stretch(scenario)).failures, failure, 1)

    def attach(self, columns: Columns) -> None:
        """Fold these columns, too, whenever values are taken or a scenario begins to be judged."""
        self._others.append(columns)

    def gauge(self, series: Series, value: float, most: float = -math.inf) -> None:
        """A reading of a level, and the most it was since the reading before, where somebody has watched it."""
        before = self._gauges.get(series)
        reading = Gauge(value, value, max(value, most), value, 1)
        self._gauges[series] = before.then(reading) if before else reading

    def fold(self) -> None:
        """Move all columns into histograms."""
        for piece in self._cut_columns():
            deque(piece, maxlen=0)

    def cut(self, seq: int, start_s: float, end_s: float, phase: str) -> Handover:
        """Everything since the last cut, still to be folded; what is recorded from here on belongs to the next."""
        pieces = self._cut_columns()
        warm, judged, gauges = self._warm, self._judged, self._gauges
        self._warm, self._judged, self._gauges = Bucket(), Bucket(), {}
        judging = any(stretch.judged for stretch in self._stretches.values())
        return Handover(Place(seq, start_s, end_s, phase, judging=judging), pieces, warm, judged, gauges)

    def take(self, seq: int, start_s: float, end_s: float, phase: str) -> list[Snapshot]:
        """Everything since the last cut, at once: warm-up values and judged ones apart."""
        return self.cut(seq, start_s, end_s, phase).snapshots()

    def _cut_columns(self) -> list[Iterator[None]]:
        every: tuple[Columns, ...] = (*self._exchanges.values(), *self._columns.values(), *self._others)
        return [piece for columns in every for piece in columns.cut()]

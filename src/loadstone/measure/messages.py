"""The columns of messages on connections that last: round trips as packed rows, everything else as plain integers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np

from loadstone.measure.aggregate import add_failure
from loadstone.measure.handover import Bucket
from loadstone.measure.recorder import MOST_STEPS, OTHER_STEP, Recorder
from loadstone.measure.rows import Rows
from loadstone.measure.snapshot import Failure, Series, Tags
from loadstone.stats.histogram import IntArray

ROUND_TRIP = "ws.round_trip_time"


class Messages:
    """What the WebSockets of one step saw; the clients add to the integers and to `rows`, both at no cost worth a call.

    rows: round trips, from due over sent to the kernel's stamp of the answer
    """

    __slots__ = (
        "_recorder", "_round_trips", "_seen", "bytes_in", "bytes_out", "messages_in", "messages_out", "rows", "scenario", "step", "tags",
    )  # fmt: skip

    def __init__(self, recorder: Recorder, scenario: str, step: str, tags: Tags) -> None:
        self._recorder, self.scenario, self.step, self.tags = recorder, scenario, step, tags
        self.rows = Rows(self.fold)
        self.messages_in = self.messages_out = self.bytes_in = self.bytes_out = 0
        names = (ROUND_TRIP, "ws.service_time", "load.send_lag", "generator.share")
        self._round_trips = tuple(Series(name, tags) for name in names)
        self._seen: dict[tuple[str, str, str], Series] = {}

    def fold(self) -> None:
        """Move everything into the recorder's bucket."""
        for piece in self.cut():
            deque(piece, maxlen=0)

    def cut(self) -> list[Iterator[None]]:
        """See recorder.Columns."""
        recorder = self._recorder
        bucket = recorder.bucket(recorder.stretch(self.scenario))
        for name in ("messages_in", "messages_out", "bytes_in", "bytes_out"):
            if count := getattr(self, name):
                bucket.count(Series(f"ws.{name}", self.tags), count)
                setattr(self, name, 0)
        return [self._folding(bucket, self.rows.take())] if self.rows else []

    def _folding(self, bucket: Bucket, table: IntArray) -> Iterator[None]:
        due, sent, _, end, seen, excused = (table[:, column] for column in range(6))
        for series, later, earlier in zip(self._round_trips, (end, end, sent, seen), (due, sent, due + excused, end), strict=True):
            bucket.histogram(series).record_many(np.maximum(later - earlier, 0))
            yield

    def count(self, metric: str, key: str = "", value: str = "", by: int = 1) -> None:
        """Add to a count, under one more tag when it has one."""
        self._recorder.count(self.scenario, self._series(metric, key, value), by)

    def time(self, metric: str, took_ns: int, key: str = "", value: str = "") -> None:
        """One value of a distribution."""
        self._recorder.value(self.scenario, self._series(metric, key, value), took_ns)

    def failure(self, metric: str, kind: str, text: str) -> None:
        """Count a failure under its metric, and in the list of errors."""
        self.count(metric, "kind", kind)
        recorder = self._recorder
        add_failure(recorder.bucket(recorder.stretch(self.scenario)).failures, Failure(kind, self.step, text), 1)

    def no_answer(self) -> None:
        """A message that nobody answered in time: longer than anything recorded."""
        self._recorder.beyond(self.scenario, self._round_trips[0])

    def never(self, metric: str) -> None:
        """A time that nobody knows, because what it waited for did not come: longer than anything recorded."""
        self._recorder.beyond(self.scenario, self._series(metric, "", ""))

    def _series(self, metric: str, key: str, value: str) -> Series:
        found = self._seen.get((metric, key, value))
        if found is None:
            tags = tuple(sorted((*self.tags, (key, value)))) if key else self.tags
            found = self._seen[metric, key, value] = Series(metric, tags)
        return found


class MessageSteps:
    """The Messages of one scenario by step and tags; past a limit all further steps are one."""

    def __init__(self, recorder: Recorder, scenario: str) -> None:
        self._recorder, self._scenario = recorder, scenario
        self._known: dict[Tags, Messages] = {}

    def find(self, step: str, tags: Mapping[str, str]) -> Messages:
        """Made when first asked for."""
        key = tuple(sorted({**tags, "scenario": self._scenario, "step": step}.items()))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_STEPS:
                step, key = OTHER_STEP, (("scenario", self._scenario), ("step", OTHER_STEP))
                if key in self._known:
                    return self._known[key]
            found = self._known[key] = Messages(self._recorder, self._scenario, step, key)
            self._recorder.attach(found)
        return found

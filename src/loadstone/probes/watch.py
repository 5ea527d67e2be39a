"""Probes beside a run: each read in a thread of its own, its readings put into the snapshot of the second they belong to."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from loadstone.clock import SECOND, now_ns
from loadstone.measure.catalogue import Metric
from loadstone.measure.plain_text import plain
from loadstone.measure.snapshot import WIND_DOWN, Gauge, Series, Snapshot
from loadstone.plan.model import Plan
from loadstone.plugins import installed
from loadstone.probes.probe import NoReading, Probe, Readings, Settling
from loadstone.stats.histogram import Histogram

CLOSE_S = 0.5
KEPT_S = 10.0  # a reading that no snapshot covers (a pause between two scenarios) is let go after that
BUSY = "busy"  # the reason of a reading for which the one before left no time


@dataclass(slots=True)
class Reading:
    """What came of one time at which a probe was due.

    at_s:     seconds since the run's start; of a reading that brought nothing, when it was due
    missed:   why it brought nothing; empty when it brought something
    took_ns:  how long it took; None when it was not tried
    cpu:      percent of a core that its thread took for it, over the time from one reading to the next
    late:     its second was told before it came
    told:     already put into a snapshot that is not judged, into one that is
    """

    probe: str
    at_s: float
    readings: Readings = field(default_factory=Readings)
    missed: str = ""
    took_ns: int | None = None
    cpu: float | None = None
    late: bool = False
    told: set[bool] = field(default_factory=set)


class Watched:
    """One probe and when it is due: in the middle of each stretch of `every_s`, from the run's start on.

    The middle, because the seconds of a run are told at their ends: a reading must be there by then, and belongs to them.
    """

    def __init__(self, probe: Probe, every_s: float, keep: Callable[[Reading], None], clock: Callable[[], int] = now_ns) -> None:
        self.probe, self._every_ns, self._keep, self._clock = probe, round(every_s * SECOND), keep, clock
        self._opened = False
        self._slot = 0

    def begin(self) -> None:
        """The first look, just before the load: counters need a reading to grow from. It is not kept."""
        with contextlib.suppress(NoReading):
            self._read(Readings())

    def due_ns(self, start_ns: int) -> int:
        """When the next reading is due."""
        return start_ns + self._slot * self._every_ns + self._every_ns // 2

    def read(self, start_ns: int) -> None:
        """One reading, now; every time at which one would have been due meanwhile is kept as missed."""
        due_ns, begun_ns, cpu_ns = self.due_ns(start_ns), self._clock(), time.thread_time_ns()
        readings, missed = Readings(), ""
        try:
            self._read(readings)
        except NoReading as nothing:
            missed = nothing.reason
        ended_ns, cpu = self._clock(), 100 * (time.thread_time_ns() - cpu_ns) / self._every_ns
        at_ns = due_ns if missed else (readings.at_ns or (begun_ns + ended_ns) // 2)
        self._keep(Reading(self.probe.name, (at_ns - start_ns) / SECOND, readings, missed, ended_ns - begun_ns, cpu))
        self._slot += 1
        while self.due_ns(start_ns) <= ended_ns:
            self._keep(Reading(self.probe.name, (self.due_ns(start_ns) - start_ns) / SECOND, missed=BUSY))
            self._slot += 1

    def _read(self, readings: Readings) -> None:
        try:
            if not self._opened:
                self.probe.open(self._clock)
                self._opened = True
            self.probe.sample(readings)
        except NoReading:
            raise
        except Exception as error:  # a probe is a plug-in: what it raises must not end the run
            raise NoReading("other", f"{type(error).__name__}: {plain(str(error), 100)}") from error


class Watch:
    """All probes of a run: started with the load, asked to complete every snapshot, closed at the end."""

    def __init__(self, probes: Sequence[tuple[Probe, float]], clock: Callable[[], int] = now_ns) -> None:
        self.watched = [Watched(probe, every_s, self._take, clock) for probe, every_s in probes]
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[Reading] = []
        self._told_s = 0.0
        self._judged_from_s = math.inf
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._seen: set[str] = set()

    @classmethod
    def of(cls, plan: Plan, clock: Callable[[], int] = now_ns) -> Watch:
        """The probes that a plan names; nothing is opened yet."""
        target = plan.target or "http://127.0.0.1"
        return cls([(installed().make("probe", each.kind, each, target), each.every_s) for each in plan.probes], clock)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Everything that the probes may record."""
        return tuple({metric.name: metric for each in self.watched for metric in each.probe.metrics}.values())

    @property
    def recorded(self) -> tuple[Metric, ...]:
        """Of those, what was recorded so far."""
        return tuple(metric for metric in self.metrics if metric.name in self._seen)

    def start(self, start_ns: int) -> None:
        """Read from now on; `start_ns` is where the run's time begins."""
        for watched in self.watched:
            thread = threading.Thread(target=self._run, args=(watched, start_ns), name=f"probe {watched.probe.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, watched: Watched, start_ns: int) -> None:
        watched.begin()
        while not self._stop.wait(max(0.0, (watched.due_ns(start_ns) - self._clock()) / SECOND)):
            watched.read(start_ns)

    def close(self) -> None:
        """Stop reading; a probe that does not end is left to end with the process."""
        self._stop.set()
        for watched in self.watched:
            with contextlib.suppress(Exception):  # what a plug-in raises when the run is over helps nobody
                watched.probe.close()
        for thread in self._threads:
            thread.join(CLOSE_S)

    def complete(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the readings of its time.

        A second with a judged and an unjudged part (scenarios warm up at different times) has them in both. A reading that comes
        after its second was told goes into the next of the same sort and counts as late. Once the load has ended, nothing is
        taken: what the target does then is no answer to the load.
        """
        if not self.watched or snapshot.phase == WIND_DOWN:
            return snapshot
        with self._lock:
            if snapshot.judged:
                self._judged_from_s = min(self._judged_from_s, snapshot.start_s)
            fitting = [reading for reading in self._waiting if self._fits(reading, snapshot)]
            for reading in fitting:
                reading.told.add(snapshot.judged)
                self._seen.update(series.metric for series in reading.readings.gauges)
            self._told_s = max(self._told_s, snapshot.end_s)
            self._waiting = [reading for reading in self._waiting if reading.at_s > snapshot.start_s - KEPT_S]
        return _joined(snapshot, fitting) if fitting else snapshot

    def settled(self) -> dict[Series, Gauge]:
        """What the target keeps now that the load has ended, of those probes that can ask for it; takes its time."""
        readings = Readings()
        for watched in self.watched:
            if isinstance(watched.probe, Settling):
                with contextlib.suppress(Exception):  # as any reading, it may bring nothing
                    watched.probe.settle(readings)
        self._seen.update(series.metric for series in readings.gauges)
        return {series: Gauge.of(value) for series, value in readings.gauges.items()}

    def _fits(self, reading: Reading, snapshot: Snapshot) -> bool:
        if reading.late:  # what is from before the judged part is not let into it
            return not reading.told and (not snapshot.judged or reading.at_s >= self._judged_from_s)
        return snapshot.judged not in reading.told and snapshot.start_s <= reading.at_s < snapshot.end_s

    def _take(self, reading: Reading) -> None:
        with self._lock:
            reading.late = reading.at_s < self._told_s
            self._waiting.append(reading)


def _joined(snapshot: Snapshot, fitting: Sequence[Reading]) -> Snapshot:
    gauges, counts, distributions = dict(snapshot.gauges), dict(snapshot.counts), dict(snapshot.distributions)

    def count(metric: str, number: int, **tags: str) -> None:
        series = Series(metric, tuple(sorted(tags.items())))
        counts[series] = counts.get(series, 0) + number

    def level(series: Series, value: float) -> None:
        before = gauges.get(series)
        gauges[series] = before.then(Gauge.of(value)) if before else Gauge.of(value)

    for reading in sorted(fitting, key=lambda each: each.at_s):
        for series, value in reading.readings.gauges.items():
            level(series, value)
        count("probe.readings", 1, probe=reading.probe)
        if reading.missed:
            count("probe.missed", 1, probe=reading.probe, kind=reading.missed)
        if reading.late:
            count("probe.late", 1, probe=reading.probe)
        if reading.readings.left_out:
            count("probe.left_out", reading.readings.left_out, probe=reading.probe)
        if reading.cpu is not None:
            level(Series("probe.cpu", (("probe", reading.probe),)), reading.cpu)
        if reading.took_ns is not None:
            series = Series("probe.reading_time", (("probe", reading.probe),))
            histogram = distributions[series] = distributions[series].copy() if series in distributions else Histogram()
            histogram.record(reading.took_ns)
    return replace(snapshot, gauges=gauges, counts=counts, distributions=distributions)

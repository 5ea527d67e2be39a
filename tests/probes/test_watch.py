"""Probes beside a run: when they are read, and into which second their readings go."""

import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clock import MILLISECOND, SECOND
from loadstone.measure.catalogue import Kind, Metric
from loadstone.measure.snapshot import LOAD, WARM_UP, WIND_DOWN, Series, Snapshot
from loadstone.probes.probe import NoReading, Readings
from loadstone.probes.watch import Reading, Watch, Watched

LEVEL = Metric("target.level", "1", Kind.GAUGE, "neither", "a level")


class Level:
    """A probe that reads what the test says, and takes as long as the test says."""

    name = "level"
    metrics: Sequence[Metric] = (LEVEL,)

    def __init__(self, do: Callable[[Readings], None]) -> None:
        self._do = do
        self.opened = self.closed = 0

    def open(self, _clock: Callable[[], int]) -> None:
        self.opened += 1

    def sample(self, readings: Readings) -> None:
        self._do(readings)

    def close(self) -> None:
        self.closed += 1


class Clock:
    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def second(number: float, *, judged: bool = True, phase: str = LOAD, until: float | None = None) -> Snapshot:
    return Snapshot(int(number), number, number + 1 if until is None else until, judged, phase)


def kept(watch: Watch, at_s: float, value: float) -> None:
    readings = Readings()
    readings.gauge("target.level", value)
    watch._take(Reading("level", at_s, readings, took_ns=MILLISECOND))


def levels(snapshot: Snapshot) -> list[float]:
    gauge = snapshot.gauges.get(Series("target.level"))
    return [gauge.least, gauge.greatest] if gauge else []


@pytest.fixture
def watch() -> Watch:
    return Watch([(Level(lambda _: None), 1.0)], Clock())


def test_a_reading_goes_into_the_snapshot_of_its_second(watch: Watch) -> None:
    kept(watch, 0.5, 1.0)
    kept(watch, 1.5, 2.0)
    assert [levels(watch.complete(second(number))) for number in (0, 1, 2)] == [[1.0, 1.0], [2.0, 2.0], []]


def test_several_readings_of_a_second_are_one_level(watch: Watch) -> None:
    kept(watch, 0.6, 4.0)
    kept(watch, 0.2, 1.0)
    whole = watch.complete(second(0))
    assert levels(whole) == [1.0, 4.0]
    assert whole.gauges[Series("target.level")].last == 4.0
    assert whole.counts[Series("probe.readings", (("probe", "level"),))] == 2
    assert whole.distributions[Series("probe.reading_time", (("probe", "level"),))].count == 2


def test_a_reading_that_comes_late_goes_into_the_next_second_and_is_counted(watch: Watch) -> None:
    watch.complete(second(0))
    kept(watch, 0.5, 1.0)
    late = watch.complete(second(1))
    assert levels(late) == [1.0, 1.0]
    assert late.counts[Series("probe.late", (("probe", "level"),))] == 1
    assert levels(watch.complete(second(2))) == []


def test_a_late_reading_of_the_warm_up_is_not_judged(watch: Watch) -> None:
    watch.complete(second(0, judged=False, phase=WARM_UP))
    kept(watch, 0.5, 9.0)
    assert levels(watch.complete(second(1))) == []


def test_a_second_with_a_judged_and_an_unjudged_part_has_its_reading_in_both(watch: Watch) -> None:
    kept(watch, 3.5, 1.0)
    assert levels(watch.complete(second(3, judged=False))) == [1.0, 1.0]
    assert levels(watch.complete(second(3))) == [1.0, 1.0]
    assert levels(watch.complete(second(4))) == []


def test_a_second_that_is_cut_in_two_has_its_reading_in_one_part(watch: Watch) -> None:
    kept(watch, 2.5, 1.0)
    assert levels(watch.complete(second(2, judged=False, phase=WARM_UP, until=2.3))) == []
    assert levels(watch.complete(second(2.3, until=3.0))) == [1.0, 1.0]


def test_what_is_read_after_the_load_is_not_taken(watch: Watch) -> None:
    kept(watch, 5.5, 1.0)
    assert levels(watch.complete(second(5, phase=WIND_DOWN))) == []


def test_a_run_without_probes_keeps_its_snapshots_as_they_are() -> None:
    snapshot = second(0)
    assert Watch([]).complete(snapshot) is snapshot


def watched(do: Callable[[Readings], None], clock: Clock) -> tuple[Watched, list[Reading]]:
    found: list[Reading] = []
    return Watched(Level(do), 1.0, found.append, clock), found


def test_readings_are_due_in_the_middle_of_each_second() -> None:
    clock = Clock()
    one, found = watched(lambda readings: readings.gauge("target.level", 1.0), clock)
    for number in range(3):
        assert one.due_ns(10 * SECOND) == round((10.5 + number) * SECOND)
        clock.now_ns = one.due_ns(10 * SECOND)
        one.read(10 * SECOND)
    assert [reading.at_s for reading in found] == [0.5, 1.5, 2.5]


def test_a_slow_reading_stands_in_its_middle_and_the_ones_it_left_no_time_for_are_missed() -> None:
    clock = Clock()

    def slow(readings: Readings) -> None:
        readings.gauge("target.level", 1.0)
        clock.now_ns += 2 * SECOND + SECOND // 5

    one, found = watched(slow, clock)
    clock.now_ns = SECOND // 2
    one.read(0)
    assert [(reading.at_s, reading.missed) for reading in found] == [(1.6, ""), (1.5, "busy"), (2.5, "busy")]
    assert one.due_ns(0) == 3 * SECOND + SECOND // 2


def test_no_reading_is_data() -> None:
    clock = Clock()

    def dead(_: Readings) -> None:
        raise NoReading("refused")

    one, found = watched(dead, clock)
    one.begin()
    one.read(0)
    assert [(reading.at_s, reading.missed) for reading in found] == [(0.5, "refused")]


def test_what_a_plugin_raises_is_a_missed_reading() -> None:
    clock = Clock()

    def broken(_: Readings) -> None:
        raise ZeroDivisionError

    one, found = watched(broken, clock)
    one.read(0)
    assert [reading.missed for reading in found] == ["other"]


def test_a_missed_reading_is_counted_with_its_reason(watch: Watch) -> None:
    watch._take(Reading("level", 0.5, missed="timeout", took_ns=MILLISECOND))
    counts = watch.complete(second(0)).counts
    assert counts[Series("probe.missed", (("kind", "timeout"), ("probe", "level")))] == 1
    assert counts[Series("probe.readings", (("probe", "level"),))] == 1


def test_only_what_was_recorded_is_told_as_recorded(watch: Watch) -> None:
    assert watch.metrics == (LEVEL,)
    assert not watch.recorded
    kept(watch, 0.5, 1.0)
    watch.complete(second(0))
    assert [metric.name for metric in watch.recorded] == ["target.level"]


def test_a_started_watch_looks_once_before_the_load_and_ends_when_it_is_closed() -> None:
    looked = threading.Event()
    probe = Level(lambda _: looked.set())
    clock = Clock()
    watch = Watch([(probe, 1.0)], clock)
    watch.start(SECOND)
    assert looked.wait(120)
    watch.close()
    assert (probe.opened, probe.closed) == (1, 1)
    assert watch.complete(second(0)).gauges == {}


@given(st.lists(st.tuples(st.integers(0, 79), st.integers(0, 30)), max_size=30, unique_by=lambda each: each[0]))
def test_no_reading_of_the_judged_time_is_lost_or_told_twice(arrivals: list[tuple[int, int]]) -> None:
    """Readings at tenths of a second that come up to three seconds late, beside seconds that are told at their ends."""
    watch = Watch([(Level(lambda _: None), 1.0)], Clock())
    events = sorted([((at + late) / 10, at / 10) for at, late in arrivals])
    told = 0
    for number in range(12):
        while events and events[0][0] < number + 1:
            kept(watch, events.pop(0)[1], 1.0)
        gauge = watch.complete(second(number)).gauges.get(Series("target.level"))
        told += gauge.count if gauge else 0
    assert told == len(arrivals)

"""What goes in comes out: in one piece or in many, warm-up and judged apart, in bounded memory."""

from collections.abc import Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from loadstone.load.merge import merge
from loadstone.measure.aggregate import MOST_FAILURE_TEXTS, OTHER_TEXT, Aggregate
from loadstone.measure.recorder import MOST_STEPS, Recorder
from loadstone.measure.rows import ROWS_PER_FOLD
from loadstone.measure.snapshot import LOAD, Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

TIMES = st.integers(0, 10**12)
LEVEL = Series("load.users", (("scenario", "main"),))
OWN = Series("shop.basket", (("scenario", "main"),))
# One event: (kind, value); kinds: 0 good exchange, 1 failed exchange, 2 time-out, 3 own value, 4 count
EVENTS = st.lists(st.tuples(st.integers(0, 4), TIMES), max_size=60)


def record(recorder: Recorder, events: Sequence[tuple[int, int]]) -> None:
    step = recorder.exchanges("main", "home", {})
    for kind, value in events:
        row = (1000, 1000, 1000 + value // 2, 1000 + value, 1000 + value, 0, 7, 3)
        if kind == 0:
            step.rows.add(*row)
        elif kind == 1:
            step.failed.add(*row)
            step.failure("status", "status 500")
        elif kind == 2:
            step.no_response(timed_out=True, put=3, got=0)
            step.failure("timeout_total", "late")
        elif kind == 3:
            recorder.value("main", OWN, value)
        else:
            recorder.count("main", Series("shop.sold"), value)


def contents(view: Aggregate) -> object:
    metrics = ("http.response_time", "http.service_time", "http.time_to_first_byte", "load.send_lag", "generator.share", "shop.basket")
    counts = ("http.requests", "http.errors", "http.bytes_in", "http.bytes_out", "shop.sold")
    return [view.distribution(name) for name in metrics], [view.count(name) for name in counts], dict(view.failures)


@given(st.lists(EVENTS, max_size=6))
def test_taking_each_second_adds_up_to_recording_everything_at_once(seconds: list[list[tuple[int, int]]]) -> None:
    whole, parts, told = Recorder(), Recorder(), Aggregate()
    for number, events in enumerate(seconds):
        record(whole, events)
        record(parts, events)
        for snapshot in parts.take(number, number, number + 1, LOAD):
            told.add(snapshot)
    at_once = Aggregate(whole.take(0, 0, len(seconds), LOAD))
    assert contents(told) == contents(at_once)
    assert told.seconds == len(seconds)


@given(st.lists(st.tuples(st.integers(0, 3), EVENTS), max_size=8))
def test_workers_put_together_are_one_worker_that_recorded_it_all(pieces: list[tuple[int, list[tuple[int, int]]]]) -> None:
    alone, workers = Recorder(), [Recorder() for _ in range(4)]
    for worker, events in pieces:
        record(alone, events)
        record(workers[worker], events)
    merged = merge([recorder.take(0, 0, 1, LOAD) for recorder in workers])
    assert contents(Aggregate(merged)) == contents(Aggregate(alone.take(0, 0, 1, LOAD)))


@given(EVENTS, EVENTS)
def test_what_was_recorded_before_the_boundary_never_reaches_a_judged_snapshot(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    recorder, alone = Recorder(), Recorder()
    recorder.judge("main", judged=False)
    record(recorder, before)
    recorder.judge("main", judged=True)
    record(recorder, after)
    record(alone, after)
    judged = [snapshot for snapshot in recorder.take(0, 0, 1, LOAD) if snapshot.judged]
    assert contents(Aggregate(judged)) == contents(Aggregate(alone.take(0, 0, 1, LOAD)))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9), st.integers(1, 5))
def test_levels_follow_each_other_in_a_worker_and_add_up_over_workers(levels: list[float], workers: int) -> None:
    cuts = [0.0, *accumulate([1 / len(levels)] * len(levels))]
    parts = [
        Snapshot(0, start, min(end, 1.0), phase=LOAD, gauges={LEVEL: Gauge.of(level)})
        for start, end, level in zip(cuts, cuts[1:], levels, strict=False)
    ]
    (merged,) = merge([parts] * workers)
    gauge = merged.gauges[LEVEL]
    assert gauge.last == workers * levels[-1] or abs(gauge.last - workers * levels[-1]) < 1e-6 * gauge.last
    assert abs(gauge.greatest - workers * max(levels)) <= 1e-6 * gauge.greatest
    assert abs(gauge.mean - workers * sum(levels) / len(levels)) <= 1e-6 * max(gauge.mean, 1)
    assert (merged.start_s, round(merged.end_s, 9)) == (0, 1)


def test_the_load_of_each_worker_stays_apart() -> None:
    own = [Series("generator.cpu", (("worker", str(worker)),)) for worker in range(2)]
    merged = merge([[Snapshot(0, 0, 1, phase=LOAD, gauges={own[worker]: Gauge.of(40 + worker)})] for worker in range(2)])
    assert [merged[0].gauges[series].last for series in own] == [40, 41]


def test_merging_leaves_the_snapshots_of_the_workers_as_they_were() -> None:
    series = Series("shop.basket")
    histograms = [Histogram(), Histogram()]
    for histogram in histograms:
        histogram.record(5)
    merge([[Snapshot(0, 0, 1, distributions={series: histogram})] for histogram in histograms])
    assert [histogram.count for histogram in histograms] == [1, 1]


def test_a_pause_between_two_parts_of_a_second_is_not_told_as_time_under_load() -> None:
    parts = [Snapshot(0, 0.0, 0.2, phase=LOAD), Snapshot(1, 0.7, 1.0, phase=LOAD)]
    assert Aggregate(merge([parts])).seconds == 0.5


def test_failure_texts_are_bounded_however_many_a_target_makes_up() -> None:
    recorder, told = Recorder(), Aggregate()
    for second in range(10):
        for k in range(1000):
            recorder.failure("main", Failure("status", "home", f"request {second}/{k} failed"))
        for snapshot in recorder.take(second, second, second + 1, LOAD):
            assert len(snapshot.failures) <= MOST_FAILURE_TEXTS + 1
            told.add(snapshot)
    assert len(told.failures) <= MOST_FAILURE_TEXTS + 1
    assert sum(told.failures.values()) == 10_000
    assert told.failures[Failure("status", "home", OTHER_TEXT)] > 9_000


def test_steps_and_series_are_bounded_however_many_a_script_makes_up() -> None:
    recorder = Recorder()
    for k in range(5000):
        record_one = recorder.exchanges("main", f"GET /{k}", {"id": str(k)})
        record_one.rows.add(0, 0, 1, 2, 2, 0, 1, 1)
        recorder.value("main", recorder.admitted(Series(f"shop.{k}", (("scenario", "main"),))), 1)
    (snapshot,) = recorder.take(0, 0, 1, LOAD)
    view = Aggregate([snapshot])
    assert view.count("http.requests") == 5000
    assert view.count("http.requests", {"step": "(other steps)"}) == 5000 - MOST_STEPS
    assert len(snapshot.distributions) < 5 * MOST_STEPS + 2100


def test_columns_are_folded_long_before_they_are_large() -> None:
    recorder = Recorder()
    column = recorder.column("main", OWN, Series("shop.count"))
    for k in range(3 * ROWS_PER_FOLD + 5):
        column.add(k)
    assert len(column._values) == 5
    column.add(-3)
    (snapshot,) = recorder.take(0, 0, 1, LOAD)
    assert snapshot.counts[Series("shop.count")] == snapshot.distributions[OWN].count == 3 * ROWS_PER_FOLD + 6
    assert snapshot.distributions[OWN].min == 0

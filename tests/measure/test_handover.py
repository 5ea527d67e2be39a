"""A second that was cut off is folded piece by piece: the same values, whatever is recorded meanwhile."""

import pickle
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import LOAD, Series
from loadstone.stats.histogram import Histogram

VALUES = st.lists(st.integers(0, 10**12), max_size=40)
OWN = Series("shop.basket", (("scenario", "main"),))


def record(recorder: Recorder, values: list[int]) -> None:
    for number, value in enumerate(values):
        step = recorder.exchanges("main", f"step{number % 3}", {})
        (step.failed if number % 5 == 0 else step.rows).add(10, 10, 10, 10 + value, 10 + value, 0, 1, 1)
        recorder.value("main", OWN, value)


def contents(view: Aggregate) -> list[object]:
    names = ("http.response_time", "http.service_time", "load.send_lag", "generator.share", "shop.basket")
    return [*(view.distribution(name) for name in names), view.count("http.requests"), view.count("http.bytes_in")]


def ticking() -> Callable[[], int]:
    """A clock that a look at moves on."""
    looks = count()
    return lambda: next(looks)


@given(VALUES, VALUES, st.integers(1, 7))
def test_folding_in_slices_is_folding_at_once_and_leaves_what_comes_later_alone(first: list[int], later: list[int], slice_ns: int) -> None:
    sliced, whole = Recorder(), Recorder()
    for recorder in (sliced, whole):
        record(recorder, first)
    handover, clock = sliced.cut(0, 0.0, 1.0, LOAD), ticking()
    record(sliced, later)
    while not handover.advance(clock, clock() + slice_ns):
        pass
    assert contents(Aggregate(handover.snapshots())) == contents(Aggregate(whole.take(0, 0.0, 1.0, LOAD)))
    record(whole, later)
    assert contents(Aggregate(sliced.take(1, 1.0, 2.0, LOAD))) == contents(Aggregate(whole.take(1, 1.0, 2.0, LOAD)))


def test_a_slice_ends_when_its_time_is_over_and_goes_on_with_the_next() -> None:
    recorder = Recorder()
    record(recorder, list(range(30)))
    handover, slices = recorder.cut(0, 0.0, 1.0, LOAD), 1
    clock = ticking()
    while not handover.advance(clock, clock() + 1):
        slices += 1
    # Three steps with five series for each of two outcomes, and one column, folded; then what became of them packed.
    assert slices > 31


def test_what_was_recorded_before_a_cut_counts_as_judged_only_if_it_was() -> None:
    recorder = Recorder()
    recorder.judge("main", judged=False)
    record(recorder, [1, 2, 3])
    handover = recorder.cut(0, 0.0, 1.0, LOAD)
    recorder.judge("main", judged=True)
    (warm,) = handover.snapshots()
    assert not warm.judged
    assert warm.counts[Series("http.requests", (("scenario", "main"), ("step", "step1")))] == 1


@pytest.mark.parametrize("change", [lambda own: own.record(7), Histogram.record_beyond, lambda own: own.merge(own.copy())])
def test_a_packed_histogram_that_records_more_travels_with_all_of_it(change: Callable[[Histogram], None]) -> None:
    histogram = Histogram()
    histogram.record(5)
    histogram.pack()
    assert pickle.loads(pickle.dumps(histogram)) == histogram  # noqa: S301  our own bytes
    change(histogram)
    assert pickle.loads(pickle.dumps(histogram)) == histogram  # noqa: S301  our own bytes

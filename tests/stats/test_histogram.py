from __future__ import annotations

import math
import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.histogram import GREATEST, RELATIVE_ERROR, Histogram, bucket_of, buckets_of, lower_end, upper_end

VALUES = st.lists(st.one_of(st.integers(0, 2000), st.integers(0, GREATEST), st.integers(0, 62).map(lambda k: 2**k)), max_size=60)
EDGES = [value for k in range(1, 63) for value in (2**k - 1, 2**k, 2**k + 1)] + [0, GREATEST - 1, GREATEST]


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array(values, dtype=np.int64))
    return histogram


def test_every_edge_value_lies_in_its_bucket_and_buckets_are_narrow() -> None:
    for value in EDGES:
        low, high = lower_end(bucket_of(value)), upper_end(bucket_of(value))
        assert low <= value <= high
        assert high - low <= value * RELATIVE_ERROR
        assert bucket_of(high + 1) == bucket_of(value) + 1


def test_small_values_have_a_bucket_each() -> None:
    assert [bucket_of(value) for value in range(512)] == list(range(512))


@given(VALUES)
def test_many_indexes_at_once_are_those_of_one_at_a_time(values: list[int]) -> None:
    found = buckets_of(np.array(values, dtype=np.int64))
    assert found.tolist() == [bucket_of(value) for value in values]


def test_edges_are_indexed_the_same_at_once() -> None:
    assert buckets_of(np.array(EDGES, dtype=np.int64)).tolist() == [bucket_of(value) for value in EDGES]


@given(VALUES)
def test_recording_at_once_equals_recording_one_by_one(values: list[int]) -> None:
    one_by_one = Histogram()
    for value in values:
        one_by_one.record(value)
    at_once = histogram_of(values)
    assert at_once == one_by_one
    assert at_once.total == sum(values)
    if values:
        assert (at_once.min, at_once.max, at_once.count) == (min(values), max(values), len(values))


@given(VALUES, VALUES, VALUES, st.integers(0, 5))
def test_merging_equals_recording_everything_in_one_in_any_order(one: list[int], two: list[int], three: list[int], beyond: int) -> None:
    first, second, third = histogram_of(one), histogram_of(two), histogram_of(three)
    second.record_beyond(beyond)
    left = first.copy()
    left.merge(second)
    left.merge(third)
    right = third.copy()
    right.merge(second)
    right.merge(first)
    whole = histogram_of(one + two + three)
    whole.record_beyond(beyond)
    assert left == right == whole


@given(VALUES.filter(bool), st.floats(0, 1))
def test_a_quantile_is_never_low_and_high_by_at_most_a_256th(values: list[int], q: float) -> None:
    exact = int(np.quantile(np.array(values, dtype=object), q, method="inverted_cdf")) if q > 0 else min(values)
    found = histogram_of(values).quantile(q)
    assert exact * (1 - 1e-15) <= found <= exact * (1 + RELATIVE_ERROR) + 1e-9


def test_a_quantile_agrees_with_numpy_on_latencies() -> None:
    values = np.random.default_rng(5).lognormal(17, 1.2, 20_000).astype(np.int64)
    histogram = histogram_of(values.tolist())
    for q in (0.5, 0.9, 0.95, 0.99, 0.999):
        exact = float(np.quantile(values, q, method="inverted_cdf"))
        assert exact <= histogram.quantile(q) <= exact * (1 + RELATIVE_ERROR)


@pytest.mark.parametrize(("q", "rank"), [(0.07, 7), (0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.0, 1), (0.991, 100)])
def test_the_rank_is_not_moved_by_floating_point(q: float, rank: int) -> None:
    assert histogram_of(list(range(1, 101))).quantile(q) == rank


def test_values_beyond_push_the_upper_quantiles_to_infinity() -> None:
    histogram = histogram_of([10] * 97)
    histogram.record_beyond(3)
    assert histogram.quantile(0.97) == 10
    assert histogram.quantile(0.98) == math.inf
    assert histogram.max == 10
    assert histogram.mean == 10


def test_a_statistic_of_nothing_is_refused_and_never_zero() -> None:
    empty = Histogram()
    for ask in (lambda: empty.quantile(0.5), lambda: empty.min, lambda: empty.max, lambda: empty.mean, lambda: empty.share_above(3)):
        with pytest.raises(NoSamples):
            ask()


def test_only_values_beyond_make_every_quantile_infinite() -> None:
    histogram = Histogram()
    histogram.record_beyond(2)
    assert histogram.quantile(0.5) == math.inf
    with pytest.raises(NoSamples):
        _ = histogram.max


def test_negative_values_are_refused_and_nothing_is_counted() -> None:
    histogram = Histogram()
    with pytest.raises(ValueError, match="-1"):
        histogram.record(-1)
    with pytest.raises(ValueError, match="-7"):
        histogram.record_many(np.array([3, -7], dtype=np.int64))
    with pytest.raises(TypeError):
        histogram.record_many(np.array([0.5]))
    with pytest.raises(ValueError, match="2\\*\\*63"):
        histogram.record(GREATEST + 1)
    assert histogram.count == 0


def test_the_sum_of_the_greatest_values_is_exact() -> None:
    assert histogram_of([GREATEST] * 1000).total == GREATEST * 1000


@given(VALUES, st.integers(0, 3))
def test_bytes_and_pickles_bring_everything_back(values: list[int], beyond: int) -> None:
    histogram = histogram_of(values)
    histogram.record_beyond(beyond)
    assert Histogram.from_bytes(histogram.to_bytes()) == histogram
    again = pickle.loads(pickle.dumps(histogram))  # noqa: S301
    assert again == histogram
    again.record(5)
    assert again.count == histogram.count + 1


@pytest.mark.parametrize("data", [b"", b"LSH1", b"LSH2", b"x" * 80, Histogram().to_bytes()[:-3]])
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a stored histogram"):
        Histogram.from_bytes(data)


def in_the_first_layout(steps: list[int], counts: list[int], total: int, least: int, greatest: int) -> bytes:
    header = struct.pack("<4sQQqqQQ", b"LSH1", sum(counts), 2, least, greatest, total, 0)
    return header + zlib.compress(struct.pack(f"<{len(steps)}I", *steps) + struct.pack(f"<{len(counts)}Q", *counts))


def test_what_an_earlier_version_stored_is_still_read() -> None:
    expected = histogram_of([3, 3, 300, 100_000])
    expected.record_beyond(2)
    used = [bucket_of(3), bucket_of(300), bucket_of(100_000)]
    steps = [used[0], used[1] - used[0], used[2] - used[1]]
    assert Histogram.from_bytes(in_the_first_layout(steps, [2, 1, 1], 100_306, 3, 100_000)) == expected


def test_buckets_that_there_are_none_of_are_refused() -> None:
    with pytest.raises(ValueError, match="not a stored histogram"):
        Histogram.from_bytes(in_the_first_layout([2**31], [1], 5, 5, 5))


@given(VALUES, st.integers(0, 3), st.data())
def test_bytes_that_lost_or_gained_some_are_refused(values: list[int], beyond: int, data: st.DataObject) -> None:
    histogram = histogram_of(values)
    histogram.record_beyond(beyond)
    whole = histogram.plain_bytes()
    assert Histogram.from_plain_bytes(whole) == histogram
    with pytest.raises(ValueError, match="not a stored histogram"):
        Histogram.from_plain_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ValueError, match="not a stored histogram"):
        Histogram.from_plain_bytes(whole + b"x")


def test_a_second_of_latencies_is_stored_in_a_few_kilobytes() -> None:
    values = np.random.default_rng(5).lognormal(17, 1, 10_000).astype(np.int64)
    assert len(pickle.dumps(histogram_of(values.tolist()))) < 2_000


@given(VALUES.filter(bool), st.integers(0, GREATEST))
def test_the_share_above_a_limit_is_right_within_a_bucket(values: list[int], limit: int) -> None:
    share = histogram_of(values).share_above(limit)
    top = upper_end(bucket_of(limit))
    assert share == pytest.approx(sum(value > top for value in values) / len(values))

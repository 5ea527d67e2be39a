from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.stats.hdr import from_hdr, to_hdr
from loadstone.stats.histogram import Histogram

GOLDEN = "HISTFAAAACt4nJNpmSzMwMDAwwABzFCaEYj/g4D9B4gAE8tlFqbnKxmZDruwAADiWQr+"
VALUES = st.lists(st.integers(0, 2**46), min_size=1, max_size=50)


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array(values, dtype=np.int64))
    return histogram


def test_the_text_stays_the_same_from_version_to_version() -> None:
    histogram = histogram_of([0, 1, 1, 300, 1_000_000, 20_000_000, 20_000_001])
    assert from_hdr(GOLDEN).buckets() == histogram.buckets()
    assert from_hdr(to_hdr(histogram)).buckets() == histogram.buckets()


@given(VALUES)
def test_the_public_reader_finds_counts_quantiles_and_maximum(values: list[int]) -> None:
    histogram = histogram_of(values)
    theirs = HdrHistogram.decode(to_hdr(histogram))
    assert theirs.get_total_count() == len(values)
    assert theirs.get_max_value() == pytest.approx(histogram.max, rel=2**-10)
    for percentile in (50, 90, 99):
        rank = max(1, int(percentile / 100 * len(values) + 0.5))
        assert theirs.get_value_at_percentile(percentile) == pytest.approx(histogram.value_at(rank), rel=2**-8 + 2**-10)


@given(VALUES, st.integers(1, 5))
def test_the_public_writer_is_read_at_every_precision(values: list[int], digits: int) -> None:
    theirs = HdrHistogram(1, 2**47, digits)
    for value in values:
        theirs.record_value(value)
    ours = from_hdr(theirs.encode().decode())
    assert ours.count == len(values)
    wide = 2.0**-3 if digits == 1 else 2.0**-6
    assert ours.max == pytest.approx(max(values), rel=wide)
    assert ours.min == pytest.approx(min(values), rel=wide)


@given(VALUES)
def test_our_buckets_survive_the_way_there_and_back(values: list[int]) -> None:
    histogram = histogram_of(values)
    assert from_hdr(to_hdr(histogram)).buckets() == histogram.buckets()


def test_an_empty_histogram_stays_empty() -> None:
    assert from_hdr(to_hdr(Histogram())).count == 0
    assert HdrHistogram.decode(to_hdr(Histogram())).get_total_count() == 0


def test_counts_past_a_byte_and_past_32_bits_are_kept() -> None:
    histogram = Histogram()
    histogram.record(5, 127)
    histogram.record(9, 2**33)
    histogram.record(2**50, 3)
    assert from_hdr(to_hdr(histogram)).buckets() == histogram.buckets()
    assert HdrHistogram.decode(to_hdr(histogram)).get_total_count() == 2**33 + 130


def test_values_beyond_need_a_place_to_be_written_at() -> None:
    histogram = histogram_of([5])
    histogram.record_beyond(2)
    with pytest.raises(UsageError, match="2 values are only known"):
        to_hdr(histogram)
    placed = from_hdr(to_hdr(histogram, beyond_at=30_000_000_000))
    assert placed.count == 3
    assert placed.max == pytest.approx(30_000_000_000, rel=2**-10)


@pytest.mark.parametrize("text", ["", "not base64!", "AAAA", "HISTFAAA", to_hdr(Histogram())[:-8]])
def test_other_texts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="not an HdrHistogram text"):
        from_hdr(text)

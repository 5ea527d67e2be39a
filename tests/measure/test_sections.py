"""Packing is exact, and a course of sections adds up to the whole in bounded memory."""

import json
import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.packing import pack, unpack
from loadstone.measure.sections import Sections
from loadstone.measure.snapshot import WIND_DOWN, Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram
from loadstone.testing.conformance import odd_seconds
from loadstone.testing.samples import make_histogram, make_snapshot

TEXT = st.text(max_size=12)
SERIES = st.builds(lambda metric, tags: Series(metric, tuple(sorted(tags.items()))), TEXT, st.dictionaries(TEXT, TEXT, max_size=3))


def histogram_of(values: list[int], beyond: int) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array(values, dtype=np.int64))
    histogram.record_beyond(beyond)
    return histogram


HISTOGRAM = st.builds(histogram_of, st.lists(st.integers(0, 2**62), max_size=20), st.integers(0, 5))
NUMBER = st.floats(allow_nan=False)
SNAPSHOT = st.builds(
    Snapshot,
    seq=st.integers(0, 10**9),
    start_s=st.floats(0, 1e6),
    end_s=st.floats(0, 1e6),
    judged=st.booleans(),
    phase=TEXT,
    distributions=st.dictionaries(SERIES, HISTOGRAM, max_size=4),
    counts=st.dictionaries(SERIES, st.integers(-(2**80), 2**80), max_size=4),
    gauges=st.dictionaries(SERIES, st.builds(Gauge, NUMBER, NUMBER, NUMBER, NUMBER, st.integers(1, 99)), max_size=4),
    failures=st.dictionaries(st.builds(Failure, TEXT, TEXT, TEXT), st.integers(1, 99), max_size=4),
)


def fields_of(snapshot: Snapshot) -> list[object]:
    return [getattr(snapshot, name) for name in Snapshot.__slots__]


@settings(max_examples=60, deadline=None)
@given(SNAPSHOT)
def test_what_was_packed_comes_back_exactly(snapshot: Snapshot) -> None:
    assert fields_of(unpack(pack(snapshot))) == fields_of(snapshot)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda rest: pack(make_snapshot())[:80] + rest))
def test_bytes_that_are_none_raise_value_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack(data)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 150), st.integers(2, 9), st.none() | st.floats(1, 300))
def test_sections_are_contiguous_bounded_and_add_up_to_the_whole(count: int, most: int, duration_s: float | None) -> None:
    snapshots = [
        Snapshot(seq, float(seq), seq + 1.0, counts={Series("a"): seq}, distributions={Series("t"): make_histogram([seq + 1.0])})
        for seq in range(count)
    ]
    course = Sections(duration_s, most=most)
    for snapshot in snapshots:
        course.add(snapshot)
    sections = course.so_far()
    assert 1 <= len(sections) <= most
    assert sections[0].start_s == 0.0
    assert sections[-1].end_s == count
    assert all(one.end_s == other.start_s for one, other in pairwise(sections))
    whole, parts = Aggregate(snapshots), [section.aggregate() for section in sections]
    assert sum(part.count("a") or 0 for part in parts) == whole.count("a")
    assert sum(part.seconds for part in parts) == pytest.approx(whole.seconds)
    merged = Histogram()
    for part in parts:
        merged.merge(part.distribution("t") or Histogram())
    assert merged == whole.distribution("t")


def test_an_hour_fills_at_most_64_sections_of_nearly_equal_width() -> None:
    course = Sections()
    for seq in range(3600):
        course.add(Snapshot(seq, float(seq), seq + 1.0, counts={Series("a"): 1}))
    widths = [section.end_s - section.start_s for section in course.so_far()]
    assert 32 <= len(widths) <= 64
    assert len(set(widths[:-1])) == 1


def test_a_known_length_makes_sections_as_wide_from_the_begin_on() -> None:
    course = Sections(640.0)
    for seq in range(25):
        course.add(Snapshot(seq, float(seq), seq + 1.0))
    assert [section.end_s - section.start_s for section in course.so_far()] == [10.0, 10.0, 5.0]


def test_warm_up_is_left_out_and_what_winds_down_adds_no_time() -> None:
    course = Sections(most=4)
    course.add(Snapshot(0, 0.0, 1.0, judged=False, counts={Series("a"): 9}))
    course.add(Snapshot(1, 1.0, 2.0, counts={Series("a"): 1}))
    course.add(Snapshot(2, 2.0, 3.0, phase=WIND_DOWN, counts={Series("a"): 2}))
    (section,) = course.so_far()
    assert section.aggregate().seconds == 1.0
    assert section.aggregate().count("a") == 3


def test_odd_seconds_have_a_course_too() -> None:
    course = Sections()
    for snapshot in odd_seconds():
        course.add(snapshot)
    whole = Aggregate(snapshot for snapshot in odd_seconds() if snapshot.judged)
    assert sum(section.aggregate().count("http.requests") or 0 for section in course.so_far()) == whole.count("http.requests")


def test_nothing_has_no_sections() -> None:
    assert Sections().so_far() == []
    with pytest.raises(ValueError, match="at least 2"):
        Sections(most=1)


def test_a_head_that_is_json_of_something_else_is_refused() -> None:
    head = json.dumps([1, 2]).encode()
    with pytest.raises(ValueError, match="not a packed stretch"):
        unpack(struct.pack("<4sI", b"LSP1", len(zlib.compress(head))) + zlib.compress(head))
    with pytest.raises(ValueError, match="not a packed stretch"):
        unpack(b"LSP2" + zlib.compress(struct.pack("<I", len(head)) + head))


def test_what_an_earlier_version_packed_is_still_read() -> None:
    times = make_histogram([5, 700], beyond=1)
    body, tags = times.to_bytes(), [["scenario", "hit"]]
    head = {
        "at": [3, 1.0, 2.0, True, "load"],
        "distributions": [["http.response_time", tags, len(body)]],
        "counts": [["http.requests", tags, 3]],
        "gauges": [["load.users", tags, [2.0, 1.0, 2.0, 3.0, 2]]],
        "failures": [["timeout", "get", "no answer", 1]],
    }
    packed = zlib.compress(json.dumps(head).encode())
    found = unpack(struct.pack("<4sI", b"LSP1", len(packed)) + packed + body)
    hit = (("scenario", "hit"),)
    assert (found.seq, found.start_s, found.end_s, found.judged, found.phase) == (3, 1.0, 2.0, True, "load")
    assert found.distributions == {Series("http.response_time", hit): times}
    assert found.counts == {Series("http.requests", hit): 3}
    assert found.gauges == {Series("load.users", hit): Gauge(2.0, 1.0, 2.0, 3.0, 2)}
    assert found.failures == {Failure("timeout", "get", "no answer"): 1}


def test_equal_distributions_of_a_stretch_take_little_more_than_one() -> None:
    values = np.random.default_rng(5).lognormal(13.8, 1.0, 10_000).astype(np.int64).tolist()
    one = pack(Snapshot(0, 0.0, 1.0, distributions={Series("a"): histogram_of(values, 0)}))
    three = pack(Snapshot(0, 0.0, 1.0, distributions={Series(name): histogram_of(values, 0) for name in "abc"}))
    assert len(three) < 1.5 * len(one)

"""Event streams from bytes: the rules of the WHATWG standard, whatever the reads are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.ndjson import NdjsonParser
from loadstone.clients.sse import BYTE_ORDER_MARK, Event, SseParser


def events_of(*reads: bytes, most: int = 1_000_000) -> list[Event]:
    parser = SseParser(most)
    return [event for data in reads for event in parser.feed(data)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_ends_at_an_empty_line_however_lines_end(end: bytes) -> None:
    stream = end.join([b"event: add", b"data: 1", b"data:2", b"id: 7", b"", b": a comment", b"", b"data", b"", b""])
    assert events_of(stream) == [Event("1\n2", "add", "7"), Event("", "message", "7")]


def test_only_one_space_after_the_colon_is_left_out_and_unknown_fields_are_ignored() -> None:
    assert events_of(b"data:  two\nfoo: bar\ndatum: 3\n\n") == [Event(" two")]


def test_an_event_without_data_is_none_and_its_name_is_forgotten() -> None:
    assert events_of(b"event: ping\n\ndata: x\n\n") == [Event("x")]


def test_an_id_with_a_nul_is_ignored_and_an_id_lasts() -> None:
    assert [event.id for event in events_of(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\ndata: c\n\n")] == ["1", "1", "1"]


def test_retry_is_a_number_or_nothing() -> None:
    parser = SseParser()
    parser.feed(b"retry: 20s\n\n")
    assert parser.retry_ms is None
    parser.feed(b"retry: 2500\n\n")
    assert parser.retry_ms == 2500


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
def test_a_byte_order_mark_is_left_out_also_when_it_comes_in_parts(cut: int) -> None:
    stream = BYTE_ORDER_MARK + b"data: x\n\n"
    assert events_of(stream[:cut], stream[cut:]) == [Event("x")]
    assert events_of(b"data: 1\n\n", BYTE_ORDER_MARK + b"data: x\n\n") == [Event("1")]


def test_half_an_event_at_the_end_is_no_event_and_is_told() -> None:
    parser = SseParser()
    assert parser.feed(b"data: 1\n\ndata: 2\n") == [Event("1")]
    assert parser.half
    assert parser.finish() == []
    parser = SseParser()
    parser.feed(b"data: 1\n\n: keep-alive\n\n")
    assert not parser.half


def test_bytes_that_are_no_utf8_are_replaced_and_the_event_is_marked() -> None:
    assert events_of(b"data: a\xffb\n\n", b"data: ok\n\n") == [Event("a\ufffdb", sound=False), Event("ok")]


def test_a_letter_that_is_cut_between_two_reads_is_whole() -> None:
    stream = "data: Grüße 你\n\n".encode()
    for cut in range(len(stream)):
        assert events_of(stream[:cut], stream[cut:]) == [Event("Grüße 你")]


def test_an_event_of_megabytes_is_read_and_one_above_the_limit_is_refused() -> None:
    large = b"x" * 3_000_000
    reads = [b"data: ", *(large[at : at + 65_536] for at in range(0, len(large), 65_536)), b"\n\n"]
    assert events_of(*reads, most=4_000_000) == [Event(large.decode())]
    for whole in (reads, [b"".join(reads)]):
        with pytest.raises(Failed) as failed:
            events_of(b"data: 1\n\n", *whole, most=1_000_000)
        assert failed.value.kind is Kind.TOO_LARGE


def test_a_stream_of_nothing_but_comments_is_not_one_large_event() -> None:
    assert events_of(*[b": keep-alive\n"] * 1_000, b"data: x\n\n", most=100) == [Event("x")]


LINES = st.lists(
    st.sampled_from(
        [b"data: x", b"data:", b"data: {}", b"event: e", b"id: 1", b": c", b"", b"retry: 1", b"data: \xc3\xa4\xff", b"\xef\xbb\xbf"]
    ),
    max_size=12,
)


@given(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"]), st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_any_split_gives_the_same_events(lines: list[bytes], end: bytes, cuts: list[int], mark: bool) -> None:
    stream = (BYTE_ORDER_MARK if mark else b"") + b"".join(line + end for line in lines)
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    pieces = [stream[start:stop] for start, stop in pairwise(places)]
    assert events_of(*pieces) == events_of(stream)
    assert events_of(*(stream[at : at + 1] for at in range(len(stream)))) == events_of(stream)


@given(
    st.lists(st.sampled_from([b'{"a":1}', b"", b" 2 ", b"\r", b'"\xc3\xa4"', b"\xff"]), max_size=10),
    st.lists(st.integers(0, 80), max_size=6),
)
def test_any_split_gives_the_same_json_lines(lines: list[bytes], cuts: list[int]) -> None:
    stream = b"\n".join(lines)

    def read(*pieces: bytes) -> list[Event]:
        parser = NdjsonParser()
        return [event for piece in pieces for event in parser.feed(piece)] + parser.finish()

    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    assert read(*(stream[start:stop] for start, stop in pairwise(places))) == read(stream)
    assert [event.data for event in read(stream)] == [
        line.strip(b" \t\r").decode("utf-8", "replace") for line in lines if line.strip(b" \t\r")
    ]


def test_a_json_line_has_a_limit() -> None:
    with pytest.raises(Failed) as failed:
        NdjsonParser(10).feed(b"12345\n123456789ab")
    assert failed.value.kind is Kind.TOO_LARGE

"""Responses from bytes: what is valid parses the same however it is split, what is not is a typed failure."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.failure import LONGEST_TEXT, Failed, Kind
from loadstone.clients.http1 import LARGEST_HEAD, MOST_INTERIM, MOST_REMEMBERED_HEADS, HeadMemory, ResponseReader, parse_head
from loadstone.testing.server import chunked, response

OK = b"HTTP/1.1 200 OK\r\n"


def read_all(pieces: Sequence[bytes], *, bodiless: bool = False, most: int = 1_000_000) -> tuple[int, bytes, bool]:
    """Status, body and completeness of a response that came in these pieces and then no more."""
    reader = ResponseReader(HeadMemory(), bodiless=bodiless, keep=True, most=most)
    complete = False
    for piece in pieces:
        assert not complete, "it was complete before its end"
        complete = reader.feed(piece)
    if not complete:
        reader.finish()
    assert reader.head is not None
    return reader.head.status, reader.body, complete


def failure(data: bytes, *, most: int = 1_000_000) -> Kind:
    with pytest.raises(Failed) as caught:
        read_all([data], most=most)
    return caught.value.kind


def outcome(pieces: Sequence[bytes]) -> tuple[int, bytes, bool] | Kind:
    try:
        return read_all(pieces)
    except Failed as failed:
        return failed.kind


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % len(data) for place in places} - {0})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


bodies = st.binary(max_size=200)
valid = st.one_of(
    st.builds(response, bodies),
    st.builds(chunked, bodies.filter(bool), bodies.filter(bool)),
    st.builds(lambda body, missing: response(body + b"?")[: -1 - missing % len(body + b"?")], bodies, st.integers(0)),
    st.builds(lambda body: OK + b"Connection: close\r\n\r\n" + body, bodies),
    st.builds(lambda body: b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(body), bodies),
    st.builds(lambda body: chunked(body + b"\r\n0\r\n\r\n").replace(b"0\r\n\r\n", b"0;last\r\nX-Sum: 1\r\n\r\n"), st.just(b"x")),
    st.just(b"HTTP/1.1 204 No Content\r\n\r\n"),
    st.just(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
)


@given(valid, st.lists(st.integers(0, 10_000), max_size=12))
def test_every_split_of_a_valid_response_reads_the_same(data: bytes, places: list[int]) -> None:
    assert outcome(cut(data, places)) == outcome([data])


@given(bodies, bodies)
def test_a_chunked_body_is_the_sum_of_its_chunks(first: bytes, second: bytes) -> None:
    assert read_all([chunked(first, second)]) == (200, first + second, True)
    assert read_all([bytes([byte]) for byte in chunked(first, second)]) == (200, first + second, True)


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6), st.sampled_from([b"", OK, OK + b"\r\n", chunked(b"x")[:-5]]))
def test_garbage_is_never_more_than_a_typed_failure(pieces: list[bytes], beginning: bytes) -> None:
    reader = ResponseReader(HeadMemory(), bodiless=False, keep=True, most=1_000)
    text = ""
    try:
        if not any(reader.feed(piece) for piece in [beginning, *pieces] if piece):
            reader.finish()
    except Failed as failed:
        text = failed.text
    assert len(text) <= LONGEST_TEXT


@given(st.text(alphabet="0123456789abcdefABCDEFxX_+- ;\t", max_size=8))
def test_a_chunk_size_is_hexadecimal_digits_and_nothing_else(text: str) -> None:
    digits = text.partition(";")[0].strip(" \t")
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + text.encode() + b"\r\n"
    reader = ResponseReader(HeadMemory(), bodiless=False, keep=True, most=1_000)
    if digits and all(letter in "0123456789abcdefABCDEF" for letter in digits):
        assert not reader.feed(data)
    else:
        with pytest.raises(Failed, match="chunk size"):
            reader.feed(data)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.x 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"<html>hello</html>",
        b"\x15\x03\x01\x00\x02\x02\x46",
        OK + b"No colon\r\n\r\n",
        OK + b": no name\r\n\r\n",
        OK + b"Space before : colon\r\n\r\n",
        OK + b"X: a\nY: b\r\n\r\n",
        OK + b"X: a\rY: b\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 1e3\r\n\r\n",
        OK + b"Content-Length:\r\n\r\n",
        OK + b"Content-Length: 9999999999999999999\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: 1, 2\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MOST_INTERIM + 1),
        response(b"hello") + b"more",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_what_is_not_http_is_malformed(head: bytes) -> None:
    assert failure(head) is Kind.MALFORMED


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (OK + b"Content-Length: 2, 2\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (OK + b"content-LENGTH:2\r\n\r\nab", b"ab"),
        (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (OK + b"Transfer-Encoding: gzip, Chunked\r\n\r\n2 ;x=1\r\nab\r\n00\r\nTrailer: 1\r\n\r\n", b"ab"),
        (OK + b"Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nuntil the end", b"until the end"),
        (OK + b"X: folded\r\n  value\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
    ],
)
def test_the_length_of_a_body_follows_the_rules(data: bytes, body: bytes) -> None:
    assert read_all([data])[1] == body


def test_a_response_to_head_has_no_body_whatever_it_says() -> None:
    assert read_all([OK + b"Content-Length: 10\r\n\r\n"], bodiless=True) == (200, b"", True)
    assert read_all([OK + b"Transfer-Encoding: chunked\r\n\r\n"], bodiless=True) == (200, b"", True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "without a response"),
        (OK, "inside the head"),
        (OK + b"Content-Length: 5\r\n\r\nab", "after 2 of 5 bytes"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "unfinished chunked"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", "unfinished chunked"),
    ],
)
def test_a_response_that_ends_before_its_end_is_closed_early(data: bytes, text: str) -> None:
    with pytest.raises(Failed, match=text) as caught:
        read_all([data] if data else [])
    assert caught.value.kind is Kind.CLOSED_EARLY


def test_what_is_larger_than_its_limit_is_too_large() -> None:
    assert failure(OK + b"X: " + b"a" * LARGEST_HEAD) is Kind.TOO_LARGE
    assert failure(OK + b"X: " + b"a" * LARGEST_HEAD + b"\r\n\r\n") is Kind.TOO_LARGE
    assert failure(response(b"a" * 11), most=10) is Kind.TOO_LARGE
    assert failure(chunked(b"a" * 6, b"a" * 5), most=10) is Kind.TOO_LARGE
    assert failure(OK + b"\r\n" + b"a" * 11, most=10) is Kind.TOO_LARGE
    assert failure(chunked(b"a")[:-2] + b"X: 1\r\n" * LARGEST_HEAD) is Kind.TOO_LARGE
    assert read_all([response(b"a" * 10)], most=10)[1] == b"a" * 10


def test_a_body_that_is_not_kept_is_counted() -> None:
    reader = ResponseReader(HeadMemory(), bodiless=False, keep=False, most=100)
    assert reader.feed(chunked(b"abc", b"de"))
    assert (reader.body, reader.size) == (b"", 5)


def test_old_servers_close_unless_they_say_keep_alive() -> None:
    assert parse_head(b"HTTP/1.0 200 OK\r\n\r\n").close
    assert not parse_head(b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n").close
    assert not parse_head(OK + b"\r\n").close
    assert parse_head(OK + b"Connection: foo, Close\r\n\r\n").close
    assert parse_head(OK + b"Connection: close\r\nConnection: keep-alive\r\n\r\n").close, "close wins (RFC 9112 section 9.3)"
    assert parse_head(b"HTTP/1.0 200 OK\r\nConnection: close, keep-alive\r\n\r\n").close


def test_headers_keep_their_order_and_lose_their_case() -> None:
    head = parse_head(OK + b"Set-Cookie: a=1\r\nX-Name:  v\xe9 \r\nSet-Cookie: b=2\r\n\r\n")
    assert head.headers() == [("set-cookie", "a=1"), ("x-name", "vé"), ("set-cookie", "b=2")]
    assert head.cookies


def test_the_memory_of_heads_is_bounded_and_gives_equal_heads() -> None:
    memory = HeadMemory()
    for number in range(MOST_REMEMBERED_HEADS + 10):
        memory.parse(OK + b"Content-Length: 0\r\nX-Id: %d\r\n\r\n" % number)
    assert len(memory.known) <= MOST_REMEMBERED_HEADS
    raw = OK + b"Content-Length: 1\r\n\r\n"
    assert memory.parse(raw) == memory.known[raw] == parse_head(raw)


def test_an_answer_of_another_protocol_is_complete_with_its_head() -> None:
    assert read_all([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nframes"]) == (101, b"", True)

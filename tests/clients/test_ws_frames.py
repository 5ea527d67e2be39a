"""Frames both ways, beside an independent implementation."""

import random
import struct
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import SERVER, Protocol
from websockets.streams import StreamReader

from loadstone.clients.deflate import Compression, Deflate, agreed, offer
from loadstone.clients.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    RSV1,
    TEXT,
    Broken,
    FrameReader,
    close_code,
    close_payload,
    frame,
)
from loadstone.testing.websocket import server_frame

MOST = 1_000_000
# Lengths around the third form of a frame's length; drawing each of their bytes would take most of the test's time.
long = st.integers(65_500, 65_600).map(lambda size: random.Random(size).randbytes(size))
messages = st.lists(st.one_of(st.text(max_size=300), st.binary(max_size=300), long), max_size=6)


def serialized(opcode: int, payload: bytes, *, fin: bool = True, extensions: list[object] | None = None) -> bytes:
    return Frame(Opcode(opcode), payload, fin).serialize(mask=False, extensions=extensions)  # type: ignore[arg-type]


def read_all(reader: FrameReader, data: bytes, cuts: list[int]) -> list[tuple[int, str | bytes]]:
    events: list[tuple[int, str | bytes]] = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        events += reader.feed(data[start:end])
    return events


@given(messages, st.lists(st.integers(0, 200_000), max_size=8), st.integers(0, 4))
def test_any_split_of_what_another_library_sends_gives_the_same_messages(given: list[str | bytes], cuts: list[int], parts: int) -> None:
    data = b""
    expected: list[tuple[int, str | bytes]] = []
    for each in given:
        opcode, payload = (TEXT, each.encode()) if isinstance(each, str) else (BINARY, each)
        step = max(1, len(payload) // (parts + 1))
        pieces = [payload[at : at + step] for at in range(0, len(payload), step)] or [b""]
        for number, piece in enumerate(pieces):
            data += serialized(opcode if number == 0 else CONTINUATION, piece, fin=number == len(pieces) - 1)
            data += serialized(PING, b"p")
            expected.append((PING, b"p"))
        expected.insert(len(expected) - 1, (opcode, each))
    reader = FrameReader(MOST)
    assert read_all(reader, data, cuts) == expected
    assert reader.broken is None
    assert not reader.within


@given(st.one_of(st.text(max_size=400), st.binary(max_size=400), long), st.integers(0, 2**32 - 1))
def test_another_library_reads_every_frame_that_is_sent(content: str | bytes, key: int) -> None:
    opcode, payload = (TEXT, content.encode()) if isinstance(content, str) else (BINARY, content)
    server = Protocol(SERVER)
    server.receive_data(frame(FIN | opcode, payload, lambda _bits: key))
    (event,) = server.events_received()
    assert isinstance(event, Frame)
    assert (event.opcode, bytes(event.data), event.fin) == (opcode, payload, True)


@given(
    st.lists(st.binary(max_size=2_000), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
    st.integers(9, 15),
    st.lists(st.integers(0, 9_999), max_size=4),
)
def test_compressed_messages_come_through_both_ways(parts: list[bytes], ours: bool, theirs: bool, bits: int, cuts: list[int]) -> None:
    other = PerMessageDeflate(
        remote_no_context_takeover=not ours, local_no_context_takeover=not theirs, remote_max_window_bits=bits, local_max_window_bits=bits
    )
    compression = Compression(Deflate(bits, bits, theirs, ours))
    reader = FrameReader(MOST, compression)
    data = b"".join(serialized(BINARY, part, extensions=[other]) for part in parts)
    assert read_all(reader, data, cuts) == [(BINARY, part) for part in parts]
    stream = StreamReader()
    for part in parts:
        stream.feed_data(frame(FIN | BINARY | RSV1, compression.deflate(part)))
        parser = Frame.parse(stream.read_exact, mask=True, extensions=[other])
        with pytest.raises(StopIteration) as parsed:
            next(parser)
        assert bytes(parsed.value.value.data) == part


def test_a_compressed_message_in_fragments_is_one_message() -> None:
    packed = zlib.compressobj(wbits=-15)
    data = (packed.compress(b"hello " * 50) + packed.flush(zlib.Z_SYNC_FLUSH))[:-4]
    reader = FrameReader(MOST, Compression(Deflate()))
    assert reader.feed(server_frame(TEXT, data[:5], first=TEXT | RSV1)) == []
    assert reader.feed(server_frame(CONTINUATION, data[5:])) == [(TEXT, "hello " * 50)]


def test_a_message_that_grows_past_the_limit_when_decompressed_is_refused_without_growing() -> None:
    packed = zlib.compressobj(wbits=-15)
    bomb = (packed.compress(bytes(50_000_000)) + packed.flush(zlib.Z_SYNC_FLUSH))[:-4]
    reader = FrameReader(MOST, Compression(Deflate()))
    assert reader.feed(server_frame(BINARY, bomb, first=FIN | BINARY | RSV1)) == []
    assert reader.broken is not None
    assert reader.broken.code == 1009


WRONG = {
    "an unknown kind": (b"\x83\x00", 1002),
    "an unknown control kind": (b"\x8b\x00", 1002),
    "a reserved bit": (b"\x91\x00", 1002),
    "compression that was not agreed on": (b"\xc1\x00", 1002),
    "a mask": (b"\x81\x81\x00\x00\x00\x00a", 1002),
    "a ping in fragments": (b"\x09\x00", 1002),
    "a long ping": (b"\x89\x7e\x00\x7e" + bytes(126), 1002),
    "a continuation of nothing": (b"\x80\x00", 1002),
    "a message inside another": (b"\x01\x01a\x81\x01b", 1002),
    "a length with its highest bit": (b"\x82\x7f" + b"\x80" + bytes(7), 1002),
    "a length in too many bytes": (b"\x82\x7e\x00\x05hello", 1002),
    "text that is not UTF-8": (b"\x81\x02\xc3\x28", 1007),
    "text that ends inside a letter": (b"\x81\x01\xc3", 1007),
    "text that is not UTF-8 across fragments": (b"\x01\x01\xc3\x80\x01\x28", 1007),
    "half a close code": (b"\x88\x01\x03", 1002),
    "a close code that nobody may send": (b"\x88\x02\x03\xee", 1002),
    "a close code below all others": (b"\x88\x02\x00\x00", 1002),
    "a close reason that is not UTF-8": (b"\x88\x04\x03\xe8\xc3\x28", 1007),
    "a message that is too large": (b"\x82\x7f" + struct.pack(">Q", MOST + 1), 1009),
    "fragments that are too large together": (b"\x02\x7f" + struct.pack(">Q", MOST) + bytes(MOST) + b"\x80\x01a", 1009),
}


@pytest.mark.parametrize(("data", "code"), WRONG.values(), ids=list(WRONG))
def test_what_a_server_does_wrong_has_a_code_and_ends_the_reading(data: bytes, code: int) -> None:
    reader = FrameReader(MOST)
    assert reader.feed(server_frame(TEXT, b"good") + data + server_frame(TEXT, b"late")) == [(TEXT, "good")]
    assert reader.broken is not None
    assert reader.broken.code == code
    assert reader.feed(server_frame(TEXT, b"later")) == []


@given(st.binary(max_size=200), st.lists(st.integers(0, 199), max_size=3))
def test_any_bytes_are_either_frames_or_a_mistake_with_a_name(data: bytes, cuts: list[int]) -> None:
    whole, split = FrameReader(MOST), FrameReader(MOST)
    assert read_all(whole, data, []) == read_all(split, data, cuts)
    assert (whole.broken is None) == (split.broken is None)
    if whole.broken is not None and split.broken is not None:
        assert (whole.broken.code, whole.broken.text) == (split.broken.code, split.broken.text)


def test_control_frames_between_fragments_come_first_and_the_message_stays_whole() -> None:
    reader = FrameReader(MOST)
    data = b"\x01\x03one" + server_frame(PING, b"?") + server_frame(PONG) + b"\x80\x03two"
    assert reader.feed(data) == [(PING, b"?"), (PONG, b""), (TEXT, "onetwo")]


def test_nothing_counts_after_a_close_frame() -> None:
    reader = FrameReader(MOST)
    assert reader.feed(server_frame(CLOSE, close_payload(1001, "away")) + server_frame(TEXT, b"late")) == [(CLOSE, b"\x03\xe9away")]
    assert reader.feed(server_frame(TEXT, b"later")) == []
    assert reader.broken is None


@given(st.sampled_from([1000, 1001, 1013, 3000, 4999]), st.text(max_size=200))
def test_a_close_code_and_its_reason_are_read_as_another_library_writes_them(code: int, reason: str) -> None:
    ours = close_payload(code, reason)
    assert len(ours) <= 125
    read = Close.parse(ours)
    assert read.code == code
    assert reason.startswith(read.reason)
    assert close_code(ours) == (code, read.reason)


def test_a_close_without_a_code_is_1005() -> None:
    assert close_code(b"") == (1005, "")


@pytest.mark.parametrize(
    "value",
    [
        "permessage-foo",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; what=1",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; server_no_context_takeover=1",
    ],
)
def test_an_answer_to_the_offer_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="server"):
        agreed(value, keep_context=True)


def test_what_the_server_chooses_is_what_holds() -> None:
    assert agreed("", keep_context=True) is None
    assert agreed('permessage-deflate; server_max_window_bits="10"', keep_context=True) == Deflate(10, 15, True, True)
    assert agreed("permessage-deflate; client_no_context_takeover", keep_context=True) == Deflate(15, 15, True, False)
    assert "no_context_takeover" in offer(keep_context=False)


def test_what_cannot_be_decompressed_is_invalid_data() -> None:
    with pytest.raises(Broken) as broken:
        Compression(Deflate()).inflate(b"\xff\xff\xff", MOST, last=True)
    assert broken.value.code == 1007

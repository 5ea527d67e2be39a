"""Frames of a client, cut without the library, however the bytes arrive."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from loadstone.reference.sockets.quick import QuickFrames

KINDS = st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.CLOSE, Opcode.CONT])
MESSAGES = st.lists(st.tuples(KINDS, st.tuples(st.binary(max_size=40), st.sampled_from([0, 1, 126, 65_530])), st.booleans()), max_size=6)


def masked(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin=fin).serialize(mask=True)


@settings(deadline=None)  # time is no property of frames, least of all on a busy machine
@given(MESSAGES, st.lists(st.integers(50, 9_000), min_size=1, max_size=20))
def test_any_pieces_give_the_same_frames_simple_ones_unmasked_and_others_as_they_came(
    messages: list[tuple[Opcode, tuple[bytes, int], bool]], sizes: list[int]
) -> None:
    kinds = []
    for opcode, (part, more), whole in messages:
        control = opcode >= Opcode.CLOSE
        kinds.append((opcode, part if control else part + bytes(more), whole or control))
    frames = [masked(opcode, payload, fin=fin) for opcode, payload, fin in kinds]
    due = [
        (int(opcode), payload) if fin and opcode in {Opcode.TEXT, Opcode.BINARY} else (0, raw)
        for (opcode, payload, fin), raw in zip(kinds, frames, strict=True)
    ]
    data, start, quick = b"".join(frames), 0, QuickFrames()
    got: list[tuple[int, bytes]] = []
    turn = 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        got += quick.split(data[start : start + size])
        start, turn = start + size, turn + 1
    assert got == due


def test_a_frame_that_claims_to_be_huge_and_all_after_it_are_left_to_the_library() -> None:
    quick = QuickFrames()
    huge = b"\x82\xff" + (1 << 40).to_bytes(8) + b"abcd1234"
    assert list(quick.split(huge)) == [(0, huge)]
    assert list(quick.split(masked(Opcode.TEXT, b"hello"))) != [(1, b"hello")]


def test_what_is_not_masked_is_left_to_the_library() -> None:
    raw = Frame(Opcode.TEXT, b"hello").serialize(mask=False)
    assert list(QuickFrames().split(raw)) == [(0, raw)]


def test_a_frame_that_is_not_whole_waits() -> None:
    raw = masked(Opcode.TEXT, b"hello")
    quick = QuickFrames()
    assert list(quick.split(raw[:4])) == []
    assert list(quick.split(raw[4:])) == [(1, b"hello")]

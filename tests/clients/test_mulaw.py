"""Mu-law against its formula, and within its error."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.voice import mulaw

EVERY = np.arange(-32_768, 32_768).astype("<i2")


def by_formula(code: int) -> int:
    """The value of a code, bit by bit."""
    inverted = ~code & 0xFF
    size = (((inverted & 15) * 2 + 33) << (inverted >> 4 & 7)) - 33  # on the 14-bit scale
    return (-size if inverted & 0x80 else size) * 4


def test_each_code_has_the_value_of_the_formula() -> None:
    assert [int(each) for each in mulaw.decode_samples(np.arange(256, dtype=np.uint8))] == [by_formula(code) for code in range(256)]
    assert mulaw.encode(b"\0\0") == bytes([mulaw.SILENCE])


def test_a_louder_sample_never_becomes_a_quieter_one() -> None:
    decoded = mulaw.decode_samples(mulaw.encode_samples(EVERY)).astype(np.int64)
    assert (np.diff(decoded) >= 0).all()
    assert len(np.unique(decoded)) == 255  # 0 has two codes


def test_the_error_is_as_small_as_is_said() -> None:
    level = np.abs(EVERY.astype(np.int64))
    error = np.abs(mulaw.decode_samples(mulaw.encode_samples(EVERY)) - EVERY.astype(np.int64))
    assert error[level < 124].max() <= 4
    inside = (level >= 124) & (level <= 32_124)
    assert (error[inside] * 15 <= level[inside]).all()


@given(st.binary(max_size=400))
def test_what_was_mulaw_once_stays_as_it_is(codes: bytes) -> None:
    once = mulaw.decode(codes)
    assert len(once) == 2 * len(codes)
    assert mulaw.decode(mulaw.encode(once)) == once
    assert mulaw.encode(once + b"\1") == mulaw.encode(once)

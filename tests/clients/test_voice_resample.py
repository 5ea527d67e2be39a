"""An agent's rate brought to the call's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.clients.voice.resample import Resampler, mono

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])


@settings(deadline=None)
@given(RATES, RATES, st.lists(st.integers(0, 500), min_size=1, max_size=8))
def test_pieces_give_the_same_as_the_whole(from_hz: int, to_hz: int, sizes: list[int]) -> None:
    sound = np.random.default_rng(1).integers(-32_768, 32_767, sum(sizes)).astype("<i2").tobytes()
    whole, pieces, at, came = Resampler(from_hz, to_hz), Resampler(from_hz, to_hz), 0, b""
    for size in sizes:
        came += pieces.add(sound[2 * at : 2 * (at + size)])
        at += size
    assert came == whole.add(sound)
    assert abs(len(came) / 2 - sum(sizes) * to_hz / from_hz) <= max(1, to_hz / from_hz)


@pytest.mark.parametrize("from_hz", [22_050, 44_100, 8_000])
def test_a_tone_keeps_its_shape(from_hz: int) -> None:
    to_hz = 16_000

    def tone(rate: int) -> np.ndarray:
        return 10_000 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)

    came = np.frombuffer(Resampler(from_hz, to_hz).add(np.round(tone(from_hz)).astype("<i2").tobytes()), "<i2")
    assert np.abs(came - tone(to_hz)[: len(came)]).max() < 40


def test_channels_become_their_mean() -> None:
    assert mono(np.array([100, 300, -5, -7], "<i2").tobytes(), 2) == np.array([200, -6], "<i2").tobytes()
    assert mono(b"\1\0", 1) == b"\1\0"

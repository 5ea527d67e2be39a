"""WAVs of all kinds, whole and broken."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.voice import mulaw
from loadstone.clients.voice.wav import Form, Sound, examined, raw_sound, read_form, read_wav, write_wav

TONE = np.round(12_000 * np.sin(np.arange(1_600) / 5)).astype("<i2")


def wav(
    data: bytes, tag: int = 1, bits: int = 16, channels: int = 1, rate: int = 16_000, size: int | None = None, before: bytes = b""
) -> bytes:
    described = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    size = len(data) if size is None else size
    return b"RIFF\0\0\0\0WAVE" + before + b"fmt " + struct.pack("<I", 16) + described + b"data" + struct.pack("<I", size) + data


@given(st.lists(st.integers(-30_000, 30_000), min_size=1, max_size=300), st.sampled_from([8_000, 16_000, 24_000, 48_000]))
def test_what_is_written_is_read_again(samples: list[int], rate: int) -> None:
    pcm = np.array(samples, "<i2").tobytes()
    sound = read_wav(write_wav(pcm, rate))
    assert (sound.pcm, sound.rate_hz, sound.seconds) == (pcm, rate, len(samples) / rate)


@pytest.mark.parametrize(
    ("data", "tag", "bits", "error"),
    [
        (TONE.tobytes(), 1, 16, 0),
        ((TONE // 256 + 128).astype(np.uint8).tobytes(), 1, 8, 256),
        ((TONE.astype("<i4") * 65_536).tobytes(), 1, 32, 0),
        (b"".join(b"\7" + each.tobytes() for each in TONE), 1, 24, 0),
        ((TONE / 32_767).astype("<f4").tobytes(), 3, 32, 0),
        (mulaw.encode(TONE.tobytes()), 7, 8, 12_000 / 16),
    ],
)
def test_each_encoding_becomes_the_same_samples(data: bytes, tag: int, bits: int, error: float) -> None:
    sound = read_wav(wav(data, tag, bits))
    assert sound.faults == ()
    assert np.abs(np.frombuffer(sound.pcm, "<i2") - TONE.astype(int)).max() <= error


def test_channels_are_averaged_and_other_chunks_passed_over() -> None:
    both = np.stack([TONE, np.zeros_like(TONE)], axis=1).astype("<i2").tobytes()
    sound = read_wav(wav(both, channels=2, before=b"LIST" + struct.pack("<I", 3) + b"abc\0"))
    assert sound.seconds == 0.1
    assert np.abs(np.frombuffer(sound.pcm, "<i2") - TONE / 2).max() <= 0.5


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        (b"", ("empty",)),
        (b"ID3\4 and so on, for a while", ("not_wav",)),
        (b'{"error": "no voice"}', ("not_wav",)),
        (write_wav(TONE.tobytes(), 16_000)[:30], ("truncated",)),
        (write_wav(TONE.tobytes(), 16_000)[:1_000], ("truncated",)),
        (write_wav(TONE.tobytes() + b"\1", 16_000), ("truncated",)),
        (wav(TONE.tobytes(), tag=85), ("bad_format",)),
        (wav(TONE.tobytes(), channels=0), ("bad_format",)),
        (write_wav(b"", 16_000), ("empty",)),
        (write_wav(bytes(3_200), 16_000), ("silent",)),
        (write_wav((np.sign(TONE) * 32_767).astype("<i2").tobytes(), 16_000), ("clipped",)),
        (write_wav(TONE.tobytes(), 13_579), ("odd_rate",)),
        (write_wav(TONE.tobytes(), 16_000), ()),
    ],
)
def test_what_is_wrong_with_a_sound_is_named(data: bytes, faults: tuple[str, ...]) -> None:
    assert read_wav(data).faults == faults


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF])
def test_a_stream_that_did_not_know_its_length_is_whole(size: int) -> None:
    assert read_wav(wav(TONE.tobytes(), size=size)) == Sound(TONE.tobytes(), 16_000, 0.1)


def test_one_loud_peak_is_no_clipping() -> None:
    peaks = np.zeros(1_000, np.int16)
    peaks[[5, 100, 101, 700]] = 32_767
    assert examined(peaks, 16_000).faults == ()
    assert raw_sound(b"\1", 16_000).faults == ("truncated", "empty")


@given(
    st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: b"RIFF\0\0\0\0WAVE" + data) | st.builds(wav, st.binary(max_size=64))
)
def test_no_bytes_raise(data: bytes) -> None:
    form, sound = read_form(data), read_wav(data)
    assert isinstance(form, Form) or sound.faults
    assert len(sound.pcm) <= 2 * len(data)

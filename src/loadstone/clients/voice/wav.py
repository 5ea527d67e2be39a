"""WAV files and streams: what is in them, how long it is, and what is wrong with it; nothing that is wrong raises.

Source: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0" (RIFF), with WAVE_FORMAT_EXTENSIBLE.
"""

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loadstone.clients.voice.mulaw import decode_samples

SoundFault = Literal["empty", "not_wav", "bad_format", "truncated", "odd_rate", "clipped", "silent"]
Encoding = Literal["pcm8", "pcm16", "pcm24", "pcm32", "float32", "mulaw"]
USUAL_RATES_HZ = frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})
FULL_SCALE = 32_124  # the largest level that mu-law knows, so that it clips there, too
SILENT_PEAK = 33  # -60 dB below full scale
CLIPPED_RUN, CLIPPED_SHARE = 3, 0.001
_PCM, _FLOAT, _MULAW, _EXTENSIBLE = 1, 3, 7, 0xFFFE
_ENCODINGS: dict[tuple[int, int], Encoding] = {
    (_PCM, 8): "pcm8",
    (_PCM, 16): "pcm16",
    (_PCM, 24): "pcm24",
    (_PCM, 32): "pcm32",
    (_FLOAT, 32): "float32",
    (_MULAW, 8): "mulaw",
}
_WIDTHS: dict[Encoding, int] = {"pcm8": 1, "pcm16": 2, "pcm24": 3, "pcm32": 4, "float32": 4, "mulaw": 1}
_ENDLESS = 0x7FFF_0000  # a size from here on is a stream's, whose length was not known when its head was written


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound and what is wrong with it.

    pcm:     mono PCM16, channels averaged; empty where it cannot be read
    seconds: of what is there, not of what the head promises
    """

    pcm: bytes
    rate_hz: int
    seconds: float
    faults: tuple[SoundFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """How the bytes of a WAV are to be read.

    start: place of the first byte of sound; size: how many the head promises, None when it does not say
    """

    encoding: Encoding
    rate_hz: int
    channels: int
    start: int
    size: int | None

    @property
    def bytes_per_s(self) -> int:
        """Of sound."""
        return _WIDTHS[self.encoding] * self.channels * self.rate_hz


def read_form(data: bytes) -> Form | SoundFault | None:
    """How the sound is to be read; a fault; or None while the head is not whole."""
    if len(data) < 12:
        return None if data[:4] == b"RIFF"[: len(data)] else "not_wav"
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return "not_wav"
    at, described = 12, b""
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"data":
            return _described(described, at + 8, None if size == 0 or size >= _ENDLESS else size)
        if name == b"fmt ":
            described = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return None


def _described(described: bytes, start: int, size: int | None) -> Form | SoundFault:
    if len(described) < 16:
        return "bad_format"
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", described)
    if tag == _EXTENSIBLE and len(described) >= 26:
        tag = struct.unpack_from("<H", described, 24)[0]
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None or not 1 <= channels <= 8 or not 1_000 <= rate <= 400_000:
        return "bad_format"
    return Form(encoding, rate, channels, start, size)


def read_wav(data: bytes) -> Sound:
    """The sound of a whole WAV."""
    form = read_form(data)
    if not isinstance(form, Form):
        fault: SoundFault = "empty" if not data else form or "truncated"
        return Sound(b"", 0, 0.0, (fault,))
    there = data[form.start :] if form.size is None else data[form.start : form.start + form.size]
    short = form.size is not None and len(there) < form.size
    samples = _samples(there, form)
    return examined(samples, form.rate_hz, truncated=short or len(there) % (_WIDTHS[form.encoding] * form.channels) > 0)


def raw_sound(data: bytes, rate_hz: int) -> Sound:
    """Mono PCM16 without a head."""
    return examined(np.frombuffer(data, "<i2", count=len(data) // 2), rate_hz, truncated=len(data) % 2 > 0)


def _samples(data: bytes, form: Form) -> NDArray[np.int16]:
    width = _WIDTHS[form.encoding]
    frames = len(data) // (width * form.channels)
    data = data[: frames * width * form.channels]
    if form.encoding == "pcm16" and form.channels == 1:
        return np.frombuffer(data, "<i2")
    if form.encoding == "pcm24":
        each = np.frombuffer(data, np.uint8).reshape(-1, 3)
        flat = np.ascontiguousarray(each[:, 1:]).view("<i2").ravel().astype(np.float64)
    elif form.encoding == "mulaw":
        flat = decode_samples(np.frombuffer(data, np.uint8)).astype(np.float64)
    elif form.encoding == "pcm8":
        flat = (np.frombuffer(data, np.uint8).astype(np.float64) - 128) * 256
    elif form.encoding == "float32":
        flat = np.nan_to_num(np.frombuffer(data, "<f4").astype(np.float64)) * 32_767
    elif form.encoding == "pcm32":
        flat = np.frombuffer(data, "<i4") / 65_536
    else:
        flat = np.frombuffer(data, "<i2").astype(np.float64)
    mean = flat.reshape(-1, form.channels).mean(axis=1) if form.channels > 1 else flat
    return np.asarray(np.clip(np.round(mean), -32_768, 32_767), "<i2")


def examined(samples: NDArray[np.int16], rate_hz: int, *, truncated: bool = False) -> Sound:
    """Sound with its faults.

    clipped: more than a thousandth of the samples stand at full scale, three or more in a row
    silent:  nothing rises above -60 dB of full scale
    """
    faults: list[SoundFault] = ["truncated"] if truncated else []
    if rate_hz not in USUAL_RATES_HZ:
        faults.append("odd_rate")
    if not len(samples):
        faults.append("empty")
    else:
        level = np.abs(samples.astype(np.int32))
        if int(level.max()) < SILENT_PEAK:
            faults.append("silent")
        elif _clipped(level >= FULL_SCALE) > CLIPPED_SHARE * len(samples):
            faults.append("clipped")
    return Sound(bytes(np.ascontiguousarray(samples).data), rate_hz, len(samples) / rate_hz, tuple(faults))


def _clipped(full: NDArray[np.bool_]) -> int:
    """Samples in runs at full scale."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], full, [False])).astype(np.int8)))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= CLIPPED_RUN].sum())


def write_wav(pcm: bytes, rate_hz: int) -> bytes:
    """Mono PCM16 as a WAV."""
    riff, form = (b"RIFF", 36 + len(pcm), b"WAVE"), (b"fmt ", 16, _PCM, 1, rate_hz, rate_hz * 2, 2, 16)
    return struct.pack("<4sI4s4sIHHIIHH4sI", *riff, *form, b"data", len(pcm)) + pcm

"""WAV files as the audio endpoints take and give them: PCM16, mono, or channels that are made one."""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import dataclass

import numpy as np

from loadstone.reference.bodies import Refusal

UNKNOWN = 0xFFFFFFFF  # as a length: goes on until the answer ends
_RATES_HZ = range(4_000, 192_001)


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono PCM16."""

    pcm: bytes
    rate_hz: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / self.rate_hz


def read_sound(data: bytes) -> Sound:
    """A WAV as it was sent. Raises Refusal 400 for what is none, is empty, or cannot be heard."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate_hz = file.getsampwidth(), file.getnchannels(), file.getframerate()
            # A head may promise four gigabytes: what is there is taken.
            pcm = file.readframes(min(file.getnframes(), len(data)))
    except (wave.Error, EOFError) as error:
        raise Refusal(400, f"the file is no WAV of PCM samples: {error or 'it is empty'}", param="file", code="invalid_audio") from None
    if width != 2 or rate_hz not in _RATES_HZ or not 1 <= channels <= 8:
        told = f"{8 * width} bits, {rate_hz} Hz, {channels} channels"
        raise Refusal(400, f"PCM of 16 bits can be heard, not {told}", param="file", code="invalid_audio")
    pcm = pcm[: len(pcm) // (2 * channels) * 2 * channels]
    if not pcm:
        raise Refusal(400, "the file has no sound", param="file", code="invalid_audio")
    if channels > 1:
        pcm = np.frombuffer(pcm, "<i2").reshape(-1, channels).mean(axis=1).round().astype("<i2").tobytes()
    return Sound(pcm, rate_hz)


def wav_head(rate_hz: int, size: int | None) -> bytes:
    """The head of a WAV of mono PCM16; `size` bytes follow, None: nobody knows how many."""
    whole = UNKNOWN if size is None else size + 36
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + form + b"data" + struct.pack("<I", UNKNOWN if size is None else size)

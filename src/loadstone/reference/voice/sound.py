"""Sound as samples: the tone that the oracle says, mu-law, and the simple rule by which it hears."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_S = 50
FRAME_S = 1 / FRAMES_PER_S
RATES_HZ = (8_000, 16_000, 24_000, 48_000)
LOUD = 8_000  # amplitude of the tone
# The tone climbs by one step a frame and begins again: each frame holds whole periods, so that frames join without a
# click in any order, and a frame that is missing or in the wrong place can be told by its pitch.
LOWEST_HZ, STEP_HZ, STEPS = 300, 50, 16
_BIAS, _CLIP = 0x84, 32_635


@lru_cache(maxsize=64)
def tone_frame(rate_hz: int, number: int) -> bytes:
    """Frame `number` of the tone: 20 ms of PCM16; the second sample is audible already."""
    samples = rate_hz // FRAMES_PER_S
    pitch_hz = LOWEST_HZ + STEP_HZ * (number % STEPS)
    wave = np.sin(2 * np.pi * pitch_hz * (np.arange(samples) + 0.5) / rate_hz)
    return bytes((LOUD * wave).astype("<i2").tobytes())


def tone(rate_hz: int, seconds: float, lead_s: float = 0.0) -> bytes:
    """`lead_s` of digital silence, then `seconds` of the tone."""
    frames = -(-round(seconds * rate_hz) // (rate_hz // FRAMES_PER_S))
    sound = b"".join(tone_frame(rate_hz, number) for number in range(frames))
    return bytes(2 * round(lead_s * rate_hz)) + sound[: 2 * round(seconds * rate_hz)]


@lru_cache(maxsize=64)
def tone_frames(rate_hz: int, seconds: float, lead_s: float, *, mulaw: bool) -> tuple[bytes, ...]:
    """The same as frames of 20 ms, ready to be sent; the last may be shorter."""
    return tuple(framed(tone(rate_hz, seconds, lead_s), rate_hz, mulaw=mulaw))


def framed(pcm: bytes, rate_hz: int, *, mulaw: bool) -> list[bytes]:
    """PCM16 cut into frames of 20 ms, encoded as they are sent."""
    size = 2 * rate_hz // FRAMES_PER_S
    pieces = [pcm[start : start + size] for start in range(0, len(pcm), size)]
    return [mulaw_of(piece) for piece in pieces] if mulaw else pieces


def mulaw_of(pcm: bytes) -> bytes:
    """PCM16 as mu-law (ITU-T G.711): one byte a sample."""
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    magnitude = np.minimum(np.abs(samples), _CLIP) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code = (exponent << 4) | mantissa | np.where(samples < 0, 0x80, 0)
    return bytes((~code & 0xFF).astype(np.uint8).tobytes())


def _decoded(code: int) -> int:
    code = ~code & 0xFF
    exponent, mantissa = (code >> 4) & 0x07, code & 0x0F
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    return -magnitude if code & 0x80 else magnitude


_DECODE: NDArray[np.int16] = np.array([_decoded(code) for code in range(256)], dtype=np.int16)
_LEVEL = bytes(min(255, abs(_decoded(code)) >> 7) for code in range(256))


def pcm_of(mulaw: bytes) -> bytes:
    """Mu-law as PCM16."""
    return bytes(_DECODE[np.frombuffer(mulaw, np.uint8)].astype("<i2").tobytes())


def peak(native: bytes, *, mulaw: bool) -> int:
    """The loudest sample of a frame as it came, 0 to 32,767 (mu-law: in steps of 128); an odd last byte is not looked at."""
    if mulaw:
        return max(native.translate(_LEVEL), default=0) << 7
    if len(native) < 2:
        return 0
    samples = np.frombuffer(native, "<i2", len(native) // 2)
    return max(int(samples.max()), -int(samples.min()))


def resampled(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """PCM16 at another rate, by straight lines between samples: fine for speech that is to be recognised, not for music."""
    if from_hz == to_hz or len(pcm) < 2:
        return pcm
    samples = np.frombuffer(pcm, "<i2", len(pcm) // 2)
    if from_hz > to_hz and from_hz % to_hz == 0:  # a mean of each group first, or what is too high for the lower rate would fold down
        step = from_hz // to_hz
        whole = samples[: len(samples) // step * step].astype(np.float32)
        return bytes(whole.reshape(-1, step).mean(axis=1).round().astype("<i2").tobytes())
    at = np.arange(int(len(samples) * to_hz / from_hz)) * (from_hz / to_hz)
    return bytes(np.interp(at, np.arange(len(samples)), samples).round().astype("<i2").tobytes())

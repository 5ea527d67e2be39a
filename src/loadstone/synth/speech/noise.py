"""Backgrounds made by formula, and speech with them at a signal-to-noise ratio."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import UsageError
from loadstone.synth.speech.generated import generated
from loadstone.synth.speech.utterance import ACTIVE_DBFS, edges

Kind = Literal["cafe", "pink", "white"]
KINDS: tuple[Kind, ...] = ("cafe", "pink", "white")
VOICES = 6  # who talk at other tables: enough that no word can be told

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int16]


def noise(seed: int, samples: int, rate_hz: int = 16_000, kind: Kind = "cafe") -> FloatArray:
    """So many samples of a background with RMS 1; the same seed gives the same.

    white: equal power per Hz; pink: 3 dB less per octave, above 50 Hz; cafe: six voices that overlap, over pink noise 6 dB below them
    """
    if kind not in KINDS:
        raise UsageError(f"no background is called {kind!r}", hint=", ".join(KINDS))
    draw = np.random.default_rng(seed)
    if not samples:
        return np.zeros(0)
    if kind == "cafe":
        seconds = (samples + rate_hz) / rate_hz
        talk = sum(_shifted(generated(seed * VOICES + voice, seconds, rate_hz).samples, draw) for voice in range(VOICES))
        return _unit(_unit(np.asarray(talk)[:samples]) + 0.5 * _unit(_pink(draw, samples, rate_hz)))
    return _unit(draw.standard_normal(samples) if kind == "white" else _pink(draw, samples, rate_hz))


def with_noise(pcm: bytes, snr_db: float, seed: int = 0, *, rate_hz: int = 16_000, kind: Kind = "cafe") -> bytes:
    """The same speech over a background; the speech itself is untouched, what leaves the range of 16 bits is clipped.

    snr_db: of the power within the edges of the speech (-40 dBFS, 1 ms) to the background's; of silence, to speech at -26 dBFS
    """
    speech = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    spans = edges(speech.astype(np.int16), rate_hz)
    active = np.concatenate([speech[first:last] for first, last in spans]) if spans else np.zeros(0)
    level = float(np.sqrt(np.mean(active**2))) if len(active) else 32768.0 * 10 ** (ACTIVE_DBFS / 20)
    mixed = speech + level * 10 ** (-snr_db / 20) * noise(seed, len(speech), rate_hz, kind)
    return np.clip(np.rint(mixed), -32768, 32767).astype("<i2").tobytes()


def _shifted(talk: IntArray, draw: np.random.Generator) -> FloatArray:
    """One voice begins anywhere in its talk, so that six do not begin together."""
    return np.roll(talk.astype(np.float64), int(draw.integers(len(talk))))


def _pink(draw: np.random.Generator, samples: int, rate_hz: int) -> FloatArray:
    spectrum = np.fft.rfft(draw.standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1 / rate_hz)
    return np.fft.irfft(spectrum * np.where(hertz >= 50.0, 1.0 / np.sqrt(np.maximum(hertz, 50.0)), 0.0), samples)


def _unit(values: FloatArray) -> FloatArray:
    loudness = float(np.sqrt(np.mean(values**2))) if len(values) else 0.0
    return values / loudness if loudness else values

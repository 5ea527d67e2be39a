"""Sound with known edges to feed components with: sentences that ship with Loadstone, so that it is there without any extra."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from loadstone.synth.speech import Utterance, generated

FRAME_MS = 20
LEAD_MS = 300  # before the first word: a detector needs to have heard silence
NOISE_RMS = 12.0  # of 32,768, -69 dBFS: pure digital silence misleads detectors


@dataclass(frozen=True, slots=True)
class Sound:
    """PCM16 little-endian mono, and from which sample to which it can be heard."""

    pcm: bytes
    rate_hz: int
    voiced: tuple[tuple[int, int], ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / self.rate_hz

    def frames(self) -> list[bytes]:
        """Whole frames of 20 ms."""
        size = self.rate_hz * FRAME_MS // 1_000 * 2
        return [self.pcm[at : at + size] for at in range(0, len(self.pcm) - size + 1, size)]


@cache
def sentences(seconds: float, rate_hz: int = 16_000, seed: int = 1) -> Sound:
    """Sentences with pauses between them over noise far below them; the same for the same seed.

    raises: UsageError for a rate that calls do not have
    """
    lead = LEAD_MS * rate_hz // 1_000
    said: Utterance = generated(seed, seconds - LEAD_MS / 1_000, rate_hz)
    samples = np.concatenate([np.zeros(lead, np.float64), said.samples])
    samples += np.random.default_rng(seed).normal(0.0, NOISE_RMS, len(samples))
    pcm = np.clip(np.rint(samples), -32_768, 32_767).astype("<i2").tobytes()
    return Sound(pcm, rate_hz, tuple((first + lead, last + lead) for first, last in said.voiced))

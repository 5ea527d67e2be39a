"""Sound with known edges to feed components with: vowels by formula, so that it is there without any extra."""

from __future__ import annotations

import math
import random
from array import array
from dataclasses import dataclass
from functools import cache

FRAME_MS = 20
VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (530, 1840, 2480),
    (570, 840, 2410),
    (300, 870, 2240),
)  # formants in Hz (Peterson & Barney 1952)
LEVEL = 9_000.0
EDGE_S = 0.005  # of rising and falling


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
def vowels(seconds: float, rate_hz: int = 16_000, seed: int = 1) -> Sound:
    """Phrases of vowels (0.4 to 1.2 s) between silences (0.3 to 0.8 s) with noise far below them; the same for the same seed.

    A detector's cost does not depend on what is said. How well it hears needs speech: this is the body of a voice, without consonants.
    """
    rng = random.Random(seed)
    total = round(seconds * rate_hz)
    samples = [rng.gauss(0.0, 12.0) for _ in range(total)]
    spans: list[tuple[int, int]] = []
    at = round(0.3 * rate_hz)
    while at < total:
        end = min(total, at + round(rng.uniform(0.4, 1.2) * rate_hz))
        if end - at > 0.1 * rate_hz:
            _sing(samples, at, end, rate_hz, rng)
            spans.append((at, end))
        at = end + round(rng.uniform(0.3, 0.8) * rate_hz)
    pcm = array("h", (max(-32_768, min(32_767, round(sample))) for sample in samples))
    return Sound(pcm.tobytes(), rate_hz, tuple(spans))


def _sing(samples: list[float], at: int, end: int, rate_hz: int, rng: random.Random) -> None:
    """Harmonics of a gliding pitch, louder near the formants of vowels that follow each other every 150 ms."""
    pitch_hz, edge = rng.uniform(100, 200), EDGE_S * rate_hz
    syllable = max(1, round(0.15 * rate_hz))
    amplitudes: list[tuple[int, float]] = []
    for index in range(end - at):
        if index % syllable == 0:
            formants = rng.choice(VOWELS)
            top = min(3_600.0, rate_hz / 2 - 200)
            amplitudes = [(n, _loudness(n * pitch_hz, formants)) for n in range(1, int(top / pitch_hz))]
            whole = sum(amplitude for _, amplitude in amplitudes)
        angle = 2 * math.pi * pitch_hz * index / rate_hz
        value = sum(amplitude * math.sin(n * angle) for n, amplitude in amplitudes) / whole
        samples[at + index] += LEVEL * min(1.0, (index + 1) / edge, (end - at - index) / edge) * value


def _loudness(frequency_hz: float, formants: tuple[int, ...]) -> float:
    return sum(1 / (1 + ((frequency_hz - formant) / 90) ** 2) for formant in formants) + 0.02

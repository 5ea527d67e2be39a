"""When has a caller finished? A turn detector, what it is fed, and what it did in each silence."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from loadstone.stats.turn_taking import Silence
from loadstone.synth.speech import joined, names, utterance
from loadstone.synth.speech.shipped import PAUSES_MS
from loadstone.voice_parts.sound import FRAME_MS, NOISE_RMS, Sound

LEAD_MS = 300
END_MS = 3_000  # of silence after the last word, in which the turn should be taken
SHORTEST_MS, LONGEST_MS = 260, 1_500  # of a pause; shorter silences belong to speech
PARTS = 3  # sentences of one turn, so that it has two pauses
DEFAULT_WAIT_MS = 500


class PauseDetector:
    """Takes the turn when webrtcvad has heard nobody for so long, after somebody has spoken; once for each silence.

    wait_ms: since the last frame with speech in it
    """

    def __init__(self, rate_hz: int, wait_ms: int = DEFAULT_WAIT_MS) -> None:
        from loadstone.voice_parts.detectors import WebrtcDetector

        self._speech, self._wait = WebrtcDetector(rate_hz), wait_ms // FRAME_MS
        self._silent = self._wait  # nobody has spoken yet

    def __call__(self, frame: bytes) -> bool:
        """Has the caller finished with this frame?"""
        if self._speech(frame):
            self._silent = 0
            return False
        self._silent += 1
        return self._silent == self._wait


def turn(seed: int, rate_hz: int = 16_000) -> Sound:
    """One turn of a caller: three sentences, two pauses of a length drawn by the seed, and silence at its end."""
    draw = random.Random(seed)
    known = [name for name in names() if name not in PAUSES_MS]
    pauses = [draw.randint(SHORTEST_MS, LONGEST_MS) for _ in range(PARTS - 1)]
    said = joined(f"turn_{seed}", [utterance(name, rate_hz) for name in draw.sample(known, PARTS)], pauses).within(LEAD_MS, END_MS)
    noise = np.random.default_rng(seed).normal(0.0, NOISE_RMS, len(said.pcm) // 2)
    pcm = np.clip(np.rint(said.samples + noise), -32_768, 32_767).astype("<i2").tobytes()
    return Sound(pcm, rate_hz, said.voiced)


def silences(taken: Sequence[bool], sound: Sound) -> list[Silence]:
    """What a detector did in each silence after speech, as stats.turn_taking judges it.

    taken: for each frame of 20 ms, whether the detector said that the caller has finished
    accuracy: the end of the frame with which it was said
    """
    found = []
    for number, (_, end) in enumerate(sound.voiced):
        until = sound.voiced[number + 1][0] if number + 1 < len(sound.voiced) else None
        start_ns = _ns(end, sound.rate_hz)
        until_ns = _ns(until, sound.rate_hz) if until is not None else None
        stop_ns = until_ns if until_ns is not None else len(taken) * FRAME_MS * 1_000_000 + 1
        at = next((_end_ns(index) for index, said in enumerate(taken) if said and start_ns <= _end_ns(index) < stop_ns), None)
        found.append(Silence(until_ns - start_ns if until_ns is not None else None, at - start_ns if at is not None else None))
    return found


def _end_ns(frame: int) -> int:
    return (frame + 1) * FRAME_MS * 1_000_000


def _ns(sample: int, rate_hz: int) -> int:
    return sample * 1_000_000_000 // rate_hz

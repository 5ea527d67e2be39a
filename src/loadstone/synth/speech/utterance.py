"""Something that was said, and exactly when it can be heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import UsageError
from loadstone.synth.speech.resample import resampled

RATES_HZ = (8_000, 16_000, 24_000, 48_000)
FRAME_MS = 20
EDGE_DBFS = -40.0  # RMS of one millisecond, 5 dB above what is taken for audible; speech itself is made -26 dBFS loud
DENSE, DENSE_OF = 5, 10  # so many milliseconds of ten are loud in a stretch: the burst of a plosive alone begins none
ACTIVE_DBFS = -26.0  # customary in tests of telephony: ITU-T P.56, P.830
JOINED_MS = 250  # silence within words, as before a plosive, and between words spoken in one go; longer ones are pauses

Spans = tuple[tuple[int, int], ...]
IntArray = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech with exact edges: outside `voiced` all samples are 0.

    pcm:    PCM16 little-endian, mono
    text:   what is said, as it is written
    voiced: first sample, and first sample after it, of each stretch; whole milliseconds
    """

    name: str
    pcm: bytes
    rate_hz: int
    text: str
    voiced: Spans

    @property
    def seconds(self) -> float:
        """How long it lasts, silence around it included."""
        return len(self.pcm) / 2 / self.rate_hz

    @property
    def pauses(self) -> Spans:
        """Silences within it, in which an agent must not take the turn."""
        return tuple((before[1], after[0]) for before, after in zip(self.voiced, self.voiced[1:], strict=False))

    @property
    def samples(self) -> IntArray:
        """Its samples, to be looked at."""
        return np.frombuffer(self.pcm, dtype="<i2").astype(np.int16)

    def at(self, rate_hz: int) -> Utterance:
        """The same at another rate, with the same edges."""
        if rate_hz == self.rate_hz:
            return self
        check_rate(rate_hz)
        samples = resampled(self.samples, self.rate_hz, rate_hz)
        spans = tuple((first * rate_hz // self.rate_hz, last * rate_hz // self.rate_hz) for first, last in self.voiced)
        return Utterance(self.name, gated(samples, spans).tobytes(), rate_hz, self.text, spans)

    def within(self, before_ms: int, after_ms: int) -> Utterance:
        """The same with more silence around it."""
        before, after = (bytes(2 * self.rate_hz * ms // 1_000) for ms in (before_ms, after_ms))
        shift = len(before) // 2
        spans = tuple((first + shift, last + shift) for first, last in self.voiced)
        return Utterance(self.name, before + self.pcm + after, self.rate_hz, self.text, spans)

    def trimmed(self) -> Utterance:
        """The same without silence around it: the first sample is the first that can be heard."""
        start, end = self.voiced[0][0], self.voiced[-1][1]
        spans = tuple((first - start, last - start) for first, last in self.voiced)
        return Utterance(self.name, self.pcm[2 * start : 2 * end], self.rate_hz, self.text, spans)

    def frames(self) -> list[bytes]:
        """Frames of 20 ms; the last is filled with silence."""
        size = 2 * self.rate_hz * FRAME_MS // 1_000
        return [self.pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(self.pcm), size)]


def joined(name: str, parts: list[Utterance], pauses_ms: list[int]) -> Utterance:
    """Several said one after the other; pause n lasts exactly so long, from the last sound of part n to the first of the next.

    raises: ValueError unless all have the same rate, and there is one pause fewer than parts
    """
    rate_hz = parts[0].rate_hz
    if any(part.rate_hz != rate_hz for part in parts):
        raise ValueError("utterances of different rates cannot be joined")
    pcm, spans = b"", list[tuple[int, int]]()
    for part, pause_ms in zip((part.trimmed() for part in parts), [*pauses_ms, 0], strict=True):
        shift = len(pcm) // 2
        spans += [(first + shift, last + shift) for first, last in part.voiced]
        pcm += part.pcm + bytes(2 * rate_hz * pause_ms // 1_000)
    return Utterance(name, pcm, rate_hz, " ".join(part.text for part in parts), tuple(spans))


def from_sound(name: str, samples: IntArray, rate_hz: int, text: str) -> Utterance:
    """An utterance of anything recorded or synthesized: made -26 dBFS loud, trimmed at -40 dBFS, silent outside its edges.

    Edges are those of what lies below 4 kHz, so that they are the same at every rate; an s alone is no edge.
    raises: UsageError for a rate that calls do not have, and where nothing can be heard
    """
    check_rate(rate_hz)
    loudness = _rms(samples[samples != 0])
    spans = _telephone_edges(_scaled(samples, loudness), rate_hz) if loudness else ()
    if not spans:
        raise UsageError(f"in the sound of {name!r} nothing can be heard", hint="a file of PCM16, mono, of speech")
    level = _scaled(samples, _rms(np.concatenate([samples[first:last] for first, last in spans])))
    spans = _telephone_edges(level, rate_hz)
    return Utterance(name, gated(level, spans).tobytes(), rate_hz, text, spans).trimmed()


def _telephone_edges(samples: IntArray, rate_hz: int) -> Spans:
    times = rate_hz // RATES_HZ[0]
    return tuple((first * times, last * times) for first, last in edges(resampled(samples, rate_hz, RATES_HZ[0]), RATES_HZ[0]))


def _rms(samples: IntArray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0


def edges(samples: IntArray, rate_hz: int, dbfs: float = EDGE_DBFS) -> Spans:
    """Stretches of milliseconds louder than a level, where at least 5 of 10 are; joined where at most 250 ms lie between."""
    per_ms = rate_hz // 1_000
    whole = len(samples) // per_ms * per_ms
    if whole < DENSE_OF * per_ms:
        return ()
    powers = np.mean(samples[:whole].astype(np.float64).reshape(-1, per_ms) ** 2, axis=1)
    loud = powers > 32768.0**2 * 10 ** (dbfs / 10)
    dense = np.flatnonzero(np.convolve(loud, np.ones(DENSE_OF), "valid") >= DENSE)
    kept = np.zeros(len(loud), dtype=np.bool_)
    for place in range(DENSE_OF):
        kept[dense + place] |= loud[dense + place]
    found = np.flatnonzero(kept)
    if not len(found):
        return ()
    breaks = np.flatnonzero(np.diff(found) > JOINED_MS)
    firsts, lasts = found[np.concatenate(([0], breaks + 1))], found[np.concatenate((breaks, [len(found) - 1]))] + 1
    return tuple((int(first) * per_ms, int(last) * per_ms) for first, last in zip(firsts, lasts, strict=True))


def gated(samples: IntArray, spans: Spans) -> IntArray:
    """The samples with nothing but zeros outside the stretches."""
    kept = np.zeros_like(samples)
    for first, last in spans:
        kept[first:last] = samples[first:last]
    return kept


def check_rate(rate_hz: int) -> None:
    """Raises UsageError for a rate that calls do not have."""
    if rate_hz not in RATES_HZ:
        raise UsageError(f"{rate_hz} Hz is no rate of calls", hint=", ".join(map(str, RATES_HZ)))


def _scaled(samples: IntArray, loudness: float) -> IntArray:
    scale = 32768.0 * 10 ** (ACTIVE_DBFS / 20) / loudness
    scaled: IntArray = np.clip(np.rint(samples * scale), -32768, 32767).astype(np.int16)
    return scaled

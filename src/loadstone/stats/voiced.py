"""What is audible in a stream of samples: where sound begins and where it ends, to the millisecond."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

AUDIBLE_DBFS = -45.0  # 19 dB below speech at its customary -26 dBFS; comfort noise lies at -50 to -70, blind dither below -90
MARGIN_DB = 7.0  # how far above a steady background something must be
HIGHEST_FLOOR_DBFS = -36.0  # a background never hides what is louder than this and the margin
FLOOR_MS = 3_000  # a sound becomes background when it has not paused for so long
HANGOVER_MS = 200  # silence that ends a sound; the pauses of plosives are shorter
WINDOW_MS = 10
FEWEST_MS = 5  # so many of a window's milliseconds are loud where sound begins; clicks are shorter
FRAME_MS = 20
_DC_SHARE = 1 / 16  # of a frame's mean, by which the estimate of a constant offset follows
_FULL_SCALE = 32768.0
_SILENT_DBFS = -96.0
_WINDOW = (1 << WINDOW_MS) - 1
_PAST = _WINDOW >> 1
_LEARN_EVERY = 10  # frames

IntArray = NDArray[np.int16]


class Edge(NamedTuple):
    """Where sound begins, or the first sample after its end; counted from the first sample added."""

    sample: int
    onset: bool


class Voiced:
    """Tells the edges of sound in PCM16 that comes in pieces of any size.

    rate_hz:       at least 8,000 and a multiple of 1,000
    audible_dbfs:  RMS of a millisecond that counts as sound; 0 dBFS is a square wave of full scale
    floor_dbfs:    level of a steady background that is known beforehand; otherwise it is learnt in 3 s
    accuracy:      1 ms where sound begins and ends sharply; an onset is told once 5 of 10 ms are loud, an end 200 ms after it
    """

    __slots__ = (
        "_audible",
        "_dc",
        "_edges",
        "_floor",
        "_frames",
        "_last_ms",
        "_levels",
        "_ms",
        "_per_ms",
        "_recent",
        "_rest",
        "_threshold",
        "active",
    )

    def __init__(self, rate_hz: int, *, audible_dbfs: float = AUDIBLE_DBFS, floor_dbfs: float = _SILENT_DBFS) -> None:
        if rate_hz < 8_000 or rate_hz % 1_000:
            raise ValueError(f"a rate of at least 8000 Hz in whole thousands was meant, not {rate_hz}")
        self.active = False
        self._per_ms = rate_hz // 1_000
        self._audible = _power(audible_dbfs)
        self._floor = _power(floor_dbfs)
        self._levels: deque[float] = deque(maxlen=FLOOR_MS // FRAME_MS)
        self._threshold = 0.0
        self._set_threshold(self._floor)
        self._dc: float | None = None
        self._ms = 0  # milliseconds that were looked at
        self._recent = 0  # which of the newest were loud, a bit for each
        self._last_ms = 0  # end of the newest loud one
        self._frames = 0
        self._rest = b""
        self._edges: list[Edge] = []

    def add(self, pcm: bytes) -> list[Edge]:
        """Edges that these samples made certain, in order; each is told once. Samples are looked at 20 ms at a time."""
        if self._rest:
            pcm = self._rest + pcm
        samples = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // 2)
        frame = FRAME_MS * self._per_ms
        whole = len(samples) // frame * frame
        for first in range(0, whole, frame):
            self._look(samples[first : first + frame])
        self._rest = pcm[2 * whole :]
        return self._told()

    def end(self) -> list[Edge]:
        """Edges of what is left when the stream ends: a sound that lasts until then ends there."""
        left = len(self._rest) // 2 // self._per_ms * self._per_ms
        if left:
            self._look(np.frombuffer(self._rest, dtype="<i2", count=left))
        self._rest = b""
        if self.active:
            self._close()
        return self._told()

    @property
    def last_voiced(self) -> int | None:
        """First sample after the newest sound, known before any hangover is over; None before the first."""
        return self._last_ms * self._per_ms if self._last_ms else None

    def _told(self) -> list[Edge]:
        edges, self._edges = self._edges, []
        return edges

    def _look(self, samples: IntArray) -> None:
        frame = samples.astype(np.float32)
        # A median is 0 also where sound begins within the first frame.
        dc = self._dc
        dc = float(np.median(frame)) if dc is None else dc + _DC_SHARE * (float(np.add.reduce(frame)) / len(frame) - dc)
        self._dc = dc
        frame -= dc
        blocks = frame.reshape(-1, self._per_ms)
        powers = np.einsum("ij,ij->i", blocks, blocks)
        loud = int.from_bytes(np.packbits(powers > self._threshold * self._per_ms).tobytes(), "big") >> -len(blocks) % 8
        if loud:
            self._hear(loud, len(blocks))
        else:
            self._recent = 0
        self._ms += len(blocks)
        if self.active and self._ms - self._last_ms >= HANGOVER_MS:
            self._close()
        self._learn(float(np.add.reduce(powers)) / len(frame))

    def _hear(self, loud: int, n: int) -> None:
        """Takes n milliseconds, the newest in the lowest bit, of which at least one is loud."""
        course = self._recent << n | loud
        self._recent = course & _PAST
        if not self.active:
            for older in range(n - 1, -1, -1):
                window = course >> older & _WINDOW
                if window.bit_count() >= FEWEST_MS:
                    self.active = True
                    self._edges.append(Edge((self._ms + n - older - window.bit_length()) * self._per_ms, onset=True))
                    break
            else:
                return
        for older in range(n):
            window = course >> older & _WINDOW
            if window.bit_count() >= FEWEST_MS:
                # Its newest loud millisecond: the lowest bit that is set.
                self._last_ms = self._ms + n - older - (window & -window).bit_length() + 1
                return

    def _close(self) -> None:
        self.active = False
        self._edges.append(Edge(self._last_ms * self._per_ms, onset=False))

    def _learn(self, power: float) -> None:
        levels = self._levels
        levels.append(power)
        self._frames += 1
        if not self._frames % _LEARN_EVERY and len(levels) == levels.maxlen:
            self._set_threshold(max(min(levels), self._floor))

    def _set_threshold(self, floor: float) -> None:
        above = min(floor, _power(HIGHEST_FLOOR_DBFS)) * 10 ** (MARGIN_DB / 10)
        self._threshold = max(self._audible, above)


def voiced(pcm: bytes, rate_hz: int, *, audible_dbfs: float = AUDIBLE_DBFS) -> list[tuple[int, int]]:
    """First sample and first sample after each stretch of sound; stretches closer than 200 ms are one.

    pcm: PCM16 little-endian, mono; the background is the quietest 20 ms of all of it
    """
    detector = Voiced(rate_hz, audible_dbfs=audible_dbfs, floor_dbfs=_quietest_dbfs(pcm, rate_hz))
    edges = detector.add(pcm) + detector.end()
    return [(edges[i].sample, edges[i + 1].sample) for i in range(0, len(edges) - 1, 2)]


def level_dbfs(pcm: bytes) -> float:
    """RMS of all samples in dB relative to full scale, at least -96; of nothing, -96."""
    samples = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // 2).astype(np.float64)
    return _dbfs(float(np.mean(samples**2))) if len(samples) else _SILENT_DBFS


def _quietest_dbfs(pcm: bytes, rate_hz: int) -> float:
    frame = rate_hz * FRAME_MS // 1_000
    samples = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // 2).astype(np.float64)
    whole = len(samples) // frame * frame
    if whole < 2 * frame:
        return _SILENT_DBFS
    return _dbfs(float(np.min(np.var(samples[:whole].reshape(-1, frame), axis=1))))


def _power(dbfs: float) -> float:
    return _FULL_SCALE**2 * 10 ** (dbfs / 10)


def _dbfs(power: float) -> float:
    return max(_SILENT_DBFS, 10 * float(np.log10(power / _FULL_SCALE**2))) if power > 0 else _SILENT_DBFS

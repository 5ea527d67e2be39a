"""What a caller hears: from audio as it arrives to what was audible when, answer by answer.

Audible is a block of 5 ms whose level is above -45 dBFS; the onset is the first sample of it that reaches that level. A
line's noise lies 15 dB and more below, quiet speech 15 dB above.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from loadstone.clients.voice.playout import Playout
from loadstone.clock import MILLISECOND, SECOND

FLOOR = 184  # of 32,768: -45 dBFS
LOUDEST = 32_700
BLOCK_S = 0.005
# Shorter gaps are the time resolution of the measurement itself, see `measure.voice.MOST_ERROR_MS`.
LEAST_STALL_NS = 5 * MILLISECOND

IntArray = NDArray[np.int16]
_FLOOR_POWER = float(FLOOR * FLOOR)
_highest, _lowest = np.maximum.reduce, np.minimum.reduce


class Answer:
    """What was heard from one moment of the call on, until the next such moment. Times are monotonic ns, 0 for not yet.

    byte_ns:  first audio received
    lead_ns:  first sample due for playout
    onset_ns: first audible sample due for playout
    until_ns: last audible sample due for playout
    complete: the agent said that nothing more of it comes
    over:     nothing more belongs to it: it was followed by a pause
    """

    __slots__ = (
        "byte_ns", "clipped", "complete", "first_loud", "first_sample", "lead_ns", "onset_ns", "over", "samples", "stall_ns", "stalls",
        "until_ns",
    )  # fmt: skip

    def __init__(self) -> None:
        self.byte_ns = self.lead_ns = self.onset_ns = self.until_ns = 0
        self.first_sample = self.first_loud = -1
        self.samples = self.clipped = self.stall_ns = 0
        self.stalls: list[int] = []
        self.complete = self.over = False

    def take_back(self) -> None:
        """Nothing of it was audible before it was cleared: what comes now is its beginning."""
        self.byte_ns = self.lead_ns = self.onset_ns = self.until_ns = 0
        self.first_sample = self.first_loud = -1

    @property
    def audible_ns(self) -> int:
        """From its first audible sample to its last."""
        return max(self.until_ns - self.onset_ns, 0) if self.onset_ns else 0


class Ear:
    """All that one call hears.

    told: called when an answer becomes audible, or gives way
    """

    __slots__ = ("_block", "_last_loud", "_ns_per_sample", "_told", "answer", "cleared_ns", "most_ahead_ns", "playout")

    def __init__(self, rate_hz: int, told: Callable[[], None]) -> None:
        self.playout = Playout(rate_hz)
        self.answer = Answer()
        self.cleared_ns = self.most_ahead_ns = 0
        self._told = told
        self._block = round(rate_hz * BLOCK_S)
        self._ns_per_sample = SECOND / rate_hz
        self._last_loud = -1

    def begin_answer(self) -> Answer:
        """What is heard from here on is another answer."""
        self.answer = Answer()
        return self.answer

    def hear(self, pcm: bytes, at_ns: int) -> None:
        """Audio came."""
        answer, playout = self.answer, self.playout
        start = playout.samples
        gap = playout.add(len(pcm) >> 1, at_ns)
        if not answer.byte_ns:
            answer.byte_ns, answer.first_sample = at_ns, start
        if gap > LEAST_STALL_NS and answer.onset_ns and not answer.over:
            answer.stalls.append(gap)
            answer.stall_ns += gap
        answer.samples += len(pcm) >> 1
        if not answer.lead_ns:
            answer.lead_ns = playout.due_ns(answer.first_sample) or 0
        if playout.until_ns - at_ns > self.most_ahead_ns:
            self.most_ahead_ns = playout.until_ns - at_ns
        self._listen(pcm, start, answer)
        self._place(answer)

    def _listen(self, pcm: bytes, start: int, answer: Answer) -> None:
        sound = np.frombuffer(pcm, np.int16)
        size = len(sound)
        if not size:
            return
        # The reductions themselves: an array's own max and min cost three times as much for so few samples.
        peak = max(int(_highest(sound)), -int(_lowest(sound)))
        if peak < FLOOR:
            return
        if peak >= LOUDEST:
            answer.clipped += int(np.count_nonzero((sound >= LOUDEST) | (sound <= -LOUDEST)))
        if answer.first_loud >= 0:
            # In mid-speech only the end of what is loud is asked for, and nearly always it is the end of the piece.
            last = size % self._block or self._block
            tail = sound[size - last :].astype(np.float32)
            if tail.dot(tail) >= _FLOOR_POWER * last:
                self._last_loud = start + size - 1
                return
        self._look_through(sound, start, answer)

    def _look_through(self, sound: IntArray, start: int, answer: Answer) -> None:
        """Every block of it."""
        block = self._block
        squares = sound.astype(np.float32)
        squares *= squares
        edges = np.arange(0, len(sound), block)
        loud = np.add.reduceat(squares, edges) >= _FLOOR_POWER * np.minimum(block, len(sound) - edges)
        last = len(loud) - 1 - int(loud[::-1].argmax())
        if not loud[last]:
            return
        if answer.first_loud < 0:
            first = int(loud.argmax()) * block
            answer.first_loud = start + first + int((squares[first : first + block] >= _FLOOR_POWER).argmax())
        self._last_loud = start + min((last + 1) * block, len(sound)) - 1

    def _place(self, answer: Answer) -> None:
        """Put the audible samples on the clock; one that still waits for a whole frame is placed when that is there."""
        if answer.first_loud < 0:
            return
        due_ns = self.playout.due_ns
        if not answer.onset_ns:
            onset = due_ns(answer.first_loud)
            if onset is None:
                return
            answer.onset_ns = answer.until_ns = onset
            self._told()
        last = due_ns(self._last_loud)
        if last is not None:
            answer.until_ns = max(answer.until_ns, last + round(self._ns_per_sample))

    def clear(self, at_ns: int) -> int | None:
        """The agent gives way; answers how much of its answer was heard by now, in ms, and None when nothing was being heard."""
        playout, answer = self.playout, self.answer
        interrupted = playout.until_ns > at_ns and answer.first_sample >= 0
        playout.clear(at_ns)
        self.cleared_ns = at_ns
        heard = max(playout.position(at_ns) - answer.first_sample, 0)
        answer.until_ns = min(answer.until_ns, at_ns)
        if answer.first_loud >= 0 and not 0 < answer.onset_ns <= at_ns:
            answer.take_back()
        self._told()
        return round(heard * self._ns_per_sample / MILLISECOND) if interrupted else None

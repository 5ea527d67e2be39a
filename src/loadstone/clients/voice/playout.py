"""A virtual playout buffer: when each sample of the agent would have come out of a loudspeaker.

It plays as soon as one frame is there, without a pause while there is more, and from anew after it ran dry. An agent that
sends ten seconds of speech in one is heard for ten seconds; what is cleared before its turn is never heard.
"""

from __future__ import annotations

from bisect import bisect_right

from loadstone.clock import SECOND

FRAME_S = 0.02
MOST_STRETCHES = 256  # of sound without a gap; those before are forgotten, long after anybody asks


class Playout:
    """Times are monotonic ns, positions are samples since the call began.

    samples:  how many have come, heard or not
    until_ns: when the last of them has been heard; in the past when the buffer is empty
    """

    __slots__ = ("_dues", "_ends", "_first_frame", "_held", "_ns_per_sample", "_starts", "samples", "until_ns")

    def __init__(self, rate_hz: int) -> None:
        self._ns_per_sample = SECOND / rate_hz
        self._first_frame = round(rate_hz * FRAME_S)
        self._held = 0  # samples that wait for the first frame to be whole
        self.samples = self.until_ns = 0
        self._starts: list[int] = []
        self._dues: list[int] = []
        self._ends: list[int | None] = []  # None: not cut

    def add(self, count: int, at_ns: int) -> int:
        """So many samples came; answers for how long the loudspeaker had nothing to say before them, 0 for the first of all."""
        self.samples += count
        if self.playing(at_ns):
            self.until_ns = self._dues[-1] + round((self.samples - self._starts[-1]) * self._ns_per_sample)
            return 0
        self._held += count
        if self._held < self._first_frame:
            return 0
        gap = at_ns - self.until_ns if self._starts else 0
        self._begin(self.samples - self._held, at_ns)
        return gap

    def playing(self, at_ns: int) -> bool:
        """Is there sound to be heard at that time, as far as it has come?"""
        return at_ns <= self.until_ns and bool(self._starts) and self._ends[-1] is None

    def _begin(self, start: int, at_ns: int) -> None:
        if len(self._starts) >= MOST_STRETCHES:
            for column in (self._starts, self._dues, self._ends):
                del column[: MOST_STRETCHES // 2]
        if self._starts and self._ends[-1] is None:
            self._ends[-1] = start
        self._starts.append(start)
        self._dues.append(at_ns)
        self._ends.append(None)
        self.until_ns = at_ns + round(self._held * self._ns_per_sample)
        self._held = 0

    def clear(self, at_ns: int) -> None:
        """What was not heard by then is thrown away."""
        if self.playing(at_ns):
            self._ends[-1] = self.position(at_ns)
            self.until_ns = at_ns
        elif self._starts and self._ends[-1] is None:
            self._ends[-1] = self.samples - self._held  # what waited for a whole frame belongs to no stretch
        self._held = 0

    def position(self, at_ns: int) -> int:
        """How many samples have been heard by then, as a position."""
        if not self._starts:
            return 0
        last = self._ends[-1] if self._ends[-1] is not None else self.samples - self._held
        return min(last, self._starts[-1] + max(int((at_ns - self._dues[-1]) / self._ns_per_sample), 0))

    def due_ns(self, sample: int) -> int | None:
        """When this sample is due to be heard; None when it is not, because it was cleared, forgotten, or waits for a whole frame."""
        at = bisect_right(self._starts, sample) - 1
        if at < 0:
            return None
        end = self._ends[at]
        if sample >= (end if end is not None else self.samples - self._held):
            return None
        return self._dues[at] + round((sample - self._starts[at]) * self._ns_per_sample)

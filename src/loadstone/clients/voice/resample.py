"""From an agent's own rate to the call's, piece by piece, by straight lines between samples.

Onsets and levels stay where they are (an edge moves by less than one sample of the lower rate); what lies above half of the
lower rate folds down, which matters to a listener's taste, not to when something is heard.
"""

import numpy as np


class Resampler:
    """One direction of one call; keeps the last sample and the place of the next."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from, self._to = from_hz, to_hz
        self._last = np.zeros(0, np.int16)
        self._next = 0  # place of the next output, in units of 1 / to_hz input samples, counted from the kept sample

    def add(self, pcm: bytes) -> bytes:
        """The samples that have become due; over a whole stream as many as its length asks for, at most one missing."""
        samples = np.concatenate((self._last, np.frombuffer(pcm, "<i2", count=len(pcm) // 2)))
        if self._from == self._to or not len(samples):
            return pcm
        end = (len(samples) - 1) * self._to  # the last place that lies between two samples
        places = np.arange(self._next, end + 1, self._from, dtype=np.int64)
        self._last = samples[-1:]
        self._next = (int(places[-1]) + self._from if len(places) else self._next) - end
        index, share = np.divmod(places, self._to)
        left = samples[index].astype(np.int64)
        right = samples[np.minimum(index + 1, len(samples) - 1)].astype(np.int64)
        return bytes((left + (right - left) * share // self._to).astype("<i2").data)


def mono(pcm: bytes, channels: int) -> bytes:
    """Channels that alternate, as their mean; samples that do not fill all channels are left out."""
    if channels == 1:
        return pcm
    whole = len(pcm) // (2 * channels) * channels
    each = np.frombuffer(pcm, "<i2", count=whole).reshape(-1, channels)
    return bytes(each.mean(axis=1).round().astype("<i2").data)

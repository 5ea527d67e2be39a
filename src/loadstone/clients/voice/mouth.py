"""What a caller says: one frame every 20 ms on an absolute clock, silence when there is nothing to say.

A frame costs one entry of the worker's timer and one message; no task is woken. A frame that is late does not delay those
after it: frame n is due at start + n * 20 ms, whatever became of the ones before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from loadstone.clock import MILLISECOND, Deadline, Timers
from loadstone.measure.recorder import Column

FRAME_NS = 20 * MILLISECOND
FRAMES_PER_S = 50


class Utterance(Protocol):
    """Speech with known edges.

    pcm:    mono PCM16, little-endian
    voiced: (start, end) of its stretches of voice, in samples
    """

    @property
    def pcm(self) -> bytes: ...  # noqa: D102  said above

    @property
    def text(self) -> str: ...  # noqa: D102

    @property
    def voiced(self) -> Sequence[tuple[int, int]]: ...  # noqa: D102


class Speech:
    """An utterance cut into frames, up to its last voiced one.

    first, last: frames with the first and the last voiced sample
    """

    __slots__ = ("first", "frames", "last", "text")

    def __init__(self, utterance: Utterance, rate_hz: int) -> None:
        samples = rate_hz // FRAMES_PER_S
        start, end = utterance.voiced[0][0], utterance.voiced[-1][1]
        self.first, self.last = start // samples, max(end - 1, start) // samples
        size = 2 * samples
        pcm = utterance.pcm
        self.frames = [pcm[at : at + size].ljust(size, b"\0") for at in range(0, (self.last + 1) * size, size)]
        self.text = utterance.text


class Mouth:
    """The frames of one call.

    send:       hands one frame over; answers when, in ns
    every_second: called before each fiftieth frame
    """

    __slots__ = (
        "_at", "_closed", "_deadline", "_done", "_due_ns", "_every_second", "_lateness", "_left", "_mute", "_send", "_silence", "_speech",
        "_timers", "frames", "voiced_from_ns", "voiced_until_ns",
    )  # fmt: skip

    def __init__(
        self, timers: Timers, rate_hz: int, send: Callable[[bytes], int], lateness: Column, every_second: Callable[[], None]
    ) -> None:
        self._timers, self._send, self._lateness, self._every_second = timers, send, lateness, every_second
        self._silence = bytes(2 * (rate_hz // FRAMES_PER_S))
        self._speech: Speech | None = None
        self._done: asyncio.Future[None] | None = None
        self._at = self._due_ns = 0
        self._mute = self._closed = False
        self._left = FRAMES_PER_S
        self._deadline: Deadline | None = None
        self.frames = 0
        self.voiced_from_ns = self.voiced_until_ns = 0  # of what was said last; 0 until it was sent

    def begin(self, at_ns: int) -> None:
        """Frames from then on."""
        self._due_ns = at_ns
        self._deadline = self._timers.at(at_ns, self._tick)

    def say(self, speech: Speech) -> asyncio.Future[None]:
        """Say this with the frames to come; the future ends with its last voiced one, or with `close`."""
        self._speech, self._at = speech, 0
        self.voiced_from_ns = self.voiced_until_ns = 0
        done = self._done = asyncio.get_running_loop().create_future()
        if self._closed:  # nobody is there to hear it
            self._finish()
        return done

    def mute(self, *, on: bool) -> None:
        """Send nothing at all, as a caller whose microphone is off; the clock goes on."""
        self._mute = on

    def close(self) -> None:
        """No more frames, and nothing more to say."""
        self._closed = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._finish()

    def _finish(self) -> None:
        self._speech = None
        done, self._done = self._done, None
        if done is not None and not done.done():
            done.set_result(None)

    def _tick(self) -> None:
        due = self._due_ns
        self._due_ns = following = due + FRAME_NS
        self._deadline = self._timers.at(following, self._tick)  # first: a send may find the connection gone, and close us
        self._left -= 1
        if not self._left:
            self._left = FRAMES_PER_S
            self._every_second()
        speech = self._speech
        if speech is None:
            if self._mute:
                return
            sent = self._send(self._silence)
        else:
            at = self._at
            sent = self._send(speech.frames[at])
            self._at = at + 1
            if at == speech.first:
                self.voiced_from_ns = sent
            if at == speech.last:
                self.voiced_until_ns = sent
                self._finish()
        self._lateness.add(sent - due)
        self.frames += 1

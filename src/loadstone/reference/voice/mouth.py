"""What an agent says, frame by frame in real time, with the ways in which that can go wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from loadstone.reference.sockets.outbox import TEXT, server_frame
from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.metronome import Beat
from loadstone.reference.voice.sound import FRAME_S
from loadstone.reference.voice.switches import VoiceSwitches
from loadstone.reference.voice.wording import ANSWER_ENDED, ANSWER_STARTED, CLEAR, Wording

# The first frame leaves at its instant; later ones at the millisecond before, so that many calls wake the process together.
_GRID_S = 0.001


class Share:
    """Says yes to exactly a share of questions, evenly spread."""

    __slots__ = ("_owed", "_share")

    def __init__(self, share: Fraction) -> None:
        self._share, self._owed = share, Fraction(0)

    def __call__(self) -> bool:
        """Is it this one?"""
        if not self._share:
            return False
        self._owed += self._share
        if self._owed < 1:
            return False
        self._owed -= 1
        return True


class Mouth:
    """Says one answer at a time.

    send:  writes a whole frame
    drop:  ends the connection with a close code
    ended: called when an answer has been heard to its end; not when it was cut off
    """

    def __init__(
        self,
        hub: VoiceHub,
        wording: Wording,
        switches: VoiceSwitches,
        send: Callable[[bytes], None],
        drop: Callable[[int], None],
        ended: Callable[[], None],
    ) -> None:
        self._hub, self._wording, self._switches = hub, wording, switches
        self._send, self._drop, self._ended = send, drop, ended
        self._frames: Iterator[bytes] = iter(())
        self._beat: Beat | None = None
        self._number = self._answers = 0
        self._begun = self._heard_until = 0.0
        self._held = b""
        self._drops, self._doubles, self._swaps = Share(switches.drop), Share(switches.duplicate), Share(switches.reorder)
        self._stall_at = round(switches.stall_at_s / FRAME_S)
        self.speaking = False

    @property
    def number(self) -> int:
        """Answers begun."""
        return self._answers

    def tell(self, frame: bytes) -> None:
        """Send something beside the sound; an empty frame is nothing."""
        if frame:
            self._send(frame)

    def say(self, frames: Iterable[bytes], begin: float) -> None:
        """Begin an answer, whose first frame is due at `begin`; one that is being said is cut off without a word."""
        self.hush()
        self.speaking = True
        self._answers += 1
        self._frames, self._number, self._begun, self._heard_until = iter(frames), 0, begin, begin
        self.tell(self._wording.event(ANSWER_STARTED))
        if self._switches.unknown:
            self.tell(server_frame(TEXT, b'{"type":"surprise","event":"surprise"}'))
        if self._switches.garbage:
            self.tell(server_frame(TEXT, b'{"type":'))
        self._step()

    def hush(self) -> None:
        """Stop in the middle of the word."""
        self.speaking = False
        self._held = b""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    def give_way(self) -> None:
        """Stop because the caller speaks, and have what was not heard yet thrown away."""
        self.hush()
        self._hub.counts.yields += 1
        if self._switches.clear:
            self.tell(self._wording.event(CLEAR))
        self.tell(self._wording.event(ANSWER_ENDED))

    def _step(self) -> None:
        """The frame that is due, and the appointment for the next; all of them at once when they are a burst."""
        switches, metronome = self._switches, self._hub.metronome
        self._beat = None
        while self.speaking:
            due = self._due(self._number)
            if switches.close_at_s is not None and due - self._begun >= switches.close_at_s - 1e-9:
                self._hub.counts.closed_in_word += 1
                self.hush()
                self._drop(1011)
                return
            native = next(self._frames, None)
            if native is None:
                self._finish()
                return
            if switches.stall_ms and self._number == self._stall_at:
                self._hub.counts.stalls += 1
            self._utter(native, due)
            self._number += 1
            self._heard_until += FRAME_S
            if switches.speed:
                following = self._due(self._number)
                self._beat = metronome.at(following - following % _GRID_S, self._step)
                return

    def _due(self, number: int) -> float:
        """When frame `number` leaves."""
        switches = self._switches
        due = self._begun + (number * FRAME_S / switches.speed if switches.speed else 0.0)
        if switches.stall_ms and number >= self._stall_at:
            due += switches.stall_ms / 1e3
        return due

    def _utter(self, native: bytes, due: float) -> None:
        counts = self._hub.counts
        if self._drops():
            counts.dropped += 1
            return
        frame = server_frame(TEXT, b"hello? " + bytes(str(self._number), "ascii")) if self._switches.text else self._wording.sound(native)
        if self._swaps() and not self._held:
            counts.reordered += 1
            self._held = frame  # leaves after its successor
            return
        self._write(frame, due)
        if self._doubles():
            counts.duplicated += 1
            self._write(frame, due)
        if self._held:
            held, self._held = self._held, b""
            self._write(held, due)

    def _write(self, frame: bytes, due: float) -> None:
        self._send(frame)
        self._hub.sent(self._hub.metronome.now() - due)

    def _finish(self) -> None:
        """All is sent; it counts as said only when a caller has heard it, which with a burst is later."""
        if self._held:
            held, self._held = self._held, b""
            self._send(held)
        mark = self._wording.mark(f"answer-{self._answers}")
        if mark:
            self._hub.counts.marks += 1
            self.tell(mark)
        self.tell(self._wording.event(ANSWER_ENDED))
        self._beat = self._hub.metronome.at(max(self._heard_until, self._due(self._number)), self._heard)

    def _heard(self) -> None:
        self._beat = None
        self.speaking = False
        self._hub.counts.finished += 1
        self._ended()

"""All voice calls of one backend: how many are served at once, and the truth about what they did."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from loadstone.reference.timer import Timer
from loadstone.reference.voice.metronome import Metronome
from loadstone.reference.voice.studio import Studio
from loadstone.reference.voice.switches import VoiceSwitches

LATE_S = 0.005


@dataclass(slots=True)
class VoiceCounts:
    """Counts since the start of the backend.

    turns:  of callers that ended and were answered, or failed to be
    yields: answers that were cut off because the caller spoke
    transcribed, synthesized: requests to the audio endpoints
    frames_late: of our own sound, sent more than 5 ms after its instant; latest_ms is the worst of them all
    """

    calls: int = 0
    open: int = 0
    open_max: int = 0
    waited: int = 0
    frames_in: int = 0
    voiced_in: int = 0
    wrong_in: int = 0
    turns: int = 0
    greetings: int = 0
    answers: int = 0
    finished: int = 0
    yields: int = 0
    failed: int = 0
    frames_out: int = 0
    frames_late: int = 0
    latest_ms: float = 0.0
    dropped: int = 0
    reordered: int = 0
    duplicated: int = 0
    stalls: int = 0
    closed_in_word: int = 0
    marks: int = 0
    marks_back: int = 0
    leaked_bytes: int = 0
    transcribed: int = 0
    synthesized: int = 0


class VoiceHub:
    """What calls share."""

    def __init__(self, switches: VoiceSwitches, timer: Timer, studio: Studio | None = None) -> None:
        self.switches = switches
        self.metronome = Metronome(timer)
        self.counts = VoiceCounts()
        self._studio = studio
        self.leaked: list[bytes] = []
        self._waiting: deque[Callable[[], None]] = deque()
        self._serving = 0
        self._answers = 0

    @property
    def studio(self) -> Studio:
        """What the calls of the real agent share."""
        assert self._studio is not None, "the application brings it"
        return self._studio

    def close(self) -> None:
        """End what was started for calls."""
        if self._studio is not None:
            self._studio.close()

    def enter(self, begin: Callable[[], None]) -> None:
        """One more call; `begin` is called when a place is free, at once when one is."""
        counts = self.counts
        counts.calls += 1
        counts.open += 1
        counts.open_max = max(counts.open_max, counts.open)
        pool = self.switches.pool
        if pool is not None and self._serving >= pool:
            counts.waited += 1
            self._waiting.append(begin)
            return
        self._serving += 1
        begin()

    def leave(self, begin: Callable[[], None]) -> None:
        """The call is over, served or still waiting."""
        self.counts.open -= 1
        try:
            self._waiting.remove(begin)
        except ValueError:
            self._serving -= 1
            while self._waiting and (self.switches.pool is None or self._serving < self.switches.pool):
                self._serving += 1
                self._waiting.popleft()()

    def leak(self, size: int) -> None:
        """Lose that much memory for good."""
        if size:
            self.leaked.append(b"\x01" * size)
            self.counts.leaked_bytes += size

    def fails(self, every: int) -> bool:
        """Is this answer one of those that fail: each so many of the backend's?"""
        self._answers += 1
        return bool(every) and self._answers % every == 0

    def sent(self, late_s: float) -> None:
        """A frame of sound has left."""
        counts = self.counts
        counts.frames_out += 1
        if late_s > LATE_S:
            counts.frames_late += 1
        if late_s * 1e3 > counts.latest_ms:
            counts.latest_ms = round(late_s * 1e3, 3)

    def as_json(self) -> dict[str, Any]:
        """The truth for /voice and /stats."""
        return asdict(self.counts) | {"waiting": len(self._waiting)}

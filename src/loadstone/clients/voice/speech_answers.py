"""What a recogniser and a synthesiser answered, good or bad, in the form that checks and scripts read."""

from __future__ import annotations

from typing import Any

from loadstone.clients.outcome import Outcome
from loadstone.clients.reply import Reply
from loadstone.clients.voice.wav import Sound, SoundFault
from loadstone.clock import SECOND

# What makes an answer useless; a clipped or an odd one can still be heard.
BAD_ANSWER, NOT_SOUND = "bad_answer", "not_sound"
USELESS: frozenset[SoundFault] = frozenset({"empty", "not_wav", "bad_format", "truncated", "silent"})


class SpeechAnswer(Outcome):
    """One exchange; `failure` says why it was none, or none that is of use."""

    __slots__ = ()

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.failure = reply.failure or ""
        self.reason = reply.reason

    def failed(self, kind: str, why: str) -> None:
        """The first reason stays."""
        if not self.failure:
            self.failure, self.reason = kind, why

    @property
    def body(self) -> bytes:
        """The body, where it was kept."""
        return self._reply.body

    @property
    def took_ns(self) -> int:
        """Sent to last byte."""
        return self._reply.end_ns - self._reply.sent_ns

    def rtf(self, seconds: float) -> float | None:
        """Real-time factor: what it took over the length of the sound; None for sound of no known length."""
        return self.took_ns / SECOND / seconds if seconds > 0 else None


class Recognised(SpeechAnswer):
    """What a recogniser heard.

    words, errors: of the expected text; None when nothing was expected, or nothing came
    first_text_ns: stamp of the first piece of a streamed text; 0 when none came
    heard_s:       the length that the recogniser took the sound for, None when it did not say
    """

    __slots__ = ("errors", "first_text_ns", "heard_s", "text", "words")

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.text = ""
        self.words: int | None = None
        self.errors: int | None = None
        self.first_text_ns = 0
        self.heard_s: float | None = None

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return self._reply.json()

    @property
    def wer(self) -> float | None:
        """Word errors over expected words."""
        return self.errors / self.words if self.words and self.errors is not None else None

    def __repr__(self) -> str:
        return f"<Recognised {self.text[:60]!r}{f' {self.failure}' if self.failure else ''}>"


class Spoken(SpeechAnswer):
    """What a synthesiser said; `sound` is what came, whole or not."""

    __slots__ = ("first_byte_s", "sound", "stall_s")

    def __init__(self, reply: Reply, sound: Sound) -> None:
        super().__init__(reply)
        self.sound = sound
        self.first_byte_s: float | None = None
        self.stall_s = 0.0

    @property
    def text(self) -> str:
        """What came instead of sound."""
        return self._reply.text

    def json(self) -> Any:
        """What can be said of the sound."""
        return {"seconds": self.sound.seconds, "rate_hz": self.sound.rate_hz, "faults": list(self.sound.faults)}

    def __repr__(self) -> str:
        return f"<Spoken {self.sound.seconds:.2f} s{f' {self.failure}' if self.failure else ''}>"

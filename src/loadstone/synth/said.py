"""What callers say, for clients: plug-ins of kind `speech`, so that those who speak need not know where speech comes from."""

from __future__ import annotations

from typing import Protocol
from zlib import crc32

from loadstone.synth.speech import Utterance, names, spoken, utterance, with_noise

# A short question: agents answer it, as they do not answer the shortest utterance, which is a sound of attention.
QUESTION = "time"


class Sound(Protocol):
    """Anything with samples and a text."""

    @property
    def pcm(self) -> bytes: ...  # noqa: D102  said above

    @property
    def text(self) -> str: ...  # noqa: D102


def say(what: str, rate_hz: int) -> Utterance:
    """A shipped utterance by its name, a question for nothing, or a text through a synthesizer; raises UsageError."""
    known, what = names(), what or QUESTION
    return utterance(what, rate_hz) if what in known else spoken(what, rate_hz=rate_hz)


def noisy(sound: Sound, snr_db: float, rate_hz: int) -> bytes:
    """The samples with the noise of a room so far below them; the same text always has the same noise."""
    return with_noise(sound.pcm, snr_db, crc32(sound.text.encode()), rate_hz=rate_hz)

"""What a caller says: speech by name or text from the plug-ins of kind `speech`, or a sound file; cut into frames once."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import NamedTuple

from loadstone.clients.voice.mouth import Speech, Utterance
from loadstone.errors import LoadstoneError, UsageError
from loadstone.plugins import installed
from loadstone.stats.voiced import voiced

MOST_KEPT = 200


class Recorded(NamedTuple):
    """Sound from a file; see mouth.Utterance."""

    pcm: bytes
    voiced: list[tuple[int, int]]
    text: str = ""


class Utterances:
    """The utterances of a plan at one rate."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._known: dict[tuple[str, float | None], Speech] = {}

    def find(self, what: str, snr_db: float | None) -> Speech:
        """A file of PCM16, the name of an utterance, or a text to be spoken; raises UsageError."""
        key = (what, snr_db)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            found = self._known[key] = Speech(self._make(what, snr_db), self._rate_hz)
        return found

    def _make(self, what: str, snr_db: float | None) -> Utterance:
        rate_hz = self._rate_hz
        made: Utterance = recorded(what, rate_hz) if what.lower().endswith(".wav") else installed().get("speech", "say")(what, rate_hz)
        if not made.voiced:
            raise UsageError("nothing in it can be heard", where=f"speak: {what}", hint="speech of -45 dBFS or louder")
        if snr_db is None:
            return made
        noisy: bytes = installed().get("speech", "noise")(made, snr_db, self._rate_hz)
        return Recorded(noisy, list(made.voiced), made.text)


def recorded(file: str, rate_hz: int) -> Recorded:
    """The sound of a file: mono, PCM16, at this rate; raises UsageError.

    The words in it are those of the file beside it that ends in .txt, where there is one.
    """
    path = Path(file)
    try:
        with wave.open(str(path), "rb") as sound:
            form = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            pcm = sound.readframes(sound.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise UsageError(f"cannot be read as sound: {error}", where=file, hint="a WAV file, mono, PCM16") from None
    if form != (1, 2, rate_hz):
        channels, width, rate = form
        what = f"has {channels} channel{'s' * (channels != 1)} of {8 * width} bits at {rate} Hz; the call has 1 of 16 bits at {rate_hz} Hz"
        raise UsageError(what, where=file, hint=f"sox {path.name} -c 1 -b 16 -r {rate_hz} out.wav, or --rate {rate}")
    words = path.with_suffix(".txt")
    try:
        text = words.read_text("utf-8").strip() if words.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise LoadstoneError(f"cannot be read: {error}", where=str(words)) from None
    return Recorded(pcm, voiced(pcm, rate_hz), text)

"""A recogniser and a synthesiser by packages of others."""

from __future__ import annotations

from collections.abc import Iterator

from loadstone.stats.word_error import words
from loadstone.synth.speech import names, utterance
from loadstone.synth.speech.shipped import PAUSES_MS

RATE_HZ = 16_000  # of both


class SphinxRecogniser:
    """Words by pocketsphinx and the model that comes with it; `sentences` close its vocabulary, which makes it quick and good.

    sentences: that may be said, one after another; those with a word that it does not know are left out; empty for free speech, of which it
               hears little
    """

    def __init__(self, rate_hz: int = RATE_HZ, sentences: tuple[str, ...] = ()) -> None:
        import pocketsphinx

        self.rate_hz = rate_hz
        self._decoder = pocketsphinx.Decoder(samprate=float(rate_hz), loglevel="FATAL")
        if sentences:
            known = [text for text in sentences if all(self._decoder.lookup_word(word) for word in text.split())]
            rule = " | ".join(known)
            self._decoder.add_jsgf_string("said", f"#JSGF V1.0; grammar said; public <said> = ( {rule} )+;")
            self._decoder.activate_search("said")

    def __call__(self, pcm: bytes) -> str:
        """All of it at once."""
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()
        return self._text()

    def stream(self, frames: list[bytes]) -> Iterator[str]:
        """What is known after each frame, and what is final after the last."""
        self._decoder.start_utt()
        for frame in frames:
            self._decoder.process_raw(frame)
            yield self._text()
        self._decoder.end_utt()
        yield self._text()

    def _text(self) -> str:
        found = self._decoder.hyp()
        return str(found.hypstr) if found is not None else ""


def shipped_recogniser(rate_hz: int = RATE_HZ) -> SphinxRecogniser:
    """One that listens for the sentences that ship, as a voice agent does for those of its menu: free speech costs many times as much."""
    return SphinxRecogniser(rate_hz, tuple(" ".join(words(utterance(name).text)) for name in names() if name not in PAUSES_MS))


class NanoSynthesiser:
    """Speech by py-nanotts, in this process."""

    rate_hz = RATE_HZ

    def __init__(self, voice: str = "en-GB") -> None:
        import py_nanotts

        self._voice, self._engine = voice, py_nanotts.NanoTTS()

    def __call__(self, text: str) -> bytes:
        """PCM16 at 16 kHz, all of it at once."""
        return bytes(self._engine.speak(text, voice=self._voice))

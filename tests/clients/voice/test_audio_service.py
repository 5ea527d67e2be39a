"""Our recogniser's and synthesiser's client against the backend's audio endpoints, over real sockets."""

from collections.abc import Iterator
from typing import Any

import pytest

from loadstone.clients.voice.speech_answers import Recognised, Spoken
from loadstone.clients.voice.speech_http import SpeechClient
from loadstone.clients.voice.wav import write_wav
from loadstone.reference.process import ReferenceProcess
from loadstone.reference.voice.sound import tone
from loadstone.testing.talk import Talk

SAID = "turn the light on"


@pytest.fixture(scope="module")
def backend() -> Iterator[ReferenceProcess]:
    with ReferenceProcess("--voice", f"transcript={SAID}", "--voice", "speak_s=0.3", "--voice", "first_token_ms=50") as started:
        yield started


@pytest.mark.parametrize("stream", [False, True])
def test_a_sound_is_recognised_with_its_words_counted(backend: ReferenceProcess, stream: bool) -> None:
    async def ask(speech: SpeechClient) -> Recognised:
        return await speech.transcribe(write_wav(tone(16_000, 0.5), 16_000), expected="turn the lamp on", stream=stream)

    talk = Talk(target=backend.url)
    answer = talk.speak("speech", ask)
    assert answer.ok, answer.reason
    assert (answer.text, answer.words, answer.errors) == (SAID, 4, 1)
    assert answer.heard_s == (None if stream else 0.5)
    assert talk.measured.count("voice.stt_requests") == 1


@pytest.mark.parametrize("form", ["wav", "pcm"])
def test_a_text_is_synthesized_and_heard_to_its_end(backend: ReferenceProcess, form: str) -> None:
    async def ask(speech: SpeechClient) -> Spoken:
        return await speech.synthesize("The light is on.", format=form)

    talk = Talk(target=backend.url)
    answer = talk.speak("speech", ask)
    assert answer.ok, answer.reason
    assert answer.sound.seconds == pytest.approx(0.3)
    assert (answer.first_byte_s or 0) >= 0.05
    assert talk.measured.count("voice.tts_faults") is None


def test_a_model_that_is_not_there_is_a_counted_failure(backend: ReferenceProcess) -> None:
    async def ask(speech: SpeechClient) -> Any:
        return await speech.synthesize("Hello", model="nobody")

    talk = Talk(target=backend.url)
    answer = talk.speak("speech", ask)
    assert answer.status == 404
    assert "there is no model" in answer.reason
    assert talk.measured.count("voice.tts_errors") == 1

"""Recognisers and synthesisers over HTTP, against servers that send exactly these bytes."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadstone.clients.limits import Limits
from loadstone.clients.voice.speech_answers import Recognised, Spoken
from loadstone.clients.voice.speech_http import SpeechClient
from loadstone.clients.voice.spoken import dry_ns
from loadstone.clients.voice.wav import write_wav
from loadstone.errors import PlanError
from loadstone.measure.aggregate import Aggregate
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.testing.server import ScriptedServer, Step, always, answer, chunked, hold, read, response, send
from loadstone.testing.talk import Talk

TONE = np.round(12_000 * np.sin(np.arange(8_000) / 5)).astype("<i2").tobytes()
HALF_A_SECOND = write_wav(TONE, 16_000)
JSON, SSE, WAV, RAW = (f"Content-Type: {kind}" for kind in ("application/json", "text/event-stream", "audio/wav", "audio/pcm"))


def ask(conversation: Callable[[SpeechClient], Awaitable[Any]], *steps: Step, **options: Any) -> tuple[Any, Aggregate, list[bytes]]:
    with ScriptedServer(steps) as server:
        talk = Talk(target=server.url, **options)
        came = talk.speak("speech", conversation)
    assert not server.mistakes
    return came, talk.measured, server.requests


def hear(*steps: Step, **options: Any) -> tuple[Recognised, Aggregate]:
    came, measured, _ = ask(lambda speech: speech.transcribe(HALF_A_SECOND, expected="Turn the light on.", **options), *steps)
    return came, measured


def say(*steps: Step, **options: Any) -> tuple[Spoken, Aggregate]:
    came, measured, _ = ask(lambda speech: speech.synthesize("Hello", **options), *steps)
    return came, measured


# -- recognition ----------------------------------------------------------------------------------------------------------


def test_a_sound_becomes_text_time_real_time_factor_and_word_errors() -> None:
    body = json.dumps({"text": "turn the night on", "duration": 0.5}).encode()
    came, measured, requests = ask(
        lambda speech: speech.transcribe(HALF_A_SECOND, expected="Turn the light on.", language="en"), always(answer(response(body, JSON)))
    )
    assert (came.ok, came.text, came.heard_s, came.words, came.errors, came.wer) == (True, "turn the night on", 0.5, 4, 1, 0.25)
    assert HALF_A_SECOND in requests[0]
    for part in (b'name="model"\r\n\r\nwhisper-1', b'name="language"\r\n\r\nen', b'name="response_format"\r\n\r\nverbose_json'):
        assert part in requests[0]
    assert (measured.count("voice.stt_requests"), measured.count("voice.words"), measured.count("voice.wer")) == (1, 4, 1)
    assert measured.count("voice.stt_audio") == 500_000_000
    assert measured.count("voice.stt_errors") is None
    times = measured.distribution("voice.stt_time", {"step": "transcribe", "outcome": "ok"})
    factors = measured.distribution("voice.stt_rtf")
    assert times is not None
    assert factors is not None
    assert factors.quantile(1.0) / 1e6 == pytest.approx(times.quantile(1.0) / 1e9 / 0.5, rel=0.02)


def test_a_plain_text_is_taken_as_it_is() -> None:
    came, _ = hear(always(answer(response(b"turn the light on\n", "Content-Type: text/plain"))), format="text")
    assert (came.text, came.errors) == ("turn the light on", 0)


def test_a_text_that_streams_has_a_first_piece() -> None:
    events = [{"type": "transcript.text.delta", "delta": "turn"}, {"type": "transcript.text.done", "text": "turn the light on"}]
    body = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    came, measured = hear(always(answer(chunked(*body, b"data: [DONE]\n\n", headers=[SSE]))), stream=True)
    first = measured.distribution("voice.stt_first_text")
    assert (came.ok, came.text, came.errors) == (True, "turn the light on", 0)
    assert first is not None
    assert first.count == 1


@pytest.mark.parametrize(
    ("sent", "options", "failure"),
    [
        (response(b"not json", JSON), {}, "bad_answer"),
        (response(b"[]", JSON), {}, "bad_answer"),
        (response(b'{"text": 7}', JSON), {}, "bad_answer"),
        (response(b'{"error": {"message": "no"}}', JSON, status=400), {}, "status"),
        (chunked(b'data: {"type": "transcript.text.delta", "delta": "turn"}\n\n', headers=[SSE]), {"stream": True}, "closed_early"),
        (chunked(b"data: garbage\n\n", headers=[SSE]), {"stream": True}, "bad_answer"),
        (chunked(b'data: {"error": {"message": "busy"}}\n\n', headers=[SSE]), {"stream": True}, "bad_answer"),
    ],
)
def test_an_answer_without_a_text_is_a_typed_failure(sent: bytes, options: dict[str, Any], failure: str) -> None:
    came, measured = hear(always(answer(sent)), **options)
    assert (came.ok, came.failure, came.wer) == (False, failure, None)
    assert measured.count("voice.stt_errors", {"kind": failure}) == 1
    assert measured.count("voice.words") is measured.count("voice.stt_audio") is None
    assert sum(measured.failures.values()) == 1


def test_an_answer_that_never_comes_is_longer_than_anything_recorded() -> None:
    came, measured, _ = ask(lambda speech: speech.transcribe(HALF_A_SECOND), hold(), limits=Limits(first_byte_ns=20_000_000))
    times = measured.distribution("voice.stt_time")
    assert came.failure == "timeout_first_byte"
    assert times is not None
    assert times.beyond == 1


def test_sound_of_unknown_length_has_no_real_time_factor() -> None:
    came, measured, _ = ask(lambda speech: speech.transcribe(b"ID3 an mp3"), always(answer(response(b'{"text": "hi"}', JSON))))
    assert (came.ok, came.text) == (True, "hi")
    assert measured.distribution("voice.stt_rtf") is None


# -- synthesis ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent", [response(HALF_A_SECOND, WAV), chunked(HALF_A_SECOND[:44], HALF_A_SECOND[44:999], HALF_A_SECOND[999:], headers=[WAV])]
)
def test_a_text_becomes_sound_with_its_first_byte_time_and_factor(sent: bytes) -> None:
    came, measured, requests = ask(lambda speech: speech.synthesize("Hello", voice="nova"), always(answer(sent)))
    assert (came.ok, came.sound.seconds, came.sound.rate_hz, came.sound.pcm) == (True, 0.5, 16_000, TONE)
    assert json.loads(requests[0].partition(b"\r\n\r\n")[2]) == {
        "model": "tts-1",
        "input": "Hello",
        "voice": "nova",
        "response_format": "wav",
    }
    assert measured.count("voice.tts_audio") == 500_000_000
    for name in ("voice.tts_first_byte", "voice.tts_time", "voice.tts_rtf", "voice.tts_stall_time"):
        values = measured.distribution(name, {"outcome": "ok"})
        assert values is not None
        assert values.count == 1


def test_raw_sound_has_the_rate_that_was_agreed() -> None:
    came, _ = say(always(answer(chunked(TONE[:100], TONE[100:], headers=[RAW]))), format="pcm", rate_hz=8_000)
    assert (came.ok, came.sound.seconds, came.sound.pcm) == (True, 1.0, TONE)


@pytest.mark.parametrize(
    ("sent", "failure"),
    [
        (response(b'{"detail": "no voice"}', JSON), "not_sound"),
        (response(b"sorry", "Content-Type: text/plain"), "not_sound"),
        (response(b"ID3 an mp3 instead", "Content-Type: audio/mpeg"), "not_wav"),
        (response(b"", WAV), "empty"),
        (response(HALF_A_SECOND[:999], WAV), "truncated"),
        (response(write_wav(bytes(3_200), 16_000), WAV), "silent"),
        (response(b"busy", status=503), "status"),
    ],
)
def test_what_cannot_be_heard_is_a_typed_failure(sent: bytes, failure: str) -> None:
    came, measured = say(always(answer(sent)))
    assert (came.ok, came.failure) == (False, failure)
    assert (measured.count("voice.tts_requests"), measured.count("voice.tts_errors", {"kind": failure})) == (1, 1)
    assert measured.count("voice.tts_audio") is None
    assert measured.distribution("voice.tts_rtf") is None


def test_sound_that_is_clipped_can_be_heard_and_is_counted() -> None:
    loud = (np.sign(np.frombuffer(TONE, "<i2")) * 32_767).astype("<i2").tobytes()
    came, measured = say(always(answer(response(write_wav(loud, 16_000), WAV))))
    assert came.ok
    assert measured.count("voice.tts_faults", {"kind": "clipped"}) == 1


def test_sound_that_breaks_off_keeps_what_came() -> None:
    cut = chunked(HALF_A_SECOND, headers=[WAV]).removesuffix(b"0\r\n\r\n")
    came, _ = say(read(), send(cut))
    assert (came.failure, came.sound.seconds) == ("closed_early", 0.5)


def test_a_listener_waits_where_the_next_sound_is_late() -> None:
    second = 1_000_000_000
    assert dry_ns([], [], 100) == 0
    assert dry_ns([5], [100], 100) == 0
    assert dry_ns([0, second // 2, second], [100, 200, 300], 100) == 0
    # Half a second of sound at 0, the next after one second: half a second without; the third comes in time.
    assert dry_ns([0, second, 3 * second // 2], [50, 150, 200], 100) == second // 2
    assert dry_ns([0, second, 3 * second], [50, 100, 200], 100) == second // 2 + 3 * second // 2


# -- in a file ------------------------------------------------------------------------------------------------------------

PLAN = """
target: http://127.0.0.1:9
scenarios:
  talk:
    profile: {users: 1, duration: 1s}
    steps:
      - transcribe: question.wav
      - synthesize: Hello user ${index}
      - {name: named, transcribe: {file: question.wav, text: Turn it on, stream: true}}
gates:
  - p95(voice.stt_rtf) < 0.5
  - rate(voice.wer) < 10%
  - rate(voice.tts_errors{kind=silent}) < 1%
"""


def test_steps_of_a_file_find_their_sound_beside_it(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(PLAN)
    plan, _ = load([str(tmp_path / "suite.yaml")], Overrides())
    steps = plan.scenarios[0].steps
    assert [step.kind for step in steps] == ["transcribe", "synthesize", "transcribe"]
    assert steps[0].transcribe is not None
    assert steps[0].transcribe.file == str(tmp_path / "question.wav")
    assert steps[0].addresses == ("/v1/audio/transcriptions",)


def test_a_step_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(PLAN.replace("stream: true", "colour: red"))
    with pytest.raises(PlanError, match="colour"):
        load([str(tmp_path / "suite.yaml")], Overrides())


def test_the_body_of_a_redirect_is_no_sound() -> None:
    moved = response(b"moved" * 99, "Location: /there", RAW, status=307, reason="Moved")
    came, measured, _ = ask(lambda speech: speech.synthesize("Hello", format="pcm"), answer(moved, response(TONE, RAW)))
    assert came.ok
    assert came.sound.pcm == TONE
    assert came.first_byte_s > 0
    assert came.stall_s == 0
    assert measured.count("voice.tts_requests") == 1

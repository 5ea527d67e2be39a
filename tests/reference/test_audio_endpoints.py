"""The audio endpoints, in a time that passes only when somebody waits; real parts where they are installed."""

from __future__ import annotations

import io
import json
import wave
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.reference.audio.forms import read_form
from loadstone.reference.audio.waves import read_sound, wav_head
from loadstone.reference.bodies import Refusal
from loadstone.reference.voice import parts, whisper
from loadstone.reference.voice.sound import tone
from loadstone.reference.voice.switches import VoiceSwitches

HEARD, SPOKEN = "/v1/audio/transcriptions", "/v1/audio/speech"
MARK = "----of-a-test"


def wav(pcm: bytes, rate_hz: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate_hz)
        sound.writeframes(pcm)
    return file.getvalue()


def form(**fields: bytes | str) -> bytes:
    body = b""
    for name, value in fields.items():
        file = '; filename="said.wav"' if name == "file" else ""
        content = value.encode() if isinstance(value, str) else value
        body += f'--{MARK}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    return body + f"--{MARK}--\r\n".encode()


def heard(backend: Any, target: str = HEARD, **fields: bytes | str) -> Any:
    body = form(**{"model": "whisper-1", "file": wav(tone(16_000, 1.0)), **fields})
    return backend.ask("POST", target, body, headers={"content-type": f"multipart/form-data; boundary={MARK}"})


def spoken(backend: Any, target: str = SPOKEN, **body: Any) -> Any:
    return backend.ask("POST", target, {"model": "tts-1", "input": "Hello.", "voice": "alloy", **body})


@given(st.dictionaries(st.sampled_from(["model", "file", "a", "b"]), st.binary(max_size=60)))
def test_a_form_gives_back_what_was_put_in_it_also_line_breaks_and_dashes(fields: dict[str, bytes]) -> None:
    assert read_form(f"multipart/form-data; boundary={MARK}", form(**fields)) == fields


@given(st.binary(max_size=200))
def test_what_is_no_form_is_refused_and_never_raises_anything_else(body: bytes) -> None:
    with pytest.raises(Refusal):
        read_form(f"multipart/form-data; boundary={MARK}", body)


@given(st.binary(max_size=120))
def test_what_is_no_sound_is_refused_and_never_raises_anything_else(body: bytes) -> None:
    with pytest.raises(Refusal):
        read_sound(body)


def test_a_sound_of_unknown_length_is_heard_as_far_as_it_goes_and_channels_become_one() -> None:
    pcm = tone(16_000, 0.1)
    assert read_sound(wav_head(16_000, None) + pcm).pcm == pcm
    both = b"".join(pcm[at : at + 2] * 2 for at in range(0, len(pcm), 2))
    assert read_sound(wav(both, channels=2)).pcm == pcm


def test_the_oracle_tells_its_transcript_its_time_after_the_sound_was_there(start: Callable[..., Any]) -> None:
    backend = start(voice=VoiceSwitches(transcript="turn the light on", transcript_ms=250))
    before = backend.timer.now()
    answer = heard(backend, response_format="verbose_json")
    assert backend.timer.now() - before == pytest.approx(0.25)
    assert (answer.json["text"], answer.json["duration"]) == ("turn the light on", 1.0)
    assert heard(backend).json == {"text": "turn the light on"}
    assert heard(backend, response_format="text").body == b"turn the light on\n"
    assert heard(backend, f"{HEARD}?transcript=hello").json == {"text": "hello"}
    assert heard(backend, file=wav(bytes(3_200))).json == {"text": ""}
    assert backend.ask("GET", "/voice").json["transcribed"] == 5


def test_a_transcript_that_streams_comes_in_words_and_then_whole(start: Callable[..., Any]) -> None:
    backend = start(voice=VoiceSwitches(transcript="turn the light on"))
    answer = heard(backend, stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(part.removeprefix("data: ")) for part in answer.body.decode().split("\n\n")[:-1]]
    assert "".join(event["delta"] for event in events[:-1]) == events[-1]["text"] == "turn the light on"
    assert len(events) == 5


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": "nobody"}, 404, "model"),
        ({"file": b"ID3 no sound"}, 400, "file"),
        ({"file": wav(b"\x80" * 100, width=1)}, 400, "file"),
        ({"file": wav(b"")}, 400, "file"),
        ({"response_format": "srt"}, 400, "response_format"),
    ],
)
def test_a_transcription_that_cannot_be_is_refused(backend: Any, fields: dict[str, Any], status: int, param: str) -> None:
    answer = heard(backend, **fields)
    assert (answer.status, answer.error["param"]) == (status, param)


def test_speech_comes_frame_by_frame_at_its_pace_after_the_first_token(start: Callable[..., Any]) -> None:
    backend = start(voice=VoiceSwitches(speak_s=0.2, first_token_ms=100, speed=2))
    answer = spoken(backend, response_format="pcm")
    assert answer.body == tone(24_000, 0.2)
    times = [at for at, chunk in answer.chunks if chunk]
    assert len(times) == 10
    assert times[-1] - times[0] == pytest.approx(9 * 0.01)
    with wave.open(io.BytesIO(spoken(backend).body)) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (24_000, 4_800)
    assert len([chunk for _, chunk in spoken(backend, f"{SPOKEN}?speed=0", response_format="pcm").chunks if chunk]) == 1


def test_speech_as_events_is_the_same_sound(start: Callable[..., Any]) -> None:
    backend = start(voice=VoiceSwitches(speak_s=0.1, speed=0))
    events = [json.loads(part.removeprefix("data: ")) for part in spoken(backend, stream_format="sse").body.decode().split("\n\n")[:-1]]
    assert events[-1] == {"type": "speech.audio.done"}
    assert b"".join(b64decode(event["audio"]) for event in events[:-1])[44:] == tone(24_000, 0.1)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "nobody"}, "model"),
        ({"input": " "}, "input"),
        ({"input": "x" * 4_097}, "input"),
        ({"response_format": "mp3"}, "response_format"),
        ({"stream_format": "smoke"}, "stream_format"),
    ],
)
def test_speech_that_cannot_be_is_refused(backend: Any, body: dict[str, Any], param: str) -> None:
    answer = spoken(backend, **body)
    assert answer.status in {400, 404}
    assert answer.error["param"] == param


def test_each_second_answer_fails_at_the_part_that_is_to(start: Callable[..., Any]) -> None:
    backend = start(voice=VoiceSwitches(fail_every=2, fail_part="stt", speak_s=0.02))
    assert [heard(backend).status for _ in range(4)] == [200, 500, 200, 500]
    assert spoken(backend).status == 200


@pytest.mark.parametrize(("ask", "model"), [(heard, "pocketsphinx"), (heard, whisper.NAME), (spoken, "py-nanotts"), (spoken, "espeak-ng")])
def test_a_part_that_is_missing_is_named_with_the_command_that_installs_it(
    backend: Any, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any], model: str
) -> None:
    for module in (parts, whisper):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.delenv(whisper.FOLDER, raising=False)
    answer = ask(backend, model=model)
    assert (answer.status, answer.error["code"]) == (400, "missing_extra")
    assert "install" in answer.error["message"]


def test_a_folder_without_a_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv(whisper.FOLDER, str(tmp_path))
    assert whisper.weights() is None
    assert str(tmp_path) in whisper.missing()
    (tmp_path / "model.bin").write_bytes(b"weights")
    assert whisper.weights() == tmp_path

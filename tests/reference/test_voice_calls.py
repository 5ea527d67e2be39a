"""Calls over real sockets: the oracle on WebSocket and on plain TCP, and the real agent where its parts are installed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from loadstone.errors import UsageError
from loadstone.reference import real_model
from loadstone.reference.process import ReferenceProcess
from loadstone.reference.spoken_reply import first_sentences
from loadstone.reference.voice import parts, whisper
from loadstone.reference.voice.script import Conversations, is_backchannel, plain, reply_to
from loadstone.reference.voice.sound import mulaw_of, resampled, tone_frame
from loadstone.reference.voice.wording import NotSound
from loadstone.reference.voice.wyoming import WyomingEvents, event_bytes


def missing_model() -> str:
    """Why there is no real language model here; empty when there is one."""
    try:
        real_model.weights()
    except UsageError as error:
        return str(error)
    return ""


needs_whisper = pytest.mark.skipif(bool(whisper.missing()), reason=f"NO WHISPER: {whisper.missing()}")
needs_model = pytest.mark.skipif(bool(missing_model()), reason=f"NO REAL MODEL: {missing_model()}")
needs_parts = pytest.mark.skipif(bool(parts.missing()), reason=f"NO REAL VOICE AGENT: {parts.described()}")
LOUD, QUIET = tone_frame(16_000, 0), bytes(640)


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceProcess]:
    file = tmp_path_factory.mktemp("voice") / "kept.db"
    with ReferenceProcess("--database", file, "--voice", "delay_ms=60", "--voice", "speak_s=0.1") as started:
        started.kept = file  # type: ignore[attr-defined]
        yield started


def truth(backend: ReferenceProcess) -> Any:
    with urllib.request.urlopen(f"{backend.url}/voice", timeout=120) as answer:  # noqa: S310 - our own URL
        return json.loads(answer.read())


def hold(talk: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(talk(), 120)

    return asyncio.run(bounded())


def socket_url(backend: ReferenceProcess, path: str) -> str:
    return f"{backend.url.replace('http', 'ws', 1)}/voice/{path}"


async def heard_until(client: ClientConnection, event: str) -> tuple[list[Any], int]:
    """Events up to that one, and the bytes of sound before it."""
    events: list[Any] = []
    size = 0
    while not events or events[-1].get("type") != event:
        message = await client.recv()
        if isinstance(message, bytes):
            size += len(message)
        else:
            events.append(json.loads(message))
    return events, size


def test_a_call_in_raw_pcm_is_answered_also_when_its_frames_come_in_fragments_with_pings_between(backend: ReferenceProcess) -> None:
    async def talk() -> int:
        async with connect(socket_url(backend, "pcm"), compression=None) as client:
            await client.send(QUIET)
            await client.send([LOUD[:100], LOUD[100:]])
            await asyncio.wait_for(await client.ping(), 120)
            return (await heard_until(client, "answer_ended"))[1]

    before = truth(backend)
    assert hold(talk) == 5 * 640
    after = truth(backend)
    assert [after[name] - before[name] for name in ("calls", "frames_in", "voiced_in", "answers")] == [1, 2, 1, 1]
    assert after["open"] == 0


def test_a_call_with_compression_is_the_same_call(backend: ReferenceProcess) -> None:
    async def talk() -> int:
        async with connect(socket_url(backend, "pcm")) as client:
            await client.send(LOUD)
            return (await heard_until(client, "answer_ended"))[1]

    assert hold(talk) == 5 * 640


def test_an_unknown_switch_refuses_the_call_and_one_set_at_run_time_holds_for_new_calls(backend: ReferenceProcess) -> None:
    async def refused() -> str:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            await connect(socket_url(backend, "pcm?dely_ms=3"))
        return (refusal.value.response.body or b"").decode()

    assert "dely_ms" in hold(refused)
    asked = urllib.request.Request(f"{backend.url}/voice", b'{"speak_s": 0.04}', method="PUT")  # noqa: S310
    urllib.request.urlopen(asked, timeout=120).close()  # noqa: S310

    async def talk() -> int:
        async with connect(socket_url(backend, "pcm")) as client:
            await client.send(LOUD)
            return (await heard_until(client, "answer_ended"))[1]

    assert hold(talk) == 2 * 640
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(urllib.request.Request(f"{backend.url}/voice", b'{"drop": "no"}', method="PUT"), timeout=120)  # noqa: S310
    urllib.request.urlopen(urllib.request.Request(f"{backend.url}/voice", method="DELETE"), timeout=120).close()  # noqa: S310
    assert truth(backend)["switches"]["speak_s"] == 0.1


async def wyoming(backend: ReferenceProcess, sent: bytes, until: str) -> list[tuple[str, dict[str, Any], bytes]]:
    host, port = backend.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    events = WyomingEvents()
    got: list[tuple[str, dict[str, Any], bytes]] = []
    while until not in [name for name, _, _ in got]:
        piece = await reader.read(65_536)
        if not piece:
            break
        got += events.feed(piece)
    writer.close()
    await writer.wait_closed()
    return got


def test_a_call_over_plain_tcp_is_taken_on_the_same_port(backend: ReferenceProcess) -> None:
    form = {"rate": 24_000, "width": 2, "channels": 1}
    sent = event_bytes("ping", {"text": "a"}) + event_bytes("audio-start", form) + event_bytes("audio-chunk", form, tone_frame(24_000, 0))
    got = hold(lambda: wyoming(backend, sent, "audio-stop"))
    assert [name for name, _, _ in got if name != "audio-chunk"] == ["pong", "voice-started", "voice-stopped", "audio-start", "audio-stop"]
    assert sum(len(payload) for _, _, payload in got) == 0.1 * 24_000 * 2
    assert got[0][1] == {"text": "a"}


def test_a_text_is_synthesized_and_what_is_no_event_ends_the_call_with_an_error(backend: ReferenceProcess) -> None:
    got = hold(lambda: wyoming(backend, event_bytes("describe") + event_bytes("synthesize", {"text": "hello"}), "audio-stop"))
    assert [name for name, _, _ in got] == ["info", "audio-start", "audio-chunk", "audio-stop"]
    assert [name for name, _, _ in hold(lambda: wyoming(backend, b'{"no type": 1}\n', "never"))] == ["error"]


def test_wyoming_events_come_whole_from_any_pieces_with_data_beside_the_line() -> None:
    raw = b'{"type": "audio-chunk", "data_length": 14, "payload_length": 4}\n{"rate": 8000}abcd' + event_bytes("ping")
    events = WyomingEvents()
    got = [event for start in range(0, len(raw), 7) for event in events.feed(raw[start : start + 7])]
    assert got == [("audio-chunk", {"rate": 8_000}, b"abcd"), ("ping", {}, b"")]
    for wrong in (b"[]\n", b"x" * 70_000, b'{"type": "a", "payload_length": 99999999999}\n', b'{"type": "a", "data_length": 2}\n[]x'):
        with pytest.raises(NotSound):
            WyomingEvents().feed(wrong)


def test_the_script_replies_by_rule_and_says_nothing_to_a_sign_of_listening(tmp_path: Path) -> None:
    from loadstone.reference.database import Database

    database = Database(tmp_path / "said.db")
    try:
        assert "two large coffees" in reply_to("i would like to order two large coffees", database)
        assert "berlin" in reply_to("can you tell me the weather in berlin tomorrow", database)
        assert "five five five" in reply_to("my number is five five five one two three four", database)
        assert is_backchannel("mm hmm")
        conversations = Conversations(database)
        name = conversations.begin()
        assert conversations.reply(name, "okay") == ""
        assert "not understand" in conversations.reply(name, "")
        assert [row["role"] for row in database.rows("SELECT role FROM messages WHERE session = ?", (name,))] == [
            "user",
            "user",
            "assistant",
        ]
        assert Conversations(database).begin() == "call-2"
    finally:
        database.close()


def test_words_of_a_free_recogniser_are_understood_as_those_of_the_grammar() -> None:
    assert plain("Mm-hm.") == "mm hm"
    assert plain("I'd like TWO coffees, please!") == "i'd like two coffees please"
    assert is_backchannel("Okay.")


def test_a_models_answer_ends_with_its_second_sentence() -> None:
    assert first_sentences("It is 3.5 degrees.  Take a coat! And a hat.") == "It is 3.5 degrees. Take a coat!"
    assert first_sentences("no end at all") == "no end at all"
    assert first_sentences("One. And a half") == "One."


@needs_parts
def test_a_reply_by_a_model_that_was_not_loaded_refuses_the_call_and_says_how_to_have_it(backend: ReferenceProcess) -> None:
    async def talk() -> tuple[int, bytes]:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect(socket_url(backend, "agent/pcm?reply=model"))
        return refused.value.response.status_code, bytes(refused.value.response.body or b"")

    status, told = hold(talk)
    assert status == 400
    assert b"loadstone serve --model smollm2" in told


@needs_parts
@needs_model
def test_the_small_model_replies_and_what_was_said_is_kept() -> None:
    pcm = spoken("what time is it")

    async def talk(backend: ReferenceProcess) -> list[Any]:
        async with connect(socket_url(backend, "agent/pcm?reply=model"), compression=None) as client:
            speaking = asyncio.ensure_future(said_to(client, pcm))
            try:
                return (await heard_until(client, "answer_ended"))[0]
            finally:
                speaking.cancel()

    with ReferenceProcess("--model", "smollm2", ready_within_s=60) as backend:
        said = {event["who"]: event["text"] for event in hold(lambda: talk(backend)) if event["type"] == "transcript"}
    assert said["caller"] == "what time is it"
    assert said["agent"]
    assert "My clock says" not in said["agent"]


def test_without_its_parts_the_real_agent_names_them_and_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    told = parts.described()
    assert "webrtcvad" in told
    assert "pocketsphinx" in told
    assert told.endswith("pip install 'loadstone[voice]'")


def spoken(text: str) -> bytes:
    import py_nanotts

    return bytes(py_nanotts.NanoTTS().speak(text, voice="en-GB", volume=0.3))


async def said_to(client: ClientConnection, pcm: bytes, encode: Callable[[bytes], bytes] = bytes) -> None:
    """Say that at real time, 20 ms a message; then be quiet for as long as the test listens."""
    begin = time.monotonic()
    pcm += bytes(32_000 * 20)
    for number in range(len(pcm) // 640):
        await client.send(encode(pcm[640 * number : 640 * number + 640]))
        await asyncio.sleep(max(0.0, begin + number * 0.02 - time.monotonic()))


@needs_parts
@pytest.mark.parametrize(("query", "encode"), [("", bytes), ("?encoding=mulaw", lambda pcm: mulaw_of(resampled(pcm, 16_000, 8_000)))])
def test_the_real_agent_understands_a_spoken_sentence_and_answers_it(
    backend: ReferenceProcess, query: str, encode: Callable[[bytes], bytes]
) -> None:
    pcm = spoken("what time is it")

    async def talk() -> tuple[list[Any], int]:
        async with connect(socket_url(backend, f"agent/pcm{query}"), compression=None) as client:
            speaking = asyncio.ensure_future(said_to(client, pcm, encode))
            try:
                return await heard_until(client, "answer_ended")
            finally:
                speaking.cancel()

    events, size = hold(talk)
    names = [event["type"] for event in events]
    assert names[:1] + [name for name in names if name.startswith("speech")] == ["ready", "speech_started", "speech_ended"]
    said = {event["who"]: event["text"] for event in events if event["type"] == "transcript"}
    assert said["caller"] == "what time is it"
    assert "clock" in said["agent"]
    assert size > (16_000 if query else 64_000)
    with sqlite3.connect(backend.kept) as kept:  # type: ignore[attr-defined]
        roles = [role for (role,) in kept.execute("SELECT role FROM messages WHERE session LIKE 'call-%' ORDER BY id DESC LIMIT 2")]
    kept.close()
    assert roles == ["assistant", "user"]


@needs_parts
@needs_whisper
def test_the_real_agent_understands_by_whisper_what_no_grammar_holds(backend: ReferenceProcess) -> None:
    pcm = spoken("my garden has a yellow bicycle")

    async def talk() -> list[Any]:
        async with connect(socket_url(backend, "agent/pcm?stt=whisper-tiny.en"), compression=None) as client:
            speaking = asyncio.ensure_future(said_to(client, pcm))
            try:
                return (await heard_until(client, "answer_ended"))[0]
            finally:
                speaking.cancel()

    said = {event["who"]: event["text"] for event in hold(talk) if event["type"] == "transcript"}
    assert "bicycle" in said["caller"]
    assert "understand" in said["agent"]


@needs_parts
@pytest.mark.parametrize("vad", ["webrtc", "silero"])
def test_the_real_agent_gives_way_to_a_caller_who_speaks_into_its_greeting(backend: ReferenceProcess, vad: str) -> None:
    pcm = bytes(32_000 * 2) + spoken("wait, stop")
    if vad == "silero":
        pytest.importorskip("onnxruntime", reason="NO SILERO: onnxruntime is not installed")
        if find_spec("silero_vad") is None:
            pytest.skip("NO SILERO: pip install --no-deps silero-vad")

    async def talk() -> list[Any]:
        async with connect(socket_url(backend, f"agent/pcm?greeting_ms=0&vad={vad}"), compression=None) as client:
            speaking = asyncio.ensure_future(said_to(client, pcm))
            try:
                return (await heard_until(client, "clear"))[0]
            finally:
                speaking.cancel()

    assert [event["type"] for event in hold(talk)][:2] == ["ready", "answer_started"]


@needs_parts
@pytest.mark.parametrize("part", ["vad", "stt", "reply", "tool", "tts"])
def test_a_part_that_fails_each_time_is_named_in_the_error(part: str) -> None:
    pcm = spoken("what time is it")  # which a tool answers

    async def talk(backend: ReferenceProcess) -> Any:
        async with connect(socket_url(backend, "agent/pcm?fail_part=" + part), compression=None) as client:
            speaking = asyncio.ensure_future(said_to(client, pcm))
            try:
                return (await heard_until(client, "error"))[0][-1]
            finally:
                speaking.cancel()

    with ReferenceProcess("--voice", "fail_every=1") as failing:
        assert hold(lambda: talk(failing))["message"] == f"injected fault: {part} failed"

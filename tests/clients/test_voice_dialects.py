"""What each protocol of calls says and hears, without a connection."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.clients.voice import mulaw
from loadstone.clients.voice.dialect import (
    Audio,
    Clear,
    Dialect,
    Heard,
    Mark,
    Payload,
    Ready,
    StreamDialect,
    Transcript,
    TurnEnded,
    TurnStarted,
    Unknown,
    Wrong,
)
from loadstone.clients.voice.dialects import DIALECTS, dialect
from loadstone.clients.voice.pcm import PcmDialect, PcmWords
from loadstone.clients.voice.realtime import SILENT, RealtimeDialect
from loadstone.clients.voice.twilio import TwilioDialect
from loadstone.clients.voice.wyoming import SPOKEN, WyomingDialect, event
from loadstone.errors import UsageError
from loadstone.testing.dialect_conformance import KINDS, DialectConformance, StreamDialectConformance, frame

MULAW_ERROR = 1 / 15


def realtime_audio(pcm: bytes, name: str = "response.output_audio.delta", **more: Any) -> str:
    return json.dumps({"type": name, "item_id": "item_1", "content_index": 0, "delta": base64.b64encode(pcm).decode(), **more})


def twilio_audio(pcm: bytes) -> str:
    return json.dumps({"event": "media", "media": {"payload": base64.b64encode(mulaw.encode(pcm)).decode()}})


def wyoming_audio(pcm: bytes, rate_hz: int = 16_000, **form: Any) -> bytes:
    return event("audio-chunk", {"rate": rate_hz, "width": 2, "channels": 1, **form}, len(pcm)) + pcm


class TestPcm(DialectConformance):
    def make(self) -> Dialect:
        return PcmDialect(16_000)

    def agent_audio(self, dialect: Dialect, pcm: bytes) -> Payload:  # noqa: ARG002
        return pcm


class TestPcmInMulaw(DialectConformance):
    error = MULAW_ERROR

    def make(self) -> Dialect:
        return PcmDialect(8_000, encoding="mulaw")

    def agent_audio(self, dialect: Dialect, pcm: bytes) -> Payload:  # noqa: ARG002
        return mulaw.encode(pcm)


class TestRealtime(DialectConformance):
    def make(self) -> Dialect:
        return RealtimeDialect()

    def agent_audio(self, dialect: Dialect, pcm: bytes) -> Payload:  # noqa: ARG002
        return realtime_audio(pcm)


class TestRealtimeByTelephone(DialectConformance):
    error = MULAW_ERROR

    def make(self) -> Dialect:
        return RealtimeDialect(8_000, generation="beta")

    def agent_audio(self, dialect: Dialect, pcm: bytes) -> Payload:  # noqa: ARG002
        return realtime_audio(mulaw.encode(pcm), "response.audio.delta")


class TestTwilio(DialectConformance):
    error = MULAW_ERROR

    def make(self) -> Dialect:
        return TwilioDialect()

    def agent_audio(self, dialect: Dialect, pcm: bytes) -> Payload:  # noqa: ARG002
        return twilio_audio(pcm)


class TestWyoming(StreamDialectConformance):
    def make(self) -> StreamDialect:
        return WyomingDialect()

    def agent_audio(self, dialect: StreamDialect, pcm: bytes) -> bytes:  # noqa: ARG002
        return wyoming_audio(pcm)


def all_dialects() -> list[Dialect]:
    return [PcmDialect(), RealtimeDialect(), RealtimeDialect(8_000), TwilioDialect()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3),
    max_leaves=8,
)
NAMES = sorted(
    {"media", "mark", "clear", "transcript", "error", "session.updated", "response.done", "response.output_audio.delta", *SILENT}
    | {"conversation.item.input_audio_transcription.completed", "audio-chunk", "audio-start", "voice-started", "info"}
)


@given(st.binary(max_size=2_000) | st.text(max_size=500))
def test_whatever_comes_is_heard_as_something_and_never_raised(payload: Payload) -> None:
    for each in all_dialects():
        assert all(isinstance(heard, KINDS) for heard in each.read(payload))


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(["media", "mark", "delta", "transcript", "session", "text"]), JSON))
def test_known_events_with_any_content_never_raise(name: str, content: dict[str, Any]) -> None:
    for each in all_dialects():
        assert all(isinstance(heard, KINDS) for heard in each.read(json.dumps({"type": name, "event": name, **content})))
    assert all(isinstance(heard, KINDS) for heard in WyomingDialect().feed(json.dumps({"type": name, "data": content}).encode() + b"\n"))


@given(st.binary(max_size=3_000), st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_a_stream_of_anything_never_raises(data: bytes, cuts: list[int]) -> None:
    wyoming, at = WyomingDialect(), 0
    for cut in cuts:
        assert all(isinstance(heard, KINDS) for heard in wyoming.feed(data[at : at + cut]))
        at += cut


@settings(deadline=None)
@given(st.lists(st.binary(min_size=2, max_size=64).map(lambda data: data[: len(data) // 2 * 2]), min_size=1, max_size=8), st.data())
def test_a_stream_is_heard_the_same_however_it_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(wyoming_audio(piece) for piece in pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=10)))
    wyoming, heard = WyomingDialect(), list[Heard]()
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        heard += wyoming.feed(sent[start:end])
    assert heard == [Audio(piece) for piece in pieces]


# -- raw PCM --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ({"type": "ready"}, Ready()),
        ({"type": "clear"}, Clear()),
        ({"type": "interrupted"}, Clear()),
        ({"type": "mark", "name": "m1"}, Mark("m1")),
        ({"type": "mark"}, Wrong("bad_event", "mark without its name")),
        ({"type": "transcript", "text": "hello"}, Transcript("hello", final=True, who="caller")),
        ({"type": "transcript", "text": "he", "final": False, "who": "agent"}, Transcript("he", final=False, who="agent")),
        ({"type": "speech_started"}, TurnStarted("caller")),
        ({"type": "speech_stopped"}, TurnEnded("caller")),
        ({"type": "answer_started"}, TurnStarted("agent")),
        ({"type": "done"}, TurnEnded("agent")),
        ({"type": "error", "message": "no seat"}, Wrong("agent_error", "no seat")),
        ({"type": "weather"}, Unknown("weather")),
        ({}, Unknown("")),
    ],
)
def test_events_beside_raw_sound_are_understood(said: dict[str, Any], heard: Heard) -> None:
    assert PcmDialect().read(json.dumps(said)) == [heard]


def test_words_of_an_agents_own_are_set() -> None:
    words = PcmWords(key="event", clear=("stop_playing",), mark=("cue",), name="id", sent_mark="cue_done", sent_interrupt="")
    own = PcmDialect(words=words)
    assert own.read('{"event": "stop_playing"}') == [Clear()]
    assert own.read('{"event": "cue", "id": "7"}') == [Mark("7")]
    assert own.read('{"event": "clear"}') == [Unknown("clear")]
    assert [json.loads(each) for each in own.played("7")] == [{"event": "cue_done", "id": "7"}]
    assert own.interrupted(100) == []


def test_text_where_sound_was_due_is_told() -> None:
    assert PcmDialect().read("hello caller") == [Wrong("text_for_audio", "hello caller")]


def test_half_a_sample_is_counted_and_the_rest_is_heard() -> None:
    heard = PcmDialect().read(b"\1\0\2\0\3")
    assert [type(each) for each in heard] == [Wrong, Audio]
    assert heard[1] == Audio(b"\1\0\2\0")


# -- Realtime -------------------------------------------------------------------------------------------------------------


def test_a_realtime_session_asks_for_its_format_in_both_generations() -> None:
    (ga,) = RealtimeDialect().hello()
    session = json.loads(ga)["session"]
    assert session["audio"]["input"]["format"] == session["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    (beta,) = RealtimeDialect(8_000, generation="beta").hello()
    assert json.loads(beta)["session"]["input_audio_format"] == "g711_ulaw"
    (own,) = RealtimeDialect(session={"audio": {"output": {"voice": "marin"}}}).hello()
    assert json.loads(own)["session"]["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"}
    assert [json.loads(each)["type"] for each in RealtimeDialect(ask=True).hello()] == ["session.update", "response.create"]


def test_a_callers_frame_is_an_append_that_decodes_to_it() -> None:
    pcm = frame(24_000)
    (said,) = RealtimeDialect().speak(pcm)
    appended = json.loads(said)
    assert (appended["type"], base64.b64decode(appended["audio"])) == ("input_audio_buffer.append", pcm)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ({"type": "session.updated", "session": {}}, [Ready()]),
        ({"type": "input_audio_buffer.speech_started"}, [TurnStarted("caller"), Clear()]),
        ({"type": "input_audio_buffer.speech_stopped"}, [TurnEnded("caller")]),
        ({"type": "response.created"}, [TurnStarted("agent")]),
        ({"type": "response.done", "response": {"status": "completed"}}, [TurnEnded("agent")]),
        (
            {"type": "response.done", "response": {"status": "failed", "status_details": {"error": {"code": "full", "message": "no"}}}},
            [Wrong("agent_error", "full: no"), TurnEnded("agent")],
        ),
        ({"type": "response.audio_transcript.delta", "delta": "Hel"}, [Transcript("Hel", final=False, who="agent")]),
        ({"type": "response.output_audio_transcript.done", "transcript": "Hello"}, [Transcript("Hello", final=True, who="agent")]),
        (
            {"type": "conversation.item.input_audio_transcription.completed", "transcript": "Hi"},
            [Transcript("Hi", final=True, who="caller")],
        ),
        ({"type": "error", "error": {"type": "invalid", "message": "odd"}}, [Wrong("agent_error", "invalid: odd")]),
        ({"type": "rate_limits.updated"}, []),
        ({"type": "response.sung"}, [Unknown("response.sung")]),
        ({"type": "response.output_audio.delta", "delta": "!!"}, [Wrong("bad_audio", "response.output_audio.delta: not base64: !!")]),
        ({"type": "response.output_audio.delta"}, [Wrong("bad_event", "response.output_audio.delta without its audio")]),
    ],
)
def test_realtime_events_are_understood(said: dict[str, Any], heard: list[Heard]) -> None:
    assert RealtimeDialect().read(json.dumps(said)) == heard


def test_a_session_in_another_format_is_told() -> None:
    session = {"audio": {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcm", "rate": 24_000}}}}
    heard = RealtimeDialect().read(json.dumps({"type": "session.updated", "session": session}))
    assert heard == [Wrong("bad_format", "the agent settled on audio/pcmu"), Ready()]
    assert RealtimeDialect().read('{"type": "session.updated", "session": {"input_audio_format": "pcm16"}}') == [Ready()]


def test_an_interrupted_item_is_truncated_once_where_it_was_cut() -> None:
    realtime = RealtimeDialect()
    assert realtime.interrupted(100) == []
    realtime.read(realtime_audio(b"\0\0", item_id="item_9", content_index=1))
    (cut,) = realtime.interrupted(740)
    assert json.loads(cut) == {"type": "conversation.item.truncate", "item_id": "item_9", "content_index": 1, "audio_end_ms": 740}
    assert realtime.interrupted(740) == []


def test_a_caller_who_may_not_interrupt_clears_nothing() -> None:
    assert RealtimeDialect(interrupt=False).read('{"type": "input_audio_buffer.speech_started"}') == [TurnStarted("caller")]


# -- Twilio ---------------------------------------------------------------------------------------------------------------


def test_a_stream_begins_numbers_its_messages_and_stops() -> None:
    twilio = TwilioDialect(parameters={"tenant": "a"})
    said = [json.loads(each) for each in (*twilio.hello(), *twilio.speak(frame(8_000)), *twilio.speak(frame(8_000)), *twilio.bye())]
    assert [each["event"] for each in said] == ["connected", "start", "media", "media", "stop"]
    assert [each["sequenceNumber"] for each in said[1:]] == ["1", "2", "3", "4"]
    assert said[1]["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1}
    assert said[1]["start"]["customParameters"] == {"tenant": "a"}
    assert [(each["media"]["chunk"], each["media"]["timestamp"]) for each in said[2:4]] == [("1", "0"), ("2", "20")]
    assert len(base64.b64decode(said[2]["media"]["payload"])) == 160
    assert {each["streamSid"] for each in said[1:]} == {said[1]["start"]["streamSid"]}


def test_marks_come_back_and_a_clear_is_heard() -> None:
    twilio = TwilioDialect()
    assert twilio.read('{"event": "mark", "mark": {"name": "end"}}') == [Mark("end")]
    (back,) = twilio.played("end")
    assert (json.loads(back)["event"], json.loads(back)["mark"]) == ("mark", {"name": "end"})
    assert twilio.read('{"event": "clear"}') == [Clear()]
    assert twilio.read('{"event": "clear", "streamSid": "MZother"}') == [Wrong("bad_event", "clear for another stream")]
    assert twilio.read('{"event": "dance"}') == [Unknown("dance")]
    assert twilio.read(b"\0\0") == [Wrong("audio_for_text", "2 bytes in a binary message")]


# -- Wyoming --------------------------------------------------------------------------------------------------------------


def test_a_wyoming_call_begins_with_its_format_and_sends_frames() -> None:
    wyoming = WyomingDialect(transcribe=True, language="en")
    said = b"".join((*wyoming.hello(), *wyoming.speak(frame(16_000)), *wyoming.finished()))
    asked, start, rest = said.split(b"\n", 2)
    assert json.loads(asked) == {"type": "transcribe", "data": {"language": "en"}}
    assert json.loads(start) == {"type": "audio-start", "data": {"rate": 16_000, "width": 2, "channels": 1}}
    head, rest = rest.split(b"\n", 1)
    assert json.loads(head)["payload_length"] == 640
    assert json.loads(rest[640:]) == {"type": "audio-stop", "data": {"timestamp": 20}}
    assert json.loads(WyomingDialect(voice="en").synthesize("Hi")[0])["data"] == {"text": "Hi", "voice": {"name": "en"}}


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (event("audio-start", {"rate": 16_000, "width": 2, "channels": 1}), [TurnStarted("agent")]),
        (event("audio-stop"), [TurnEnded("agent"), Mark(SPOKEN)]),
        (event("voice-started"), [TurnStarted("caller")]),
        (event("voice-stopped", {"timestamp": 1}), [TurnEnded("caller")]),
        (event("transcript", {"text": "hi"}), [Transcript("hi", final=True, who="caller")]),
        (event("transcript-chunk", {"text": "h"}), [Transcript("h", final=False, who="caller")]),
        (event("handled", {"text": "done"}), [Transcript("done", final=True, who="agent")]),
        (event("error", {"text": "full", "code": "busy"}), [Wrong("agent_error", "busy: full")]),
        (event("info", {"asr": []}), [Ready()]),
        (event("pong"), []),
        (event("dance"), [Unknown("dance")]),
        (b'{"type": "transcript", "data_length": 14}\n{"text": "far"}', [Wrong("not_json", '{"text": "far"')]),
        (b'{"type": "transcript", "data_length": 15}\n{"text": "far"}', [Transcript("far", final=True, who="caller")]),
        (b"garbage\n" + event("voice-started"), [Wrong("not_json", "garbage")]),
        (b'{"type": "x", "payload_length": -1}\n', [Wrong("bad_event", "x with a length that is none")]),
        (wyoming_audio(b"\0\0", width=3), [Wrong("bad_format", "rate 16000, width 3, channels 1")]),
        (wyoming_audio(b"\2\0\4\0", channels=2), [Audio(b"\3\0")]),
        (wyoming_audio(b"\2\0\4"), [Wrong("bad_audio", "3 bytes are no whole number of samples"), Audio(b"\2\0")]),
    ],
)
def test_wyoming_events_are_understood(said: bytes, heard: list[Heard]) -> None:
    assert WyomingDialect().feed(said) == heard


def test_an_answer_that_was_heard_is_told_as_played() -> None:
    wyoming = WyomingDialect()
    assert [json.loads(each) for each in wyoming.played(SPOKEN)] == [{"type": "played"}]
    assert wyoming.played("other") == []


def test_an_event_that_is_too_large_is_passed_over_and_the_next_is_heard() -> None:
    wyoming, size = WyomingDialect(), 100 << 20
    heard = wyoming.feed(event("audio-chunk", {"rate": 16_000, "width": 2, "channels": 1}, size))
    piece, kept = bytes(1 << 20), 0
    for _ in range(100):
        heard += wyoming.feed(piece)
        kept = max(kept, len(wyoming._arrived._buffer))
    heard += wyoming.feed(event("voice-started"))
    assert heard == [Wrong("too_large", f"audio-chunk of {size} bytes"), TurnStarted("caller")]
    assert kept == 0


def test_sound_of_another_rate_is_brought_to_the_calls() -> None:
    wyoming = WyomingDialect(16_000)
    heard = [each for _ in range(50) for each in wyoming.feed(wyoming_audio(bytes(882), 22_050))]
    came = b"".join(each.pcm for each in heard if isinstance(each, Audio))
    assert abs(len(came) // 2 - 16_000) <= 1


# -- the table ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
def test_each_protocol_of_the_table_has_its_first_rate_where_none_is_wished(name: str) -> None:
    assert dialect(name).rate_hz == DIALECTS[name].rates_hz[0]
    for rate in DIALECTS[name].rates_hz:
        assert dialect(name, rate).rate_hz == rate


@pytest.mark.parametrize(
    ("name", "rate", "options", "told"),
    [
        ("twillio", None, {}, "did you mean 'twilio'"),
        ("twilio", 16_000, {}, "twilio has 8000 Hz"),
        ("realtime", 16_000, {}, "realtime has 8000, 24000 Hz"),
        ("pcm", None, {"colour": "red"}, "unknown option of pcm"),
    ],
)
def test_a_protocol_that_cannot_be_is_refused_with_what_can(name: str, rate: int | None, options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        dialect(name, rate, **options)


@pytest.mark.parametrize("made", [TwilioDialect, RealtimeDialect])
def test_a_class_refuses_a_rate_that_its_protocol_does_not_have(made: type[TwilioDialect | RealtimeDialect]) -> None:
    with pytest.raises(UsageError, match="16000 Hz"):
        made(16_000)

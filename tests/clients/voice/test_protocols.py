"""Whole calls in every protocol against the oracle, and agents that do what they should not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from loadstone.clients.message import Message
from loadstone.clients.voice.calibration import beep
from loadstone.clients.voice.client import VoiceClient
from loadstone.clients.voice.mouth import Utterance
from loadstone.clients.voice.utterances import Utterances
from loadstone.measure.aggregate import Aggregate
from loadstone.plan.voice import VoiceCall
from loadstone.reference.process import ReferenceProcess
from loadstone.testing.server import ScriptedServer, hold
from loadstone.testing.talk import Talk
from loadstone.testing.websocket import accept, send_frame

TEXT, BINARY = 1, 2
SCRIPT: list[Any] = [{"speak": ""}, "wait_answer"]
DELAY_MS = 200


@pytest.fixture(scope="module")
def oracle() -> Iterator[str]:
    with ReferenceProcess("--voice", f"delay_ms={DELAY_MS}", "--voice", "speak_s=1", "--voice", "stop_ms=100") as backend:
        yield backend.url.replace("http", "ws", 1)


@pytest.fixture(autouse=True)
def _beeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(self: Utterances, what: str, snr_db: float | None) -> Utterance:  # noqa: ARG001
        return beep(self._rate_hz, float(what) if what.replace(".", "").isdigit() else 0.2)

    monkeypatch.setattr(Utterances, "_make", made)


def call(url: str, script: list[Any] = SCRIPT, **voice: Any) -> tuple[Message, Aggregate]:
    async def held(client: VoiceClient) -> Message:
        return await client.call(VoiceCall.model_validate({"script": script}).script, path=url)

    user = Talk()
    answer = user.speak("voice", held, voice={"calibrate": False, "pause": 0.5, **voice})
    return answer, user.measured


def sent(*frames: tuple[int, bytes], script: list[Any] = SCRIPT, **voice: Any) -> tuple[Message, Aggregate]:
    """A call with an agent that sends these messages at once, and then nothing."""
    with ScriptedServer([accept(), *(send_frame(opcode, payload) for opcode, payload in frames), hold()]) as server:
        return call(server.url.replace("http", "ws", 1), script, within=0.3, **voice)


def longest_ms(measured: Aggregate, name: str) -> float:
    values = measured.distribution(f"voice.{name}")
    assert values is not None
    return float(values.max) / 1e6


def tone(ms: int, level: int) -> bytes:
    return (level * np.cos(np.arange(16 * ms) / 5)).clip(-32_768, 32_767).astype("<i2").tobytes()


PROTOCOLS = [
    ("pcm", 16_000, "pcm16", "/voice/pcm?rate=16000"),
    ("pcm", 24_000, "pcm16", "/voice/pcm?rate=24000"),
    ("pcm", 48_000, "pcm16", "/voice/pcm?rate=48000"),
    ("pcm", 8_000, "mulaw", "/voice/pcm?rate=8000&encoding=mulaw"),
    ("realtime", 24_000, "pcm16", "/voice/realtime"),
    ("twilio", 8_000, "pcm16", "/voice/twilio"),
    ("wyoming", 16_000, "pcm16", ""),
]


@pytest.mark.parametrize(("protocol", "rate", "encoding", "path"), PROTOCOLS)
def test_a_turn_is_answered_after_the_same_delay_in_every_protocol(oracle: str, protocol: str, rate: int, encoding: str, path: str) -> None:
    answer, measured = call(f"{oracle}{path}", protocol=protocol, rate=rate, encoding=encoding)
    assert answer.ok, answer.reason
    assert measured.count("voice.turns") == 1
    assert measured.count("voice.dead_turn") is measured.count("voice.unknown_events") is None
    assert {failure.kind for failure in measured.failures} <= {"stutters"}  # as on a machine that is busy
    assert longest_ms(measured, "response_gap") >= DELAY_MS - 1
    assert (measured.count("voice.speech_time") or 0) >= 900_000_000


@pytest.mark.parametrize(("protocol", "rate", "path"), [("realtime", 24_000, "/voice/realtime"), ("twilio", 8_000, "/voice/twilio")])
def test_an_interruption_is_heard_and_ends_the_answer_in_every_protocol_that_can_clear(
    oracle: str, protocol: str, rate: int, path: str
) -> None:
    script = [*SCRIPT[:1], {"barge_in": {"after": "300ms", "say": "0.4"}}, "wait_answer"]
    answer, measured = call(f"{oracle}{path}", script, protocol=protocol, rate=rate)
    assert answer.ok, answer.reason
    assert measured.count("voice.barge_ins") == 1
    assert measured.count("voice.missed_yield") is None
    assert longest_ms(measured, "barge_stop") >= 99
    assert measured.count("voice.turns") == 2


@pytest.mark.parametrize(
    ("query", "voice", "fault"),
    [
        ("rate=16000&endless=true", {"longest": 0.5}, "never_stops"),
        ("rate=16000&drop=50%", {}, "stutters"),
        ("rate=16000&sent_rate=8000", {}, "stutters"),  # half as much sound as was agreed on: it runs dry
        ("rate=16000&text=true", {}, "text_for_audio"),
        ("rate=16000&garbage=true", {}, "text_for_audio"),
    ],
)
def test_what_an_agent_does_wrong_is_a_fault_with_a_kind_and_ends_no_call(
    oracle: str, query: str, voice: dict[str, Any], fault: str
) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?{query}", **voice)
    assert answer.ok, answer.reason
    assert (measured.count("voice.faults", {"kind": fault}) or 0) >= 1
    assert any(failure.kind == fault for failure in measured.failures)


def test_an_answer_of_which_nothing_is_audible_is_a_dead_turn_and_a_fault(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate=16000&lead_ms=20000&speak_s=0.1", within=0.8)
    assert answer.ok
    assert measured.count("voice.dead_turn") == 1
    assert measured.count("voice.faults", {"kind": "silent_audio"}) == 1


def test_an_agent_that_was_to_greet_and_does_not_is_a_fault(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate=16000", [{"listen": {"within": "200ms"}}])
    assert answer.ok
    assert measured.count("voice.faults", {"kind": "no_greeting"}) == 1
    assert measured.distribution("voice.greeting_gap") is None


def test_an_answer_too_short_to_be_interrupted_is_a_fault_and_no_barge_in(oracle: str) -> None:
    script = [*SCRIPT[:1], {"barge_in": {"after": "700ms"}}]
    _, measured = call(f"{oracle}/voice/pcm?rate=16000&speak_s=0.1", script)
    assert measured.count("voice.faults", {"kind": "short_answer"}) == 1
    assert measured.count("voice.barge_ins") is None


def test_sound_of_a_higher_rate_than_agreed_is_far_ahead_of_its_time(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate=16000&sent_rate=48000")
    assert answer.ok
    assert measured.count("voice.bursts") == 1
    assert (measured.count("voice.speech_time") or 0) >= 2_900_000_000


def test_an_agent_that_reports_a_failure_has_a_fault_with_its_words() -> None:
    _, measured = sent((TEXT, b'{"type": "error", "message": "no model"}'))
    assert measured.count("voice.faults", {"kind": "agent_error"}) == 1
    assert any(failure.kind == "agent_error" and "no model" in failure.text for failure in measured.failures)


def test_an_agent_that_takes_the_sound_for_another_encoding_hears_no_end_of_it_and_has_a_dead_turn(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate=16000&encoding=mulaw", within=0.5)
    assert answer.ok
    assert measured.count("voice.dead_turn") == measured.count("voice.turns") == 1


def test_sound_at_full_scale_is_a_fault() -> None:
    _, measured = sent(*[(BINARY, tone(40, 200_000))] * 10, script=["listen"])
    assert measured.count("voice.faults", {"kind": "clipped_audio"}) == 1


def test_half_a_sample_is_left_out_and_counted() -> None:
    answer, measured = sent((BINARY, tone(100, 8_000) + b"\x01"))
    assert answer.ok
    assert measured.count("voice.faults", {"kind": "bad_audio"}) == 1


def test_an_unknown_event_is_counted() -> None:
    _, measured = sent((TEXT, b'{"type": "weather"}'))
    assert measured.count("voice.unknown_events") == 1
    assert measured.count("voice.faults") is None


def test_sound_far_ahead_of_its_time_is_a_burst_and_no_stall(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate=16000&speed=0&speak_s=1.5")
    assert answer.ok
    assert measured.count("voice.bursts") == 1
    assert measured.distribution("voice.stall") is None


def test_a_call_that_ends_in_mid_word_is_lost_and_says_so(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate=16000&close_at_s=0.3")
    assert not answer.ok
    assert "in mid-word" in answer.reason
    assert measured.count("voice.call_errors") == 1

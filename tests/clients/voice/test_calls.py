"""Whole calls against the oracle: what the caller reads beside what the oracle did."""

from collections.abc import Iterator
from typing import Any

import pytest

from loadstone.clients.ground import Ground
from loadstone.clients.message import Message
from loadstone.clients.voice.calibration import beep
from loadstone.clients.voice.client import VoiceClient, VoiceClients
from loadstone.clients.voice.mouth import Utterance
from loadstone.clients.voice.utterances import Utterances
from loadstone.judge.failure_patterns import WHOLE_OF
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.exchanges import FAILED
from loadstone.plan.model import Plan
from loadstone.plan.voice import VoiceCall
from loadstone.reference.process import ReferenceProcess
from loadstone.testing.server import ScriptedServer, hold
from loadstone.testing.talk import Talk
from loadstone.testing.websocket import accept, send_frame

RATE = 16_000
SCRIPT: list[Any] = [{"speak": "beep"}, "wait_answer"]


@pytest.fixture(scope="module")
def oracle() -> Iterator[str]:
    with ReferenceProcess() as backend:
        yield backend.url.replace("http", "ws", 1)


@pytest.fixture(autouse=True)
def _beeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(self: Utterances, what: str, snr_db: float | None) -> Utterance:  # noqa: ARG001
        return beep(RATE, float(what) if what.replace(".", "").isdigit() else 0.2)

    monkeypatch.setattr(Utterances, "_make", made)


def call(url: str, script: list[Any] = SCRIPT, **voice: Any) -> tuple[Message, Aggregate]:
    async def held(client: VoiceClient) -> Message:
        return await client.call(VoiceCall.model_validate({"script": script}).script, path=url)

    user = Talk()
    answer = user.speak("voice", held, voice={"calibrate": False, "pause": 0.2, **voice})
    return answer, user.measured


def milliseconds(measured: Aggregate, name: str) -> float:
    values = measured.distribution(f"voice.{name}")
    assert values is not None
    assert values.count == 1
    return float(values.max) / 1e6


def test_a_gap_is_read_from_the_last_voice_sent_to_the_first_sound_due_for_playout(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate={RATE}&delay_ms=200&lead_ms=100&speak_s=0.2")
    assert answer.ok
    assert measured.count("voice.turns") == 1
    assert measured.count("voice.dead_turn") is None
    gap, first = milliseconds(measured, "response_gap"), milliseconds(measured, "first_byte_gap")
    assert gap >= 299
    assert first >= 199
    # A machine that is busy makes the silence longer, never shorter.
    assert milliseconds(measured, "tts_lead_silence") == pytest.approx(gap - first, abs=0.5)
    assert gap - first >= 99.5


def test_a_turn_that_is_never_answered_is_dead_and_has_no_gap_of_0(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate={RATE}&answers=never", within=0.3)
    assert answer.ok
    assert measured.count("voice.dead_turn") == measured.count("voice.turns") == 1
    gaps = measured.distribution("voice.response_gap")
    assert gaps is not None
    assert gaps.quantile(0.5) == float("inf")


def test_an_agent_that_gives_way_is_heard_until_it_was_cleared(oracle: str) -> None:
    script = [*SCRIPT[:1], {"barge_in": {"after": "300ms", "say": "0.6"}}, "wait_answer"]
    answer, measured = call(f"{oracle}/voice/pcm?rate={RATE}&delay_ms=100&speak_s=1.5&stop_ms=100&speed=0", script)
    assert answer.ok
    assert measured.count("voice.barge_ins") == 1
    assert measured.count("voice.missed_yield") is None
    assert milliseconds(measured, "barge_stop") >= 99
    assert measured.count("voice.turns") == 2
    assert measured.count("voice.bursts") == 1


def test_an_agent_that_speaks_on_has_missed_its_yield(oracle: str) -> None:
    script = [*SCRIPT[:1], {"barge_in": {"after": "100ms"}}]
    _, measured = call(f"{oracle}/voice/pcm?rate={RATE}&delay_ms=100&speak_s=3&yields=false", script, **{"yield": 0.5})
    assert measured.count("voice.missed_yield") == measured.count("voice.barge_ins") == 1
    assert measured.distribution("voice.barge_stop") is None


def test_an_answer_within_the_callers_pause_is_an_early_cut(oracle: str) -> None:
    _, measured = call(f"{oracle}/voice/pcm?rate={RATE}&answers=at_once&speak_s=0.3", [{"speak": "0.5"}, "wait_answer"])
    assert measured.count("voice.early_cut") == 1
    assert measured.distribution("voice.response_gap") is None


def test_a_stall_is_told_with_its_length(oracle: str) -> None:
    _, measured = call(f"{oracle}/voice/pcm?rate={RATE}&delay_ms=100&speak_s=0.6&stall_ms=120&stall_at_s=0.3", pause=0.4)
    stalls = measured.distribution("voice.stall")
    assert stalls is not None
    # On a busy machine there are more, and each that comes before takes its length from the next: the sum is what stays.
    assert 90e6 <= (measured.count("voice.stall_time") or 0) < (measured.count("voice.speech_time") or 0)


def test_a_caller_who_hangs_up_has_not_lost_the_call(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate={RATE}&delay_ms=50&speak_s=5", [*SCRIPT[:1], {"hang_up": {"after": "100ms"}}])
    assert answer.ok
    assert measured.count("voice.call_errors") is None


def test_garbage_and_unknown_events_are_counted_and_end_nothing(oracle: str) -> None:
    answer, measured = call(f"{oracle}/voice/pcm?rate={RATE}&delay_ms=50&speak_s=0.3&garbage=true&unknown=true&text=true")
    assert answer.ok
    assert (measured.count("voice.faults") or 0) >= 1
    assert (measured.count("voice.unknown_events") or 0) >= 1


def test_a_connection_that_is_closed_ends_the_call_with_its_reason() -> None:
    with ScriptedServer([accept(), send_frame(8, (1011).to_bytes(2, "big") + b"overloaded"), hold()]) as server:
        answer, measured = call(server.url.replace("http", "ws", 1))
    assert not answer.ok
    assert "1011" in answer.reason
    assert measured.count("voice.call_errors") == measured.count("voice.calls") == 1
    assert measured.count("voice.turns") is None


def test_the_caller_is_calibrated_before_its_first_call(oracle: str) -> None:
    _, measured = call(f"{oracle}/voice/pcm?rate={RATE}&delay_ms=50&speak_s=0.1", calibrate=True)
    level = measured.gauge("voice.calibration")
    assert level is not None
    assert level.last >= 0


def test_a_scenario_that_follows_is_not_calibrated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.clients.voice.client.MOST_ERROR_MS", float("inf"))
    plan = Plan.model_validate({"scenarios": {"next": {"profile": {"users": 1, "duration": "1h"}, "steps": [{"get": "/"}]}}})

    async def held(client: VoiceClient) -> tuple[float | None, float | None]:
        await client.calibrated()
        shared = client._shared
        return shared.calibration_ms, VoiceClients(Ground(plan, "next", shared.http, shared.timers)).calibration_ms

    first, following = Talk().speak("voice", held)
    assert first is not None
    assert following == first


def test_every_count_of_failures_has_a_whole_that_patterns_are_a_share_of() -> None:
    assert set(FAILED) <= set(WHOLE_OF)

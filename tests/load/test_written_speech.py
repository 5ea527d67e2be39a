"""Written steps that ask speech services, through a whole worker's scene."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadstone.clients.voice.wav import write_wav
from loadstone.errors import UsageError
from loadstone.load.behaviour import StepsBehaviour
from loadstone.load.scene import Scene
from loadstone.load.speech_step import TranscribeStep
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.model import Plan
from loadstone.plan.steps import Step
from loadstone.testing.server import ScriptedServer, always, answer, response
from loadstone.testing.talk import Talk

SOUND = write_wav(np.round(9_000 * np.sin(np.arange(1_600) / 5)).astype("<i2").tobytes(), 16_000)


def iterate(steps: list[dict[str, Any]], body: bytes, kind: str) -> tuple[Aggregate, list[bytes]]:
    """One iteration of one user: what was measured, and what was asked."""
    scenario = {"profile": {"users": 1, "duration": "10s"}, "steps": steps}
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"talk": scenario}}).scenarios[0]
    with ScriptedServer([always(answer(response(body, f"Content-Type: {kind}")))]) as server:
        talk = Talk(target=server.url)

        async def act(client: Any) -> None:
            shared = client._shared  # stands on the same ground as those of a worker
            scene = Scene(
                plan,
                StepsBehaviour(plan.steps),
                recorder=talk.recorder,
                timers=talk.wire.timers if talk.wire else None,  # type: ignore[arg-type]
                catalogue=Catalogue(),
                speak=lambda _kind, session: shared.client(session),
                tags={},
                seed=1,
            )
            session = scene.enter(3)
            await scene.iterate(session)
            await scene.end(session)

        talk.speak("speech", act)
    return talk.measured, server.requests


def test_a_sound_is_sent_its_text_is_checked_and_its_words_are_counted(tmp_path: Path) -> None:
    (tmp_path / "question.wav").write_bytes(SOUND)
    step = {
        "transcribe": {"file": str(tmp_path / "question.wav"), "text": "lights on", "extra": {"prompt": "user ${index}"}},
        "checks": ["text contains lights", "json.text == 'lights out'"],
    }
    measured, (asked,) = iterate([step], b'{"text": "lights out"}', "application/json")
    assert SOUND in asked
    assert b'filename="question.wav"' in asked
    assert b'name="prompt"\r\n\r\nuser 3' in asked
    assert (measured.count("voice.stt_requests", {"step": "transcribe", "scenario": "talk"}), measured.count("check.count")) == (1, 2)
    assert (measured.count("voice.words"), measured.count("voice.wer"), measured.count("check.failures")) == (2, 1, None)


def test_a_text_is_spoken_with_its_places_filled_in() -> None:
    step = {"name": "say", "synthesize": {"say": "Number ${index}", "voice": "nova", "extra": {"speed": 2}}, "checks": ["json.seconds > 0"]}
    measured, (asked,) = iterate([step], SOUND, "audio/wav")
    body = json.loads(asked.partition(b"\r\n\r\n")[2])
    assert body == {"model": "tts-1", "input": "Number 3", "voice": "nova", "response_format": "wav", "speed": 2}
    assert measured.count("voice.tts_audio", {"step": "say"}) == 100_000_000
    assert (measured.count("check.count"), measured.count("check.failures")) == (1, None)


def test_a_sound_that_is_not_there_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the sound"):
        TranscribeStep(Step.model_validate({"transcribe": str(tmp_path / "none.wav")}))

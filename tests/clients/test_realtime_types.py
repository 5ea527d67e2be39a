"""Realtime events held against the types of the openai package, which `make` does not install: a test without it says so."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from loadstone.clients.voice.dialect import Audio, Clear, Heard, Ready, Transcript, TurnEnded, TurnStarted, Wrong
from loadstone.clients.voice.realtime import RealtimeDialect

types = pytest.importorskip("openai.types.realtime", reason="NO TYPES OF OTHERS: pip install openai")
PCM = b"\x01\x02" * 480
ITEM: dict[str, Any] = {"item_id": "item_1", "content_index": 0, "event_id": "event_1"}
ANSWER: dict[str, Any] = {**ITEM, "response_id": "response_1", "output_index": 0}
TOLD: list[tuple[str, dict[str, Any], list[Heard]]] = [
    ("SessionUpdatedEvent", {"session": {"type": "realtime", "model": "gpt-realtime"}, "event_id": "event_1"}, [Ready()]),
    ("InputAudioBufferSpeechStartedEvent", {**ITEM, "audio_start_ms": 10}, [TurnStarted("caller"), Clear()]),
    ("InputAudioBufferSpeechStoppedEvent", {**ITEM, "audio_end_ms": 900}, [TurnEnded("caller")]),
    ("InputAudioBufferCommittedEvent", ITEM, []),
    ("ResponseCreatedEvent", {"response": {"id": "response_1"}, "event_id": "event_1"}, [TurnStarted("agent")]),
    ("ResponseAudioDeltaEvent", {**ANSWER, "delta": base64.b64encode(PCM).decode()}, [Audio(PCM)]),
    ("ResponseAudioTranscriptDeltaEvent", {**ANSWER, "delta": "the light"}, [Transcript("the light", final=False, who="agent")]),
    (
        "ResponseAudioTranscriptDoneEvent",
        {**ANSWER, "transcript": "the light is on"},
        [Transcript("the light is on", final=True, who="agent")],
    ),
    ("ResponseAudioDoneEvent", ANSWER, []),
    (
        "ConversationItemInputAudioTranscriptionCompletedEvent",
        {**ITEM, "transcript": "light on", "usage": {"type": "duration", "seconds": 1.5}},
        [Transcript("light on", final=True, who="caller")],
    ),
    ("ResponseDoneEvent", {"response": {"id": "response_1", "status": "completed"}, "event_id": "event_1"}, [TurnEnded("agent")]),
    ("ConversationItemTruncatedEvent", {**ITEM, "audio_end_ms": 300}, []),
]


def strict(model: type[BaseModel], value: Any) -> None:
    """The value has the model's fields, and at no depth one that the model does not know; its own settings let such pass."""
    made = TypeAdapter(model).validate_python(value)
    assert made.model_dump(mode="json", by_alias=True, exclude_unset=True) == value
    assert not unknown(made), unknown(made)


def unknown(made: Any) -> set[str]:
    """Names that no field of a model has."""
    if isinstance(made, list):
        return {name for each in made for name in unknown(each)}
    if not isinstance(made, BaseModel):
        return set()
    return set(made.model_extra or ()) | {name for field in type(made).model_fields for name in unknown(getattr(made, field))}


@pytest.mark.parametrize("rate_hz", [24_000, 8_000])
def test_a_session_is_asked_for_as_the_types_of_others_have_it(rate_hz: int) -> None:
    (asked,) = RealtimeDialect(rate_hz).hello()
    strict(types.SessionUpdateEvent, json.loads(asked))
    made = types.SessionUpdateEvent.model_validate(json.loads(asked))
    assert made.session.audio.input.turn_detection.interrupt_response is True


def test_what_a_caller_sends_is_what_the_types_of_others_have() -> None:
    dialect = RealtimeDialect(ask=True)
    strict(types.ResponseCreateEvent, json.loads(dialect.hello()[-1]))
    (said,) = dialect.speak(PCM)
    strict(types.InputAudioBufferAppendEvent, json.loads(said))
    dialect.read(types.ResponseAudioDeltaEvent.construct(**ANSWER, type="response.output_audio.delta", delta="").model_dump_json())
    (cut,) = dialect.interrupted(300)
    strict(types.ConversationItemTruncateEvent, json.loads(cut))


@pytest.mark.parametrize(("name", "fields", "heard"), TOLD)
def test_events_made_by_the_types_of_others_are_read(name: str, fields: dict[str, Any], heard: list[Heard]) -> None:
    model = getattr(types, name)
    (kind,) = model.model_fields["type"].annotation.__args__
    made = model.model_validate({"type": kind, **fields})
    assert RealtimeDialect().read(made.model_dump_json(exclude_unset=True)) == heard


def test_an_error_made_by_the_types_of_others_is_told_with_its_words() -> None:
    error = {"type": "invalid_request_error", "code": "bad", "message": "no such voice", "param": None, "event_id": None}
    made = types.RealtimeErrorEvent.model_validate({"type": "error", "event_id": "event_1", "error": error})
    (heard,) = RealtimeDialect().read(made.model_dump_json())
    assert isinstance(heard, Wrong)
    assert (heard.kind, "no such voice" in heard.text) == ("agent_error", True)

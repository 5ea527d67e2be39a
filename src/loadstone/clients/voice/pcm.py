"""Raw PCM over WebSocket: binary messages are sound, text messages are JSON events, if there are any."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadstone.clients.voice.dialect import (
    MESSAGE_MOST_BYTES,
    Clear,
    Heard,
    Mark,
    Payload,
    Ready,
    TurnEnded,
    TurnStarted,
    Unknown,
    Who,
    Wrong,
)
from loadstone.clients.voice.events import agent_error, parsed, pcm_audio, too_large, transcript, word
from loadstone.clients.voice.mulaw import decode, encode


@dataclass(frozen=True, slots=True)
class PcmWords:
    """How an agent words its events; each agent has its own way, so that every word may be set.

    key:             the field that names an event; a name may stand in several lists of none
    name, text, who: fields of marks and transcripts; final: the field that says that a transcript is final
    sent_mark:       the name under which a mark that was heard is returned; "" returns none
    sent_interrupt:  the name under which an interruption is told; "" tells none
    """

    key: str = "type"
    ready: tuple[str, ...] = ("ready", "session")
    clear: tuple[str, ...] = ("clear", "interrupt", "interrupted", "flush")
    mark: tuple[str, ...] = ("mark",)
    transcript: tuple[str, ...] = ("transcript",)
    speech_started: tuple[str, ...] = ("speech_started",)
    speech_ended: tuple[str, ...] = ("speech_ended", "speech_stopped")
    answer_started: tuple[str, ...] = ("answer_started",)
    answer_ended: tuple[str, ...] = ("answer_ended", "done")
    error: tuple[str, ...] = ("error",)
    name: str = "name"
    text: str = "text"
    who: str = "who"
    final: str = "final"
    sent_mark: str = "mark"
    sent_interrupt: str = "interrupted"


class PcmDialect:
    """One call in raw PCM, or in raw mu-law."""

    waits_for_ready = False

    def __init__(self, rate_hz: int = 16_000, *, encoding: str = "pcm16", words: PcmWords | None = None) -> None:
        self.rate_hz = rate_hz
        self._mulaw = encoding == "mulaw"
        self._words = words or PcmWords()
        self._meanings = _meanings(self._words)

    def hello(self) -> list[Payload]:
        """Nothing: the URL has said everything."""
        return []

    def speak(self, pcm: bytes) -> list[Payload]:
        """One binary message."""
        return [encode(pcm) if self._mulaw else pcm]

    def played(self, mark: str) -> list[Payload]:
        """The mark comes back."""
        words = self._words
        return [json.dumps({words.key: words.sent_mark, words.name: mark})] if words.sent_mark else []

    def interrupted(self, played_ms: int) -> list[Payload]:
        """How much was heard, for agents that want to know."""
        words = self._words
        return [json.dumps({words.key: words.sent_interrupt, "played_ms": played_ms})] if words.sent_interrupt else []

    def bye(self) -> list[Payload]:
        """Nothing: closing says it."""
        return []

    def read(self, payload: Payload) -> list[Heard]:
        """See Dialect."""
        if len(payload) > MESSAGE_MOST_BYTES:
            return [too_large(len(payload))]
        if isinstance(payload, bytes):
            return pcm_audio(decode(payload) if self._mulaw else payload)
        event = parsed(payload)
        if isinstance(event, Wrong):
            return [Wrong("text_for_audio", event.text)]
        name = word(event.get(self._words.key))
        meaning = self._meanings.get(name)
        return meaning(event) if meaning else [Unknown(name)]


Meaning = Callable[[dict[str, Any]], list[Heard]]


def _meanings(words: PcmWords) -> dict[str, Meaning]:
    table: list[tuple[tuple[str, ...], Meaning]] = [
        (words.ready, lambda _: [Ready()]),
        (words.clear, lambda _: [Clear()]),
        (words.mark, lambda event: [_mark(event, words.name)]),
        (words.transcript, lambda event: [_transcript(event, words)]),
        (words.speech_started, lambda _: [TurnStarted("caller")]),
        (words.speech_ended, lambda _: [TurnEnded("caller")]),
        (words.answer_started, lambda _: [TurnStarted("agent")]),
        (words.answer_ended, lambda _: [TurnEnded("agent")]),
        (words.error, lambda event: [agent_error(event.get("error") or event.get("message") or event.get(words.text))]),
    ]
    return {name: meaning for names, meaning in table for name in names}


def _mark(event: dict[str, Any], key: str) -> Heard:
    name = word(event.get(key))
    return Mark(name) if name else Wrong("bad_event", "mark without its name")


def _transcript(event: dict[str, Any], words: PcmWords) -> Heard:
    who: Who = "agent" if event.get(words.who) in {"agent", "assistant", "bot"} else "caller"
    return transcript(event.get(words.text), who, final=event.get(words.final) is not False, event="transcript")

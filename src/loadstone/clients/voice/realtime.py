"""Realtime events as OpenAI's interface has them, the first generation of names and the second, over WebSocket.

PCM16 at 24 kHz or G.711 mu-law at 8 kHz, in base64 both ways. Source: OpenAI's reference "Realtime", client and server events.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Literal

from loadstone.clients.voice.dialect import Clear, Heard, Payload, Ready, TurnEnded, TurnStarted, Unknown, Wrong
from loadstone.clients.voice.events import agent_error, base64_audio, json_object, part, transcript, word
from loadstone.clients.voice.mulaw import encode
from loadstone.errors import UsageError

Generation = Literal["ga", "beta"]
FORMATS: dict[int, dict[Generation, Any]] = {
    24_000: {"ga": {"type": "audio/pcm", "rate": 24_000}, "beta": "pcm16"},
    8_000: {"ga": {"type": "audio/pcmu"}, "beta": "g711_ulaw"},
}
# What has no meaning for a call's times, and is no surprise: it is not even counted as unknown.
SILENT = frozenset(
    {
        "session.created",
        "conversation.created",
        "conversation.item.created",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.truncated",
        "input_audio_buffer.committed",
        "input_audio_buffer.cleared",
        "rate_limits.updated",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.audio.done",
        "response.output_audio.done",
        "conversation.item.input_audio_transcription.segment",
    }
)
TURNS: dict[str, Heard] = {"input_audio_buffer.speech_stopped": TurnEnded("caller"), "response.created": TurnStarted("agent")}
AUDIO = frozenset({"response.output_audio.delta", "response.audio.delta"})
# Name of the event: the field of its text, whether it is final, and who said it.
TRANSCRIPTS: dict[str, tuple[str, bool, Literal["caller", "agent"]]] = {
    "conversation.item.input_audio_transcription.delta": ("delta", False, "caller"),
    "conversation.item.input_audio_transcription.completed": ("transcript", True, "caller"),
    "response.output_audio_transcript.delta": ("delta", False, "agent"),
    "response.audio_transcript.delta": ("delta", False, "agent"),
    "response.output_audio_transcript.done": ("transcript", True, "agent"),
    "response.audio_transcript.done": ("transcript", True, "agent"),
}


class RealtimeDialect:
    """One call: which item of the conversation is being heard."""

    waits_for_ready = True

    def __init__(
        self,
        rate_hz: int = 24_000,
        *,
        generation: Generation = "ga",
        session: Mapping[str, Any] | None = None,
        interrupt: bool = True,
        ask: bool = False,
    ) -> None:
        """`session` is merged over what is sent in session.update; `ask` asks for a first answer, so that the agent greets.

        interrupt: the caller's beginning clears what is not yet played, as a telephone's side does when turn detection interrupts
        """
        formats = FORMATS.get(rate_hz)
        if formats is None:
            what = f"rate {rate_hz} Hz: Realtime events carry PCM16 at 24000 Hz or mu-law at 8000 Hz"
            raise UsageError(what, where="voice realtime", hint="rate: 24000")
        self.rate_hz = rate_hz
        self._mulaw = rate_hz == 8_000
        self._format = formats[generation]
        self._generation, self._session = generation, session or {}
        self._interrupt, self._ask = interrupt, ask
        self._item, self._content = "", 0

    def hello(self) -> list[Payload]:
        """The session as it is wanted."""
        sent: list[Payload] = [json.dumps({"type": "session.update", "session": merged(self._wanted(), self._session)})]
        return [*sent, '{"type":"response.create"}'] if self._ask else sent

    def _wanted(self) -> dict[str, Any]:
        detection = {"type": "server_vad", "create_response": True, "interrupt_response": self._interrupt}
        if self._generation == "beta":
            formats = {"input_audio_format": self._format, "output_audio_format": self._format}
            return {"modalities": ["audio", "text"], **formats, "turn_detection": detection}
        hearing = {"format": self._format, "turn_detection": detection}
        return {"type": "realtime", "output_modalities": ["audio"], "audio": {"input": hearing, "output": {"format": self._format}}}

    def speak(self, pcm: bytes) -> list[Payload]:
        """One append."""
        sound = b64encode(encode(pcm) if self._mulaw else pcm).decode("ascii")
        return [f'{{"type":"input_audio_buffer.append","audio":"{sound}"}}']

    def played(self, mark: str) -> list[Payload]:  # noqa: ARG002  there are no marks
        """Nothing."""
        return []

    def interrupted(self, played_ms: int) -> list[Payload]:
        """The item that was being heard ends where the caller cut it off."""
        if not self._item:
            return []
        cut = {"item_id": self._item, "content_index": self._content, "audio_end_ms": max(0, played_ms)}
        self._item = ""
        return [json.dumps({"type": "conversation.item.truncate", **cut})]

    def bye(self) -> list[Payload]:
        """Nothing: closing says it."""
        return []

    def read(self, payload: Payload) -> list[Heard]:
        """See Dialect."""
        event = json_object(payload)
        if isinstance(event, Wrong):
            return [event]
        name = word(event.get("type"))
        if name in AUDIO:
            return self._audio(event, name)
        if name in TRANSCRIPTS:
            field, final, who = TRANSCRIPTS[name]
            return [transcript(event.get(field), who, final=final, event=name)]
        return [] if name in SILENT else self._turn(event, name)

    def _audio(self, event: dict[str, Any], name: str) -> list[Heard]:
        item, content = event.get("item_id"), event.get("content_index")
        if isinstance(item, str):
            self._item, self._content = item[:200], content if isinstance(content, int) else 0
        return base64_audio(event.get("delta"), name, mulaw=self._mulaw)

    def _turn(self, event: dict[str, Any], name: str) -> list[Heard]:
        match name:
            case "session.updated":
                return self._agreed(part(event, "session"))
            case "input_audio_buffer.speech_started":
                return [TurnStarted("caller"), Clear()] if self._interrupt else [TurnStarted("caller")]
            case "response.done":
                return self._done(part(event, "response"))
            case "error" | "conversation.item.input_audio_transcription.failed":
                return [agent_error(event.get("error"))]
        return [TURNS.get(name) or Unknown(name)]

    def _agreed(self, session: dict[str, Any]) -> list[Heard]:
        """Ready, and a Wrong when the agent settled on another format than was asked for."""
        audio = part(session, "audio")
        given = [part(audio, way).get("format") for way in ("input", "output")] if audio else []
        given += [session.get("input_audio_format"), session.get("output_audio_format")]
        others = [
            each for each in given if each is not None and _kind(each) not in {_kind(each) for each in FORMATS[self.rate_hz].values()}
        ]
        return [Wrong("bad_format", f"the agent settled on {word(_kind(others[0]))}"), Ready()] if others else [Ready()]

    @staticmethod
    def _done(response: dict[str, Any]) -> list[Heard]:
        if response.get("status") == "failed":
            return [agent_error(part(response, "status_details").get("error") or "the response failed"), TurnEnded("agent")]
        return [TurnEnded("agent")]


def _kind(form: Any) -> str:
    return word(form.get("type")) if isinstance(form, dict) else word(form)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees of settings as one; what is above wins."""
    found = dict(below)
    for key, value in above.items():
        lower = found.get(key)
        found[key] = merged(lower, value) if isinstance(lower, Mapping) and isinstance(value, Mapping) else value
    return found

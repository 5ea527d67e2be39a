"""How an agent words what it says and reads what a caller sends, over WebSocket: raw PCM, Realtime events, Twilio Media Streams.

A frame here is a whole WebSocket frame, ready to be written; sound is `native`: as the protocol carries it, PCM16 or mu-law.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from loadstone.reference.sockets.outbox import BINARY, TEXT, server_frame

SPEECH_STARTED, SPEECH_ENDED, ANSWER_STARTED, ANSWER_ENDED, CLEAR = (
    "speech_started",
    "speech_ended",
    "answer_started",
    "answer_ended",
    "clear",
)


class NotSound(Exception):
    """What came is neither sound nor an event of this protocol."""


class Wording(Protocol):
    """One call's protocol, from the agent's side."""

    rate_hz: int
    mulaw: bool
    marks_back: int

    def opened(self) -> list[bytes]:
        """What is sent when the connection is open."""

    def heard(self, opcode: int, payload: bytes) -> bytes | None:
        """Native sound, or None for an event. Raises NotSound. What an event asks for is in `replies`."""

    def replies(self) -> list[bytes]:
        """What the events read since the last call are answered with."""

    def sound(self, native: bytes) -> bytes:
        """Sound as a frame."""

    def event(self, name: str) -> bytes:
        """One of the names above; empty where the protocol has no word for it."""

    def mark(self, name: str) -> bytes:
        """A mark that the caller sends back when it has heard everything before it; empty where there are none."""

    def transcript(self, text: str, *, of_caller: bool) -> bytes:
        """A final transcript."""

    def failed(self, what: str) -> bytes:
        """An error."""


def _json_frame(value: Mapping[str, Any]) -> bytes:
    return server_frame(TEXT, json.dumps(value).encode())


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise NotSound("no JSON") from None
    if not isinstance(value, dict):
        raise NotSound("no JSON object")
    return value


def _decoded(value: Any) -> bytes:
    if not isinstance(value, str):
        raise NotSound("sound without samples")
    try:
        return b64decode(value)
    except ValueError:
        raise NotSound("no base64") from None


@lru_cache(maxsize=1024)
def _encoded(native: bytes) -> str:
    return b64encode(native).decode()


class PcmWording:
    """Binary messages are sound, text messages are JSON events by `type`."""

    def __init__(self, rate_hz: int, *, mulaw: bool) -> None:
        self.rate_hz, self.mulaw, self.marks_back = rate_hz, mulaw, 0

    def opened(self) -> list[bytes]:
        """See Wording."""
        return [_json_frame({"type": "ready", "rate": self.rate_hz, "encoding": "mulaw" if self.mulaw else "pcm16"})]

    def heard(self, opcode: int, payload: bytes) -> bytes | None:
        """See Wording."""
        if opcode == BINARY:
            return payload
        if _parsed(payload).get("type") == "mark":
            self.marks_back += 1
        return None

    def replies(self) -> list[bytes]:
        """See Wording: nothing."""
        return []

    def sound(self, native: bytes) -> bytes:
        """See Wording."""
        return _binary(native)

    def event(self, name: str) -> bytes:
        """See Wording."""
        return _json_frame({"type": name})

    def mark(self, name: str) -> bytes:
        """See Wording."""
        return _json_frame({"type": "mark", "name": name})

    def transcript(self, text: str, *, of_caller: bool) -> bytes:
        """See Wording."""
        return _json_frame({"type": "transcript", "text": text, "final": True, "who": "caller" if of_caller else "agent"})

    def failed(self, what: str) -> bytes:
        """See Wording."""
        return _json_frame({"type": "error", "message": what})


@lru_cache(maxsize=1024)
def _binary(native: bytes) -> bytes:
    return server_frame(BINARY, native)


class TwilioWording:
    """Media Streams: the caller's side opens the stream and names it."""

    rate_hz, mulaw = 8_000, True

    def __init__(self) -> None:
        self.marks_back, self._stream = 0, ""

    def opened(self) -> list[bytes]:
        """See Wording: the other side speaks first."""
        return []

    def heard(self, opcode: int, payload: bytes) -> bytes | None:
        """See Wording."""
        if opcode != TEXT:
            raise NotSound("binary where only JSON is spoken")
        event = _parsed(payload)
        match event.get("event"):
            case "media":
                media = event.get("media")
                return _decoded(media.get("payload") if isinstance(media, dict) else None)
            case "start":
                start = event.get("start")
                self._stream = str(event.get("streamSid") or (start.get("streamSid") if isinstance(start, dict) else ""))
            case "mark":
                self.marks_back += 1
            case "connected" | "stop" | "dtmf":
                pass
            case _:
                raise NotSound("unknown event")
        return None

    def replies(self) -> list[bytes]:
        """See Wording: nothing."""
        return []

    def sound(self, native: bytes) -> bytes:
        """See Wording."""
        text = f'{{"event":"media","streamSid":"{self._stream}","media":{{"payload":"{_encoded(native)}"}}}}'
        return server_frame(TEXT, text.encode())

    def event(self, name: str) -> bytes:
        """See Wording: of all events there is only `clear`."""
        return _json_frame({"event": "clear", "streamSid": self._stream}) if name == CLEAR else b""

    def mark(self, name: str) -> bytes:
        """See Wording."""
        return _json_frame({"event": "mark", "streamSid": self._stream, "mark": {"name": name}})

    def transcript(self, text: str, *, of_caller: bool) -> bytes:
        """See Wording: there are none."""
        del text, of_caller
        return b""

    def failed(self, what: str) -> bytes:
        """See Wording: there is no word for it."""
        del what
        return b""


class RealtimeWording:
    """OpenAI's Realtime events, in the names of the second generation: PCM16 at 24 kHz, or mu-law at 8 kHz once the session asks for it."""

    def __init__(self, rate_hz: int = 24_000) -> None:
        self.rate_hz, self.mulaw, self.marks_back = rate_hz, rate_hz == 8_000, 0
        self._item = 0
        self._replies: list[bytes] = []

    def opened(self) -> list[bytes]:
        """See Wording."""
        return [_json_frame({"type": "session.created", "session": self._session()})]

    def _session(self) -> dict[str, Any]:
        form = {"type": "audio/pcmu"} if self.mulaw else {"type": "audio/pcm", "rate": self.rate_hz}
        return {"type": "realtime", "model": "simulated", "audio": {"input": {"format": form}, "output": {"format": form}}}

    def heard(self, opcode: int, payload: bytes) -> bytes | None:
        """See Wording."""
        if opcode != TEXT:
            raise NotSound("binary where only JSON is spoken")
        event = _parsed(payload)
        name = event.get("type")
        if name == "input_audio_buffer.append":
            return _decoded(event.get("audio"))
        if name == "session.update":
            self._agree(json.dumps(event.get("session")))
            self._replies.append(_json_frame({"type": "session.updated", "session": self._session()}))
        elif name == "conversation.item.truncate":
            told = {key: event.get(key) for key in ("item_id", "content_index", "audio_end_ms")}
            self._replies.append(_json_frame({"type": "conversation.item.truncated", **told}))
        elif not isinstance(name, str) or name.partition(".")[0] not in {
            "conversation",
            "input_audio_buffer",
            "output_audio_buffer",
            "response",
        }:
            raise NotSound("unknown event")
        return None

    def _agree(self, session: str) -> None:
        # Both generations of names, wherever they stand: a format is a word that means nothing else.
        if "g711_ulaw" in session or "audio/pcmu" in session:
            self.rate_hz, self.mulaw = 8_000, True
        elif "pcm16" in session or "audio/pcm" in session:
            self.rate_hz, self.mulaw = 24_000, False

    def replies(self) -> list[bytes]:
        """See Wording."""
        replies, self._replies = self._replies, []
        return replies

    def sound(self, native: bytes) -> bytes:
        """See Wording."""
        head = f'{{"type":"response.output_audio.delta","response_id":"resp_{self._item}","item_id":"item_{self._item}",'
        return server_frame(TEXT, f'{head}"output_index":0,"content_index":0,"delta":"{_encoded(native)}"}}'.encode())

    def event(self, name: str) -> bytes:
        """See Wording; the protocol clears by saying that the caller speaks, and then says that the answer was cancelled."""
        match name:
            case "speech_started" | "clear":
                return _json_frame({"type": "input_audio_buffer.speech_started"})
            case "speech_ended":
                return _json_frame({"type": "input_audio_buffer.speech_stopped"})
            case "answer_started":
                self._item += 1
                return _json_frame({"type": "response.created", "response": {"id": f"resp_{self._item}", "status": "in_progress"}})
        return _json_frame({"type": "response.done", "response": {"id": f"resp_{self._item}", "status": "completed"}})

    def mark(self, name: str) -> bytes:
        """See Wording: there are none."""
        del name
        return b""

    def transcript(self, text: str, *, of_caller: bool) -> bytes:
        """See Wording."""
        kind = "conversation.item.input_audio_transcription.completed" if of_caller else "response.output_audio_transcript.done"
        return _json_frame({"type": kind, "item_id": f"item_{self._item}", "transcript": text})

    def failed(self, what: str) -> bytes:
        """See Wording."""
        return _json_frame({"type": "error", "error": {"type": "server_error", "code": "injected_fault", "message": what}})

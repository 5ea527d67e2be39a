"""Twilio Media Streams from the telephone network's side: we are the one who opens the stream to the agent.

Sound both ways is mu-law at 8 kHz in base64, 20 ms a message. Source: Twilio's reference "Media Streams - WebSocket Messages".
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from loadstone.clients.voice.dialect import Clear, Heard, Mark, Payload, Unknown, Wrong
from loadstone.clients.voice.events import base64_audio, json_object, part, word
from loadstone.clients.voice.mulaw import encode
from loadstone.errors import UsageError

RATE_HZ = 8_000
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": RATE_HZ, "channels": 1}


class TwilioDialect:
    """One call: a stream identifier, and the numbers of what was sent."""

    waits_for_ready = False
    rate_hz = RATE_HZ

    def __init__(self, rate_hz: int = RATE_HZ, *, parameters: Mapping[str, str] | None = None) -> None:
        if rate_hz != RATE_HZ:
            raise UsageError(f"rate {rate_hz} Hz: Twilio's streams have {RATE_HZ} Hz", where="voice twilio", hint="rate: 8000")
        self._stream, self._call, self._account = (kind + uuid4().hex for kind in ("MZ", "CA", "AC"))
        self._parameters = dict(parameters or {})
        self._number, self._chunk = 0, 0
        self._timestamp_samples = 0
        # json.dumps costs more than everything else of a frame: what never changes is written once.
        self._tail = f'"}},"streamSid":"{self._stream}"}}'

    def hello(self) -> list[Payload]:
        """The protocol, then the stream."""
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        start = {
            "accountSid": self._account,
            "streamSid": self._stream,
            "callSid": self._call,
            "tracks": ["inbound"],
            "mediaFormat": FORMAT,
            "customParameters": self._parameters,
        }
        return [json.dumps(connected), self._event("start", start)]

    def speak(self, pcm: bytes) -> list[Payload]:
        """One media message."""
        self._number += 1
        self._chunk += 1
        at_ms = self._timestamp_samples * 1_000 // RATE_HZ
        self._timestamp_samples += len(pcm) // 2
        payload = b64encode(encode(pcm)).decode("ascii")
        head = f'{{"event":"media","sequenceNumber":"{self._number}","media":{{"track":"inbound","chunk":"{self._chunk}","timestamp":"'
        return [f'{head}{at_ms}","payload":"{payload}{self._tail}']

    def played(self, mark: str) -> list[Payload]:
        """The mark comes back; also when a clear has thrown its audio away."""
        return [self._event("mark", {"name": mark})]

    def interrupted(self, played_ms: int) -> list[Payload]:  # noqa: ARG002  the network tells nothing: marks do
        """Nothing."""
        return []

    def bye(self) -> list[Payload]:
        """The stream stops."""
        return [self._event("stop", {"accountSid": self._account, "callSid": self._call})]

    def read(self, payload: Payload) -> list[Heard]:
        """See Dialect."""
        event = json_object(payload)
        if isinstance(event, Wrong):
            return [event]
        name = word(event.get("event"))
        if name not in {"media", "mark", "clear"}:
            return [Unknown(name)]
        stream = event.get("streamSid", self._stream)
        if stream != self._stream:
            return [Wrong("bad_event", f"{name} for another stream")]
        if name == "clear":
            return [Clear()]
        if name == "mark":
            mark = word(part(event, "mark").get("name"))
            return [Mark(mark) if mark else Wrong("bad_event", "mark without its name")]
        return base64_audio(part(event, "media").get("payload"), "media", mulaw=True)

    def _event(self, name: str, body: dict[str, Any]) -> str:
        self._number += 1
        return json.dumps({"event": name, "sequenceNumber": str(self._number), name: body, "streamSid": self._stream})

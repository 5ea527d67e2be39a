"""A call over plain TCP in Wyoming events: a line of JSON, then as many bytes of data and of sound as the line says.

It is taken on the same port as HTTP: no HTTP request begins with a brace.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast

from loadstone.reference.sockets.outbox import BINARY
from loadstone.reference.sockets.talks import Misunderstood
from loadstone.reference.voice.hub import VoiceHub
from loadstone.reference.voice.mouth import Mouth
from loadstone.reference.voice.paths import WYOMING_MINDS
from loadstone.reference.voice.sound import RATES_HZ, tone
from loadstone.reference.voice.talk import Mind
from loadstone.reference.voice.wording import ANSWER_ENDED, ANSWER_STARTED, NotSound

_MOST_LINE, _MOST_PART = 64 * 1024, 16 * 1024 * 1024


def event_bytes(name: str, data: Mapping[str, Any] | None = None, payload: bytes = b"") -> bytes:
    """One event as it is sent; its data stand in the line itself."""
    line: dict[str, Any] = {"type": name}
    if data:
        line["data"] = data
    if payload:
        line["payload_length"] = len(payload)
    return json.dumps(line).encode() + b"\n" + payload


class WyomingEvents:
    """Cuts a stream into events. Raises NotSound where it cannot be cut any more."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> list[tuple[str, dict[str, Any], bytes]]:
        """(type, data, payload) of each event that has become whole."""
        self._rest += piece
        found = []
        while (event := self._next()) is not None:
            found.append(event)
        return found

    def _next(self) -> tuple[str, dict[str, Any], bytes] | None:
        end = self._rest.find(b"\n")
        if end < 0:
            if len(self._rest) > _MOST_LINE:
                raise NotSound("a line without end")
            return None
        try:
            line = json.loads(bytes(self._rest[:end]))
            name, data = str(line["type"]), dict(line.get("data") or {})
            sizes = [int(line.get(key) or 0) for key in ("data_length", "payload_length")]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise NotSound("a line that is no event") from None
        if not all(0 <= size <= _MOST_PART for size in sizes):
            raise NotSound("an event too large")
        start = end + 1 + sizes[0]
        if len(self._rest) < start + sizes[1]:
            return None
        if sizes[0]:
            try:
                more = json.loads(bytes(self._rest[end + 1 : start]))
            except (ValueError, RecursionError):
                more = None
            if not isinstance(more, dict):
                raise NotSound("data that are no object")
            data |= more
        payload = bytes(self._rest[start : start + sizes[1]])
        del self._rest[: start + sizes[1]]
        return name, data, payload


class WyomingWording:
    """How the agent words it; the rate is what the caller's `audio-start` says."""

    mulaw = False

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz, self.marks_back = rate_hz, 0

    def _form(self) -> dict[str, int]:
        return {"rate": self.rate_hz, "width": 2, "channels": 1}

    def opened(self) -> list[bytes]:
        """See Wording: nothing, the caller speaks first."""
        return []

    def heard(self, opcode: int, payload: bytes) -> bytes | None:
        """See Wording."""
        return payload if opcode == BINARY else None

    def replies(self) -> list[bytes]:
        """See Wording: nothing."""
        return []

    def sound(self, native: bytes) -> bytes:
        """See Wording."""
        return event_bytes("audio-chunk", self._form(), native)

    def event(self, name: str) -> bytes:
        """See Wording; giving way is told by the end of the sound alone."""
        match name:
            case "speech_started":
                return event_bytes("voice-started")
            case "speech_ended":
                return event_bytes("voice-stopped")
            case "answer_started":
                return event_bytes("audio-start", self._form())
            case "answer_ended":
                return event_bytes("audio-stop")
        return b""

    def mark(self, name: str) -> bytes:
        """See Wording: there are none."""
        del name
        return b""

    def transcript(self, text: str, *, of_caller: bool) -> bytes:
        """See Wording."""
        return event_bytes("transcript", {"text": text}) if of_caller else b""

    def failed(self, what: str) -> bytes:
        """See Wording."""
        return event_bytes("error", {"text": what, "code": "injected_fault"})


class WyomingCall(asyncio.Protocol):
    """One call; `connections` is the server's own list, by which it ends them."""

    def __init__(self, hub: VoiceHub, connections: set[Any]) -> None:
        self._hub, self._connections = hub, connections
        self._events = WyomingEvents()
        self._wording = WyomingWording(hub.switches.rate or 16_000)
        self._switches = hub.switches
        self._mind: Mind | None = None
        self._transport: asyncio.Transport
        self._mouth: Mouth

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The call is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._mouth = Mouth(self._hub, self._wording, self._switches, self._transport.write, self._drop, self._said)
        self._hub.enter(self._begin)

    def _begin(self) -> None:
        self._hub.leak(self._switches.leak)
        try:
            self._mind = WYOMING_MINDS[self._switches.wyoming](self._hub, self._wording, self._switches, self._mouth)
        except Misunderstood as error:  # parts are missing
            self._transport.write(self._wording.failed(str(error)))
            self._transport.close()
            return
        self._mind.opened(self._hub.metronome.now())

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        del exc
        self._connections.discard(self)
        self._hub.leave(self._begin)
        if self._mind is not None:
            self._mind.closed()

    def shutdown(self) -> None:
        """The server ends."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes of the caller."""
        at = self._hub.metronome.now()
        try:
            for name, told, payload in self._events.feed(data):
                self._heard(name, told, payload, at)
        except NotSound as error:
            self._hub.counts.wrong_in += 1
            self._transport.write(self._wording.failed(str(error)))
            self._transport.close()

    def _heard(self, name: str, told: dict[str, Any], payload: bytes, at: float) -> None:
        match name:
            case "audio-chunk":
                self._hub.counts.frames_in += 1
                if self._mind is not None:
                    self._mind.heard(payload, at)
            case "audio-start":
                self._wording.rate_hz = rate if (rate := told.get("rate")) in RATES_HZ else self._wording.rate_hz
            case "ping":
                self._transport.write(event_bytes("pong", told))
            case "describe":
                self._transport.write(event_bytes("info", _INFO))
            case "synthesize":
                self._synthesize(str(told.get("text", "")))

    def _synthesize(self, text: str) -> None:
        """The oracle's voice: 60 ms of the tone for each letter."""
        wording, write = self._wording, self._transport.write
        write(wording.event(ANSWER_STARTED))
        write(wording.sound(tone(wording.rate_hz, 0.06 * min(len(text), 1_000))))
        write(wording.event(ANSWER_ENDED))

    def _drop(self, code: int) -> None:
        del code
        self._transport.close()

    def _said(self) -> None:
        if self._mind is not None:
            self._mind.said()


_INFO = {
    kind: [{"name": "loadstone", "installed": True, "attribution": {"name": "Loadstone", "url": ""}, "models": [], "voices": []}]
    for kind in ("asr", "tts")
}

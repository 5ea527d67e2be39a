"""Wyoming over TCP: a line of JSON, then as many bytes of further data and of sound as it announces.

Source: the protocol's own description, version 1. Sound is PCM16 of any rate; another rate than the call's is brought to it.
"""

import json
from collections.abc import Mapping
from typing import Any

from loadstone.clients.voice.dialect import (
    FRAME_MS,
    MESSAGE_MOST_BYTES,
    Clear,
    Heard,
    Mark,
    Ready,
    TurnEnded,
    TurnStarted,
    Unknown,
    Wrong,
)
from loadstone.clients.voice.events import agent_error, excerpt, parsed, part, pcm_audio, transcript, word
from loadstone.clients.voice.resample import Resampler, mono

LINE_MOST_BYTES = 64 << 10
SPOKEN = "audio-stop"  # the mark that stands at the end of each of the agent's answers
PLAYED = b'{"type":"played"}\n'
RATES_HZ = range(4_000, 192_001)
CHANNELS = range(1, 9)
# Events whose name says everything; an empty meaning is no surprise, and not even counted as unknown.
PLAIN: dict[str, tuple[Heard, ...]] = {
    "audio-stop": (TurnEnded("agent"), Mark(SPOKEN)),
    "voice-started": (TurnStarted("caller"),),
    "voice-stopped": (TurnEnded("caller"),),
    "info": (Ready(),),
    "clear": (Clear(),),
    "transcript-start": (),
    "transcript-stop": (),
    "synthesize-stopped": (),
    "pong": (),
}


class WyomingDialect:
    """One call, or one use of a speech service: recognition hears it, synthesis is asked with `synthesize`."""

    waits_for_ready = False

    def __init__(self, rate_hz: int = 16_000, *, transcribe: bool = False, language: str = "", voice: str = "") -> None:
        """`transcribe` asks a recogniser before the sound begins; an agent needs no asking."""
        self.rate_hz = rate_hz
        self._transcribe, self._language, self._voice = transcribe, language, voice
        self._format = {"rate": rate_hz, "width": 2, "channels": 1}
        self._frame = rate_hz * FRAME_MS // 1_000 * 2
        self._frame_head = self._head(self._frame)
        self._spoken_samples = 0
        self._arrived = Arrived()
        self._agent: tuple[int, int] | None = None  # its rate and channels; None until it says what it sends
        self._resampler: Resampler | None = None

    def hello(self) -> list[bytes]:
        """What is wanted, and that sound begins."""
        asked = [event("transcribe", {"language": self._language} if self._language else {})] if self._transcribe else []
        return [*asked, event("audio-start", self._format)]

    def speak(self, pcm: bytes) -> list[bytes]:
        """One audio-chunk."""
        head = self._frame_head if len(pcm) == self._frame else self._head(len(pcm))
        self._spoken_samples += len(pcm) // 2
        return [head + pcm]

    def _head(self, size: int) -> bytes:
        return event("audio-chunk", self._format, size)

    def played(self, mark: str) -> list[bytes]:
        """An answer was heard to its end."""
        return [PLAYED] if mark == SPOKEN else []

    def interrupted(self, played_ms: int) -> list[bytes]:  # noqa: ARG002  the protocol has no word for it
        """Nothing."""
        return []

    def finished(self) -> list[bytes]:
        """The caller's sound ends: a recogniser answers now."""
        return [event("audio-stop", {"timestamp": self._spoken_samples * 1_000 // self.rate_hz})]

    def synthesize(self, text: str) -> list[bytes]:
        """Ask a synthesiser for a text."""
        voice = {"voice": {"name": self._voice}} if self._voice else {}
        return [event("synthesize", {"text": text, **voice})]

    def bye(self) -> list[bytes]:
        """The caller's sound ends."""
        return self.finished()

    def feed(self, piece: bytes) -> list[Heard]:
        """See StreamDialect."""
        heard: list[Heard] = []
        for found in self._arrived.add(piece):
            heard += [found] if isinstance(found, Wrong) else self._read(*found)
        return heard

    def _read(self, name: str, data: dict[str, Any], payload: bytes) -> list[Heard]:
        match name:
            case "audio-chunk":
                return self._chunk(data, payload)
            case "audio-start":
                return [TurnStarted("agent"), *self._agreed(data)]
            case "transcript" | "transcript-chunk":
                return [transcript(data.get("text"), "caller", final=name == "transcript", event=name)]
            case "handled" | "not-handled":
                return [transcript(data.get("text"), "agent", final=True, event=name)] if data.get("text") else []
            case "error":
                return [agent_error({"message": data.get("text"), "code": data.get("code")})]
        return list(PLAIN.get(name, (Unknown(name),)))

    def _agreed(self, data: dict[str, Any]) -> list[Heard]:
        """What the agent's sound is made of; a Wrong when that cannot be heard."""
        rate, width, channels = data.get("rate"), data.get("width"), data.get("channels")
        if not (isinstance(rate, int) and isinstance(channels, int) and rate in RATES_HZ and channels in CHANNELS and width == 2):
            self._agent = None
            return [Wrong("bad_format", excerpt(f"rate {rate!r}, width {width!r}, channels {channels!r}", 200))]
        if self._agent != (rate, channels):
            self._agent = (rate, channels)
            self._resampler = Resampler(rate, self.rate_hz) if rate != self.rate_hz else None
        return []

    def _chunk(self, data: dict[str, Any], payload: bytes) -> list[Heard]:
        wrong = self._agreed(data)
        if wrong or self._agent is None:
            return wrong
        channels = self._agent[1]
        heard = pcm_audio(payload) if len(payload) % (2 * channels) else []
        pcm = mono(payload, channels)
        pcm = self._resampler.add(pcm[: len(pcm) // 2 * 2]) if self._resampler is not None else pcm
        return [each for each in heard if isinstance(each, Wrong)] + pcm_audio(pcm[: len(pcm) // 2 * 2])


class Arrived:
    """Whole events out of a stream of bytes; what one event may take is bounded, what is too large is passed over."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0  # bytes still to come of what was too large
        self._lost = False  # nothing after this can be told apart

    def add(self, piece: bytes) -> list[tuple[str, dict[str, Any], bytes] | Wrong]:
        """Name, data and payload of each event that is whole now."""
        found: list[tuple[str, dict[str, Any], bytes] | Wrong] = []
        if self._lost:
            return found
        buffer = self._buffer
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        buffer += memoryview(piece)[skipped:] if skipped else piece
        at = 0
        while not self._skip and (line_end := buffer.find(b"\n", at, at + LINE_MOST_BYTES)) >= 0:
            if not buffer[at:line_end].strip():
                at = line_end + 1
                continue
            head = _head_of(bytes(buffer[at:line_end]))
            if isinstance(head, Wrong):
                found.append(head)
                return self._lose(found)
            more, size = head[2], head[3]
            start, end = line_end + 1, line_end + 1 + more + size
            if more + size > MESSAGE_MOST_BYTES:
                found.append(Wrong("too_large", f"{excerpt(head[0])} of {more + size} bytes"))
                self._skip, at = max(0, end - len(buffer)), min(end, len(buffer))
            elif len(buffer) < end:
                break
            else:
                found.append(_whole(head[0], head[1], bytes(buffer[start : start + more]), bytes(buffer[start + more : end])))
                at = end
        del buffer[:at]
        if len(buffer) >= LINE_MOST_BYTES and buffer.find(b"\n", 0, LINE_MOST_BYTES) < 0:
            found.append(Wrong("too_large", f"a line of more than {LINE_MOST_BYTES} bytes"))
            return self._lose(found)
        return found

    def _lose(self, found: list[tuple[str, dict[str, Any], bytes] | Wrong]) -> list[tuple[str, dict[str, Any], bytes] | Wrong]:
        self._lost = True
        self._buffer = bytearray()
        return found


def _head_of(line: bytes) -> tuple[str, dict[str, Any], int, int] | Wrong:
    head = parsed(line)
    if isinstance(head, Wrong):
        return head
    more, size = head.get("data_length") or 0, head.get("payload_length") or 0
    if type(more) is not int or type(size) is not int or more < 0 or size < 0:
        return Wrong("bad_event", f"{word(head.get('type'))} with a length that is none")
    return word(head.get("type")), part(head, "data"), more, size


def _whole(name: str, data: dict[str, Any], more: bytes, payload: bytes) -> tuple[str, dict[str, Any], bytes] | Wrong:
    if not more:
        return name, data, payload
    further = parsed(more)
    return further if isinstance(further, Wrong) else (name, {**data, **further}, payload)


def event(name: str, data: Mapping[str, Any] | None = None, payload_length: int = 0) -> bytes:
    """The line of an event, without its payload."""
    head: dict[str, Any] = {"type": name}
    if data:
        head["data"] = dict(data)
    if payload_length:
        head["payload_length"] = payload_length
    return json.dumps(head, separators=(",", ":")).encode() + b"\n"

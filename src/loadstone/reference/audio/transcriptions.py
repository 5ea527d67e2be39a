"""`POST /v1/audio/transcriptions`: what was said in a sound, by the oracle or by a real recogniser.

Source: OpenAI's reference "Create transcription".
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from loadstone.reference.audio.choice import RECOGNISERS, failing, switches_of
from loadstone.reference.audio.forms import read_form
from loadstone.reference.audio.waves import Sound, read_sound
from loadstone.reference.bodies import Refusal, read_raw
from loadstone.reference.state import Backend, backend_of
from loadstone.reference.streams import EVENT_STREAM
from loadstone.reference.voice import parts
from loadstone.reference.voice.sound import peak, resampled
from loadstone.reference.voice.switches import VoiceSwitches
from loadstone.reference.voice.workers import PartFailed

MOST_BYTES = 25 * 1024 * 1024
FORMATS = ("json", "text", "verbose_json")


async def transcriptions(request: Request) -> Response:
    """The words of one file; at once, or piece by piece with `stream`."""
    backend = backend_of(request)
    form = read_form(request.headers.get("content-type", ""), await read_raw(request, MOST_BYTES))
    arrival = backend.timer.now()
    model = RECOGNISERS.of(_text(form, "model"))
    wanted = _text(form, "response_format", "json")
    if wanted not in FORMATS:
        raise Refusal(400, f"'response_format' must be one of {', '.join(FORMATS)}", param="response_format")
    if "file" not in form:
        raise Refusal(400, "'file' is missing", param="file")
    sound = read_sound(form["file"])
    switches = switches_of(request, backend)
    failing(backend, switches, "stt")
    text = await _recognised(backend, model, sound, switches, arrival)
    backend.hub.voice.counts.transcribed += 1
    if _text(form, "stream", "false").lower() == "true":
        return StreamingResponse(_events(text), headers=EVENT_STREAM)
    if wanted == "text":
        return PlainTextResponse(text + "\n")
    if wanted == "json":
        return JSONResponse({"text": text})
    return JSONResponse({"task": "transcribe", "language": "english", "duration": sound.seconds, "text": text, "segments": []})


async def _recognised(backend: Backend, model: str, sound: Sound, switches: VoiceSwitches, arrival: float) -> str:
    if model:
        pcm = resampled(sound.pcm, sound.rate_hz, parts.RATE_HZ)
        try:
            return await backend.hub.voice.studio.workers.recognise(pcm, model)
        except PartFailed as error:
            raise Refusal(500, str(error), code="part_failed") from None
    await backend.timer.until(arrival + switches.transcript_ms / 1e3)
    return switches.transcript if peak(sound.pcm, mulaw=False) >= switches.level else ""


async def _events(text: str) -> AsyncIterator[bytes]:
    # Recognition is of the whole file: its pieces are words, and all are there at once.
    words = text.split(" ") if text else []
    for number, word in enumerate(words):
        yield _event({"type": "transcript.text.delta", "delta": f" {word}" if number else word})
    yield _event({"type": "transcript.text.done", "text": text})


def _event(content: dict[str, str]) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def _text(form: dict[str, bytes], name: str, default: str | None = None) -> str:
    if name not in form:
        if default is None:
            raise Refusal(400, f"{name!r} is missing", param=name)
        return default
    return form[name].decode("utf-8", "replace")

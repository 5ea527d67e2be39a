"""`POST /v1/audio/speech`: a text as sound that comes piece by piece, by the oracle or by a real synthesizer.

Source: OpenAI's reference "Create speech".
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from loadstone.reference.audio.choice import SYNTHESIZERS, failing, switches_of
from loadstone.reference.audio.transcriptions import transcriptions
from loadstone.reference.audio.waves import wav_head
from loadstone.reference.bodies import Refusal, read_object, text_field
from loadstone.reference.state import Backend, backend_of
from loadstone.reference.streams import EVENT_STREAM
from loadstone.reference.voice import parts
from loadstone.reference.voice.sound import FRAME_S, framed, resampled, tone
from loadstone.reference.voice.switches import VoiceSwitches
from loadstone.reference.voice.workers import PartFailed

RATE_HZ = 24_000  # of all answers
MOST_CHARACTERS = 4_096
CONTENT_TYPES = {"wav": "audio/wav", "pcm": f"audio/pcm; rate={RATE_HZ}"}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


async def speech(request: Request) -> Response:
    """Sound in chunks; as server-sent events with `stream_format: sse`."""
    backend = backend_of(request)
    arrival = backend.timer.now()
    body = await read_object(request)
    model = SYNTHESIZERS.of(text_field(body, "model"))
    text = text_field(body, "input")
    if not 1 <= len(text.strip()) <= MOST_CHARACTERS:
        raise Refusal(400, f"'input' must have 1 to {MOST_CHARACTERS} characters", param="input")
    form, stream = text_field(body, "response_format", default="wav"), text_field(body, "stream_format", default="audio")
    if form not in CONTENT_TYPES:
        raise Refusal(400, f"'response_format' must be one of {', '.join(CONTENT_TYPES)}", param="response_format")
    if stream not in {"audio", "sse"}:
        raise Refusal(400, "'stream_format' must be audio or sse", param="stream_format")
    switches = switches_of(request, backend)
    failing(backend, switches, "tts")
    if model:
        size, sound = None, _sentences(backend, text, model)
        first = await anext(sound)  # a part that cannot do it at all is an answer of 500, not one that breaks off
        sound = _then(first, sound)
    else:
        pcm = tone(RATE_HZ, switches.speak_s, switches.lead_ms / 1e3)
        size, sound = len(pcm), _oracle(backend, pcm, switches, arrival + switches.first_token_ms / 1e3)
    backend.hub.voice.counts.synthesized += 1
    if form == "wav":
        sound = _with_head(wav_head(RATE_HZ, size), sound)
    if stream == "sse":
        return StreamingResponse(_events(sound), headers=EVENT_STREAM)
    return StreamingResponse(sound, headers={"content-type": CONTENT_TYPES[form]})


async def _oracle(backend: Backend, pcm: bytes, switches: VoiceSwitches, begin: float) -> AsyncIterator[bytes]:
    """Frames at their instants, `speed` times as fast as they are heard."""
    frames = framed(pcm, RATE_HZ, mulaw=False) if switches.speed else [pcm]
    pace_s = FRAME_S / switches.speed if switches.speed else 0.0
    for number, frame in enumerate(frames):
        stalled = switches.stall_ms and number * FRAME_S >= switches.stall_at_s
        await backend.timer.until(begin + number * pace_s + (switches.stall_ms / 1e3 if stalled else 0.0))
        yield frame


async def _sentences(backend: Backend, text: str, model: str) -> AsyncIterator[bytes]:
    """The sound of each sentence as soon as it is made. Raises Refusal 500 when the first cannot be made."""
    for number, sentence in enumerate(_SENTENCE_END.split(text.strip())):
        try:
            pcm = await backend.hub.voice.studio.workers.synthesize(sentence, model)
        except PartFailed as error:
            if number:
                raise  # the answer has begun: it breaks off
            raise Refusal(500, str(error), code="part_failed") from None
        yield resampled(pcm, parts.RATE_HZ, RATE_HZ)


async def _then(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _with_head(head: bytes, sound: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The head goes with the first sound, and is no first byte of its own."""
    async for piece in sound:
        yield head + piece
        head = b""


async def _events(sound: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in sound:
        yield b'data: {"type": "speech.audio.delta", "audio": "' + b64encode(piece) + b'"}\n\n'
    yield b"data: " + json.dumps({"type": "speech.audio.done"}).encode() + b"\n\n"


ROUTES = [
    Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
    Route("/v1/audio/speech", speech, methods=["POST"]),
]

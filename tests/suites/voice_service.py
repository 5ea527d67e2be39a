"""A voice backend that is not the reference backend: Starlette, SQLite; tools, sessions, speech and answers in OpenAI's shape.

python voice_service.py PORT FILE [forgetful]: serves on loopback until it is killed; forgetful keeps sessions in memory alone.
"""

import asyncio
import contextlib
import email
import io
import json
import sqlite3
import sys
import wave
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

TOOLS = {"add": lambda: 1 + 1, "shout": "hello".upper}
WORDS, RATE_HZ = ["turn ", "the ", "light ", "on"], 24_000
BUSY_MS = 40
LAST_S = 0.4  # before the last piece: who reads the first one late reads it before that, still


class Service:
    """Its state is one file of SQLite; each message is committed before it is acknowledged."""

    def __init__(self, file: str) -> None:
        self.kept = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self.kept.execute("CREATE TABLE IF NOT EXISTS conversation (id INTEGER PRIMARY KEY)")
        self.kept.execute("CREATE TABLE IF NOT EXISTS utterance (id INTEGER PRIMARY KEY, conversation INTEGER, words TEXT)")

    async def create(self, _: Request) -> Response:
        return JSONResponse({"id": str(self.kept.execute("INSERT INTO conversation DEFAULT VALUES").lastrowid)})

    async def insert(self, request: Request) -> Response:
        row = (request.path_params["id"], (await request.json())["text"])
        return JSONResponse({"id": self.kept.execute("INSERT INTO utterance (conversation, words) VALUES (?, ?)", row).lastrowid})

    async def query(self, request: Request) -> Response:
        asked = (request.path_params["id"], int(request.query_params.get("after", 0)))
        rows = self.kept.execute("SELECT id, words FROM utterance WHERE conversation = ? AND id > ? ORDER BY id", asked)
        return JSONResponse({"messages": [{"id": number, "text": words} for number, words in rows]})


async def tools(_: Request) -> Response:
    return JSONResponse({"tools": [{"name": name} for name in TOOLS]})


async def run(request: Request) -> Response:
    return JSONResponse({"result": TOOLS[request.path_params["name"]]()})


async def hear(request: Request) -> Response:
    """Recognition: always the same words, after a while; JSON, text, or events piece by piece."""
    form = await fields(request)
    with contextlib.closing(wave.open(io.BytesIO(form["file"]))) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    if form.get("stream") == b"true":
        return StreamingResponse(written(), media_type="text/event-stream")
    await asyncio.sleep(BUSY_MS / 1e3)
    if form.get("response_format") == b"text":
        return PlainTextResponse("".join(WORDS))
    return JSONResponse({"text": "".join(WORDS), "duration": seconds})


async def fields(request: Request) -> dict[str, bytes]:
    """The fields of a form of several parts, read by the standard library."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts: Any = email.message_from_bytes(head + await request.body()).get_payload()
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in parts}


async def written() -> AsyncIterator[str]:
    for word in WORDS:
        await asyncio.sleep(BUSY_MS / 1e3)
        yield f"data: {json.dumps({'type': 'transcript.text.delta', 'delta': word})}\n\n"
    await asyncio.sleep(LAST_S)
    yield f"data: {json.dumps({'type': 'transcript.text.done', 'text': ''.join(WORDS)})}\n\n"


async def say(request: Request) -> Response:
    """Synthesis: a twentieth of a second of a square wave for each letter; whole as WAV, or in pieces as bare samples."""
    asked = await request.json()
    pcm = (b"\x00\x20" * 60 + b"\x00\xe0" * 60) * (len(asked["input"]) * RATE_HZ // 20 // 120)
    if asked["response_format"] == "pcm":
        return StreamingResponse(spoken(pcm, 0.5 if asked["voice"] == "stutters" else 0.0), media_type="audio/pcm")
    file = io.BytesIO()
    with contextlib.closing(wave.open(file, "wb")) as sound:
        sound.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        sound.writeframes(pcm)
    return Response(file.getvalue(), media_type="audio/wav")


async def spoken(pcm: bytes, freeze_s: float) -> AsyncIterator[bytes]:
    for at in range(0, len(pcm), 4_800):
        await asyncio.sleep(BUSY_MS / 1e3 + freeze_s * (at == 4_800) + LAST_S * (at + 4_800 >= len(pcm)))
        yield pcm[at : at + 4_800]


async def chat(request: Request) -> Response:
    """Forty words, one every 10 ms; the model says what is wrong with them."""
    asked = await request.json()
    return StreamingResponse(answered(asked["model"]), media_type="text/event-stream")


async def answered(model: str) -> AsyncIterator[str]:
    events = [f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': f'word{n} '}}]})}\n\n" for n in range(40)]
    end = f"data: {json.dumps({'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]})}\n\ndata: [DONE]\n\n"
    if model == "faked":  # worked out as a whole, then sent as if it had been a stream
        await asyncio.sleep(0.4)
        yield "".join(events) + end
        return
    step = 4 if model == "shared" else 1  # of four words, one piece
    for at in range(0, len(events), step):
        await asyncio.sleep(step / 100 + 0.6 * (model == "frozen" and at == 20))
        yield "".join(events[at : at + step])
    yield end


def main() -> None:
    port, file = int(sys.argv[1]), ":memory:" if "forgetful" in sys.argv else sys.argv[2]
    service = Service(file)
    messages = "/api/chat/sessions/{id}/messages"
    routes = [
        Route("/api/chat/sessions", service.create, methods=["POST"]),
        Route(messages, service.insert, methods=["POST"]),
        Route(messages, service.query),
        Route("/tools", tools),
        Route("/tools/{name}", run, methods=["POST"]),
        Route("/v1/audio/transcriptions", hear, methods=["POST"]),
        Route("/v1/audio/speech", say, methods=["POST"]),
        Route("/v1/chat/completions", chat, methods=["POST"]),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    main()

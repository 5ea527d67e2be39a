"""Somebody else's chat service: nothing in it is called as the reference backend calls it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.suites.threaded_services import ThreadedService

OURS = """
api:
  ask_path: /v2/questions
  question_field: q.text
  answer_field: data.replies.0
  health_path: /up
  sessions_path: /v2/talks
  user_field: ""
  session_field: talk.key
  messages_path: /v2/talks/{id}/lines
  message_field: line
  reply_field: said
  history_path: /v2/talks/{id}
  history_field: ""
  completions_path: /v2/stream
  models_path: ""
  model: parlour-1
websocket:
  path: /live/{room}?as={user}
  message: '{"kind": "line", "body": "{text}", "nonce": "{id}"}'
  match: json.nonce = json.of
  ask: '{"kind": "question", "body": "{text}"}'
  answer: '{"kind": "reply"}'
  error: ""
  typing_on: '{"kind": "composing", "busy": true}'
  typing_off: '{"kind": "composing", "busy": false}'
"""


class Parlour(ThreadedService):
    """Questions, talks, a stream and live rooms, in a thread.

    fails: the share of questions that are answered 503
    seats: connections to rooms at one time; the next handshake is refused
    """

    def __init__(self, fails: float = 0.0, seats: int = 60) -> None:
        self._fails, self._seats, self._rng = fails, seats, random.Random(3)
        self.seen: Counter[str] = Counter()
        self._taken = 0
        self._talks: dict[str, list[str]] = {}
        self._numbers = itertools.count()
        self._rooms: dict[str, set[WebSocket]] = defaultdict(set)
        routes = [
            Route("/up", self._up),
            Route("/v2/questions", self._question, methods=["POST"]),
            Route("/v2/talks", self._open, methods=["POST"]),
            Route("/v2/talks/{key}", self._lines),
            Route("/v2/talks/{key}/lines", self._line, methods=["POST"]),
            Route("/v2/stream", self._stream, methods=["POST"]),
            WebSocketRoute("/live/{room}", self._live),
        ]
        super().__init__(routes, ws="websockets-sansio")

    async def _up(self, request: Request) -> Response:
        self.seen[request.url.path] += 1
        return PlainTextResponse("up")

    async def _question(self, request: Request) -> Response:
        self.seen[request.url.path] += 1
        text = (await request.json())["q"]["text"]
        if self._rng.random() < self._fails:
            return JSONResponse({"error": "no room"}, 503)
        return JSONResponse({"data": {"replies": [f"You said: {text}"]}})

    async def _open(self, request: Request) -> Response:
        self.seen[request.url.path] += 1
        key = f"t{next(self._numbers)}"
        self._talks[key] = []
        return JSONResponse({"talk": {"key": key}}, 201)

    async def _line(self, request: Request) -> Response:
        self.seen["lines"] += 1
        said = (await request.json())["line"]
        self._talks[request.path_params["key"]] += [said, "Indeed."]
        return JSONResponse({"said": "Indeed."})

    async def _lines(self, request: Request) -> Response:
        self.seen["talk"] += 1
        return JSONResponse(self._talks[request.path_params["key"]])

    async def _stream(self, request: Request) -> Response:
        self.seen[(await request.json())["model"]] += 1

        async def words() -> AsyncIterator[str]:
            for word in ("It", " is", " decided."):
                yield f'data: {{"choices": [{{"delta": {{"content": "{word}"}}}}]}}\n\n'
                await asyncio.sleep(0)
            yield "data: [DONE]\n\n"

        return StreamingResponse(words(), media_type="text/event-stream")

    async def _live(self, socket: WebSocket) -> None:
        if self._taken >= self._seats:
            await socket.close()  # before it was accepted: 403
            return
        self._taken += 1
        room = self._rooms[socket.path_params["room"]]
        try:
            await socket.accept()
            room.add(socket)
            while True:
                await self._heard(socket, room, await socket.receive_json())
        except WebSocketDisconnect:
            pass
        finally:
            room.discard(socket)
            self._taken -= 1

    async def _heard(self, socket: WebSocket, room: set[WebSocket], said: dict[str, Any]) -> None:
        self.seen[said["kind"]] += 1
        if said["kind"] == "line":
            for each in tuple(room):
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # who has just left hears nothing
                    await each.send_json({"kind": "line", "of": said["nonce"], "body": said["body"]})
            return
        await socket.send_json({"kind": "composing", "busy": True})
        await asyncio.sleep(0.02)
        await socket.send_json({"kind": "reply", "body": "So it is."})
        await socket.send_json({"kind": "composing", "busy": False})

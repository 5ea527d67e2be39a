"""OpenAI's chat completions over the simulator: plain, and streamed as server-sent events on an exact schedule."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object, whole_field
from loadstone.reference.delays import Delay, parse_delay
from loadstone.reference.simulator import MODEL, Completion, complete
from loadstone.reference.state import Backend, backend_of

_OWN_FIELDS = ("ttft", "token_gap", "tokens", "tokens_per_chunk")
_MOST_TOKENS = 100_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for, checked.

    dues_s: when each token is due, in seconds after the request's arrival, rising
    """

    completion: Completion
    dues_s: list[float]
    tokens_per_chunk: int
    stream: bool
    include_usage: bool

    @property
    def finish_reason(self) -> str:
        """Why the answer ends, in OpenAI's words."""
        return "length" if self.completion.cut else "stop"

    @property
    def usage(self) -> dict[str, int]:
        """Exact token counts."""
        asked, said = self.completion.prompt_tokens, len(self.completion.tokens)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


async def chat_completions(request: Request) -> Response:
    """`POST /v1/chat/completions`."""
    backend = backend_of(request)
    arrival = backend.timer.now()
    wish = read_wish(await read_object(request), backend)
    backend.ledger.tokens += len(wish.completion.tokens)
    if wish.stream:
        return TokenStream(wish, backend, arrival)
    await backend.timer.until(arrival + wish.dues_s[-1])
    message = {"role": "assistant", "content": wish.completion.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": wish.finish_reason}
    return JSONResponse({**_head("chat.completion"), "choices": [choice], "usage": wish.usage})


async def models(_: Request) -> Response:
    """`GET /v1/models`."""
    return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "loadstone"}]})


class TokenStream(Response):
    """Server-sent events at their due times: a role-only chunk at once, the tokens, the finish, the usage, `[DONE]`.

    A late event does not move the later ones: due times count from the request's arrival.
    """

    media_type = "text/event-stream"

    def __init__(self, wish: Wish, backend: Backend, arrival: float) -> None:
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._wish, self._backend, self._arrival = wish, backend, arrival
        self._head = _head("chat.completion.chunk") | ({"usage": None} if wish.include_usage else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; stop when the client has gone."""
        del scope
        gone = asyncio.ensure_future(_disconnect(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _send_event(send, self._chunk({"role": "assistant", "content": ""}, None))
            if await self._send_tokens(send, gone):
                self._backend.ledger.streams_cancelled += 1
                return
            await _send_event(send, self._chunk({}, self._wish.finish_reason))
            if self._wish.include_usage:
                await _send_event(send, json.dumps({**self._head, "choices": [], "usage": self._wish.usage}).encode())
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        finally:
            gone.cancel()

    async def _send_tokens(self, send: Send, gone: asyncio.Future[None]) -> bool:
        """True when the client left before the last token."""
        tokens, dues, size = self._wish.completion.tokens, self._wish.dues_s, self._wish.tokens_per_chunk
        # Everything around the token is the same in each chunk: encode it once.
        before, after = self._chunk({"content": "\0"}, None).split(b'"\\u0000"')
        for start in range(0, len(tokens), size):
            part = tokens[start : start + size]
            await self._backend.timer.until(self._arrival + dues[start + len(part) - 1])
            if gone.done():
                return True
            await _send_event(send, before + json.dumps("".join(part)).encode() + after)
        return False

    def _chunk(self, delta: dict[str, str], finish_reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return json.dumps({**self._head, "choices": [choice]}).encode()


def read_wish(body: dict[str, Any], backend: Backend) -> Wish:
    """Check a request's body. Raises Refusal with the field that is wrong, as OpenAI's API does."""
    model = body.get("model")
    if model != MODEL:
        if not isinstance(model, str):
            raise Refusal(400, "you must provide a model parameter", param="model")
        raise Refusal(404, f"the model {model[:60]!r} does not exist; known: {MODEL}", param="model", code="model_not_found")
    if body.get("n", 1) != 1:
        raise Refusal(400, "'n' must be 1: the simulator gives one choice", param="n")
    settings = backend.settings
    own = body.get("simulator") or {}
    if not isinstance(own, dict) or not set(own) <= set(_OWN_FIELDS):
        raise Refusal(400, f"'simulator' must be an object of {', '.join(_OWN_FIELDS)}", param="simulator")
    tokens = whole_field(own, "tokens", None, least=1, greatest=_MOST_TOKENS)
    seed = whole_field(body, "seed", 0, least=-(2**63), greatest=2**63) or 0
    limit = whole_field(body, "max_tokens", None, least=1, greatest=_MOST_TOKENS)
    limit = whole_field(body, "max_completion_tokens", limit, least=1, greatest=_MOST_TOKENS)
    prompt = _prompt(body.get("messages"))
    completion = complete(prompt, seed=settings.seed + seed, tokens=(tokens, tokens) if tokens else settings.tokens, limit=limit)
    rng = Random(f"gaps {settings.seed + seed} {prompt}")
    return Wish(
        completion,
        due_times(len(completion.tokens), _delay(own, "ttft", settings.ttft), _delay(own, "token_gap", settings.token_gap), rng),
        whole_field(own, "tokens_per_chunk", 1, least=1, greatest=1000) or 1,
        bool(body.get("stream", False)),
        _include_usage(body),
    )


def due_times(count: int, ttft: Delay, gap: Delay, rng: Random) -> list[float]:
    """Seconds from arrival to each token; `count` is at least 1."""
    dues = [ttft.draw(rng)]
    for _ in range(count - 1):
        dues.append(dues[-1] + gap.draw(rng))
    return dues


def _include_usage(body: dict[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict) or not body.get("stream"):
        raise Refusal(400, "'stream_options' must be an object and needs 'stream': true", param="stream_options")
    return bool(options.get("include_usage", False))


def _prompt(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "'messages' must be a list of at least one message", param="messages")
    texts = []
    for index, message in enumerate(messages):
        content = message.get("content") if isinstance(message, dict) and isinstance(message.get("role"), str) else None
        if isinstance(content, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            content = "".join(part["text"] for part in content)
        if not isinstance(content, str):
            raise Refusal(400, "a message needs a 'role' and a 'content' of text", param=f"messages[{index}]")
        texts.append(content)
    return "\n".join(texts)


def _delay(own: dict[str, Any], name: str, default: Delay) -> Delay:
    if name not in own:
        return default
    try:
        return parse_delay(own[name])
    except UsageError as error:
        raise Refusal(400, str(error), param=f"simulator.{name}") from None


def _head(kind: str) -> dict[str, Any]:
    identity = f"chatcmpl-{secrets.token_hex(12)}"
    return {"id": identity, "object": kind, "created": int(time.time()), "model": MODEL, "system_fingerprint": "simulator"}


async def _send_event(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": b"data: " + data + b"\n\n", "more_body": True})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


ROUTES = [
    Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    Route("/v1/models", models, methods=["GET"]),
]

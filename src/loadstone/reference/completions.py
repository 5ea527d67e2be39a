"""The simulated model behind the URLs of its dialects: OpenAI's chat, completions and responses, and messages in Anthropic's form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference import asks
from loadstone.reference.bodies import Refusal, read_object
from loadstone.reference.dialects.chat import ChatCompletion
from loadstone.reference.dialects.frames import Dialect, DialectMaker
from loadstone.reference.dialects.messages import Message
from loadstone.reference.dialects.responses import Response as ResponsesAnswer
from loadstone.reference.dialects.text import TextCompletion
from loadstone.reference.forwarding import Forwarded
from loadstone.reference.model import ClientLeft
from loadstone.reference.reply import Ask, Ending, Reply
from loadstone.reference.simulator import MODEL
from loadstone.reference.state import Backend, backend_of
from loadstone.reference.streams import ReplyStream, disconnected
from loadstone.reference.switches import OF_A_REQUEST, Switches, read_switches


async def chat_completions(request: Request) -> Response:
    """`POST /v1/chat/completions`."""
    return await _serve(request, asks.chat_ask, ChatCompletion)


async def text_completions(request: Request) -> Response:
    """`POST /v1/completions`."""
    return await _serve(request, asks.text_ask, TextCompletion, only_text=True)


async def responses(request: Request) -> Response:
    """`POST /v1/responses`."""
    return await _serve(request, asks.responses_ask, ResponsesAnswer)


async def messages(request: Request) -> Response:
    """`POST /v1/messages`."""
    return await _serve(request, asks.messages_ask, Message)


async def models(request: Request) -> Response:
    """`GET /v1/models`."""
    real = backend_of(request).real
    names = [MODEL, *([real.name] if real else [])]
    return JSONResponse(
        {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "loadstone"} for name in names]}
    )


def request_switches(body: dict[str, Any], start: Switches) -> Switches:
    """The switches in force with what the request's own field `simulator` changes. Raises Refusal 400."""
    own = body.get("simulator") or {}
    if not isinstance(own, dict):
        raise Refusal(400, "'simulator' must be an object of switches", param="simulator")
    try:
        return read_switches(own, start, names=OF_A_REQUEST) if own else start
    except UsageError as error:
        raise Refusal(400, str(error), param=error.where) from None


def cache_headers(hit: bool | None) -> dict[str, str]:
    """`x-cache`, where there is a cache."""
    return {} if hit is None else {"x-cache": "hit" if hit else "miss"}


async def _serve(request: Request, read: Callable[[dict[str, Any]], Ask], make: DialectMaker, *, only_text: bool = False) -> Response:
    backend = backend_of(request)
    arrival = backend.timer.now()
    body = await read_object(request)
    model = backend.model
    if backend.real is not None and body.get("model") == backend.real.name:
        return Forwarded(backend.real.url, "POST", request.url.path, {name: value for name, value in body.items() if name != "simulator"})
    ask = read(body)
    switches = request_switches(body, model.switches)
    if only_text:
        switches = replace(switches, reasoning=0, tool_calls=0)
    model.check_rate()
    hit = model.cache.find(request.url.path, body)
    reply = model.reply(ask, switches, hit=bool(hit))
    if ask.stream:
        dialect, headers = make(ask, reply, switches), cache_headers(hit)
        return ReplyStream(dialect, reply, switches, model, backend.timer, arrival=arrival, hit=bool(hit), headers=headers)
    return await _plain(request, backend, make(ask, reply, switches), reply, arrival, hit)


async def _plain(request: Request, backend: Backend, dialect: Dialect, reply: Reply, arrival: float, hit: bool | None) -> Response:
    """The whole answer when its last token is due. Breaks of streams do not apply."""
    model = backend.model
    gone = asyncio.ensure_future(disconnected(request.receive))
    try:
        async with model.generating(reply, arrival, gone, hit=bool(hit)) as start:
            await backend.timer.until(start + reply.end_s)
    except ClientLeft:
        model.done.cancelled += 1
        return Response(status_code=499)  # nobody reads it; the ledger does
    finally:
        gone.cancel()
    now = backend.timer.now()
    model.sent(reply.tokens - reply.reasoning_tokens, False, now - start - reply.end_s)
    if reply.reasoning_tokens:
        model.sent(reply.reasoning_tokens, True, 0.0)
    model.finish(reply, now - arrival)
    model.ended(Ending.COMPLETE)
    return JSONResponse(dialect.whole(), headers=cache_headers(hit))


ROUTES = [
    Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    Route("/v1/completions", text_completions, methods=["POST"]),
    Route("/v1/responses", responses, methods=["POST"]),
    Route("/v1/messages", messages, methods=["POST"]),
    Route("/v1/models", models, methods=["GET"]),
]

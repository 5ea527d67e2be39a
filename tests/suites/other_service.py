"""An OpenAI-like service that is not the reference backend: Starlette, a cache of answers, and memory that can be asked for.

python other_service.py BALLAST_MB: serves on a free port of loopback, prints the port, and ends when its input does.
"""

import asyncio
import json
import os
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

WORDS = ["one", " two", " three", " four"]
KEPT: OrderedDict[str, bool] = OrderedDict()
MOST_KEPT = 200


async def chat(request: Request) -> Response:
    asked = await request.json()
    told = json.dumps(asked["messages"])
    words = WORDS[: asked.get("max_tokens") or len(WORDS)]
    usage = {"prompt_tokens": len(told) // 4, "completion_tokens": len(words), "total_tokens": len(told) // 4 + len(words)}
    if asked.get("stream"):
        return StreamingResponse(streamed(words, usage), media_type="text/event-stream")
    hit = told in KEPT
    if not hit:
        KEPT[told] = True
        while len(KEPT) > MOST_KEPT:
            KEPT.popitem(last=False)
        await asyncio.sleep(0.02)  # what a hit is spared
    message = {"role": "assistant", "content": "".join(words)}
    body = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    return JSONResponse(body, headers={"x-cache": "hit" if hit else "miss"})


async def streamed(words: list[str], usage: dict[str, int]) -> AsyncIterator[str]:
    for word in words:
        yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': word}}]})}\n\n"
    yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]})}\n\n"
    yield f"data: {json.dumps({'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n"


async def embed(request: Request) -> Response:
    texts: Any = (await request.json())["input"]
    texts = [texts] if isinstance(texts, str) else texts
    rows = [{"index": at, "embedding": [0.5, 0.5]} for at, _ in enumerate(texts)]
    return JSONResponse({"data": rows, "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}})


async def models(_: Request) -> Response:
    return JSONResponse({"object": "list", "data": [{"id": "other", "object": "model"}]})


def main() -> None:
    ballast = os.urandom(int(sys.argv[1]) * 1_000_000)
    routes = [Route("/v1/chat/completions", chat, methods=["POST"]), Route("/v1/embeddings", embed, methods=["POST"])]
    app = Starlette(routes=[*routes, Route("/v1/models", models)])
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(listening.getsockname()[1], flush=True)
    server.run(sockets=[listening])
    del ballast


if __name__ == "__main__":
    main()

"""`POST /v1/embeddings`: seeded unit vectors. Equal texts have equal vectors; nothing else about them means anything."""

from __future__ import annotations

import base64
import math
import struct
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.reference.asks import check_model
from loadstone.reference.bodies import Refusal, read_object, whole_field
from loadstone.reference.completions import cache_headers, request_switches
from loadstone.reference.simulator import count_tokens
from loadstone.reference.state import backend_of

DIMENSIONS = 384
_MOST_TEXTS = 2048


async def embeddings(request: Request) -> Response:
    """One vector for each text; answered after one `ttft`, or `cache_latency` for a hit of the cache."""
    backend = backend_of(request)
    arrival = backend.timer.now()
    body = await read_object(request)
    check_model(body)
    texts = _texts(body.get("input"))
    dimensions = whole_field(body, "dimensions", DIMENSIONS, least=1, greatest=4096) or DIMENSIONS
    encoding = body.get("encoding_format", "float")
    if encoding not in ("float", "base64"):
        raise Refusal(400, "'encoding_format' must be float or base64", param="encoding_format")
    model = backend.model
    switches = request_switches(body, model.switches)
    model.check_rate()
    hit = model.cache.find(request.url.path, body)
    delay = switches.cache_latency if hit else switches.ttft.draw(Random(f"embed {model.seed} {texts[0]}"))
    await backend.timer.until(arrival + delay)
    vectors = [vector(text, dimensions, model.seed) for text in texts]
    tokens = sum(map(count_tokens, texts))
    model.done.requests += 1
    model.done.prompt_tokens += tokens
    data = [{"object": "embedding", "index": index, "embedding": _encoded(found, encoding)} for index, found in enumerate(vectors)]
    answer = {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return JSONResponse(answer, headers=cache_headers(hit))


def vector(text: str, dimensions: int, seed: int) -> list[float]:
    """A vector of length 1, the same for the same text, dimension and seed."""
    rng = Random(f"{seed}|{dimensions}|{text}")
    values = [rng.gauss(0.0, 1.0) for _ in range(dimensions)]
    length = math.hypot(*values)
    return [value / length for value in values]


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 1 <= len(texts) <= _MOST_TEXTS or not all(isinstance(text, str) for text in texts):
        raise Refusal(400, f"'input' must be a text, or a list of 1 to {_MOST_TEXTS} of them", param="input")
    return texts


def _encoded(values: list[float], encoding: str) -> Any:
    """Numbers, or base64 of little-endian 32-bit floats."""
    return values if encoding == "float" else base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


ROUTES = [Route("/v1/embeddings", embeddings, methods=["POST"])]

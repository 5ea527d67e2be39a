"""`POST /v1/transform`: real work on one text or many, in processes of its own, so that parallel workers can be compared."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object, text_field, whole_field
from loadstone.reference.completions import cache_headers
from loadstone.reference.state import Backend, backend_of
from loadstone.reference.switch_values import duration
from loadstone.reference.texts import TASKS, transform

MOST_WORKERS = 64
_MOST_TEXTS = 1000


async def transform_texts(request: Request) -> Response:
    """One `text`, or a batch of `texts` that at most `workers` are at work on at once."""
    backend = backend_of(request)
    arrival = backend.timer.now()
    body = await read_object(request)
    task = text_field(body, "task")
    if task not in TASKS:
        raise Refusal(400, f"'task' must be one of {', '.join(TASKS)}", param="task")
    single = "texts" not in body
    texts = [text_field(body, "text")] if single else body["texts"]
    if not isinstance(texts, list) or not 1 <= len(texts) <= _MOST_TEXTS or not all(isinstance(text, str) for text in texts):
        raise Refusal(400, f"'texts' must be a list of 1 to {_MOST_TEXTS} texts", param="texts")
    workers = whole_field(body, "workers", 1, least=1, greatest=MOST_WORKERS) or 1
    passes = whole_field(body, "passes", 1, least=1, greatest=10_000) or 1
    wait_s = _wait(body)
    backend.model.check_rate()
    hit = backend.model.cache.find(request.url.path, body)
    started = backend.timer.now()
    if hit:
        await backend.timer.until(arrival + backend.model.switches.cache_latency)
        results = [transform(task, text, 1) for text in texts]
    else:
        results = await _batch(backend, task, texts, workers, passes, wait_s)
    elapsed_ms = (backend.timer.now() - started) * 1e3
    told = {"task": task, "workers": workers, "wait_ms": wait_s * 1e3, "passes": passes, "elapsed_ms": elapsed_ms}
    return JSONResponse({**told, **({"result": results[0]} if single else {"results": results})}, headers=cache_headers(hit))


async def _batch(backend: Backend, task: str, texts: list[str], workers: int, passes: int, wait_s: float) -> list[dict[str, Any]]:
    places = asyncio.Semaphore(workers)

    async def one(text: str) -> dict[str, Any]:
        async with places:
            # Waiting stands for what is somewhere else, a model's API say; it needs a worker, but no core.
            if wait_s:
                await backend.timer.until(backend.timer.now() + wait_s)
            return await backend.workshop.run(task, text, passes)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(text)) for text in texts]
    return [task.result() for task in tasks]


def _wait(body: dict[str, Any]) -> float:
    try:
        return duration(body.get("wait", 0), "wait")
    except UsageError as error:
        raise Refusal(400, str(error), param="wait") from None


ROUTES = [Route("/v1/transform", transform_texts, methods=["POST"])]

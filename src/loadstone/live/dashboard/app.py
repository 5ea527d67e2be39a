"""What a browser may ask the dashboard of a run for: the page, the whole past, each new second, and a hand on the controls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from loadstone.live.dashboard.files import page as live_page
from loadstone.live.dashboard.files import static
from loadstone.live.dashboard.guard import posted
from loadstone.live.dashboard.hub import Hub, Viewer

HEARTBEAT_S = 10.0
RETRY_MS = 1000
MOST_VIEWERS = 100
Ask = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


def run_app(hub: Hub, ask: Ask | None) -> Starlette:
    """The application for one run.

    ask: hands a control to the run and gives its answer; None: there are none
    """

    async def page(_: Request) -> Response:
        return Response(live_page("live.html"), media_type="text/html")

    async def whole(_: Request) -> Response:
        return Response(hub.whole(), media_type="application/json")

    async def events(request: Request) -> Response:
        if hub.viewers >= MOST_VIEWERS:
            return Response(f"{MOST_VIEWERS} viewers look already\n", 503, media_type="text/plain")
        seen = _number(request.headers.get("last-event-id") or request.query_params.get("after"))
        viewer = hub.look(seen, request.query_params.get("of", ""))
        return StreamingResponse(_stream(hub, viewer), media_type="text/event-stream")

    async def control(request: Request) -> Response:
        asked = await posted(request)
        if asked is None or not isinstance(asked.get("do"), str):
            return JSONResponse({"done": False, "text": "not a control"}, 400)
        if ask is None:
            return JSONResponse({"done": False, "text": "this run cannot be steered"}, 409)
        answer = await ask(asked)
        return JSONResponse(answer, 200 if answer.get("done") else 409)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/data", whole),
            Route("/events", events),
            Route("/control", control, methods=["POST"]),
            Route("/static/{name}", static),
        ]
    )


async def _stream(hub: Hub, viewer: Viewer) -> AsyncIterator[bytes]:
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while True:
            message = await viewer.next(HEARTBEAT_S)
            if message:
                yield message
            elif viewer.closed:
                return
    finally:
        hub.leave(viewer)


def _number(text: str | None) -> int | None:
    """A number of a message; None for anything else."""
    try:
        found = json.loads(text) if text and len(text) < 20 else None
    except ValueError:
        return None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None

"""Setting WebSockets' switches while the backend runs, and dropping all connections."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object
from loadstone.reference.sockets.switches import close_code, read_socket_switches
from loadstone.reference.state import backend_of


async def show(request: Request) -> Response:
    """The switches in force and what has happened."""
    hub = backend_of(request).hub
    return JSONResponse({"switches": hub.switches.as_json(), "since_s": round(hub.timer.now() - hub.since, 3), **hub.as_json()})


async def put(request: Request) -> Response:
    """Put exactly these switches in force, from now; what is not named is as it was at the start."""
    backend = backend_of(request)
    try:
        switches = read_socket_switches(await read_object(request), backend.settings.sockets)
    except UsageError as error:
        raise Refusal(400, str(error), param=error.where, code="bad_switch") from None
    backend.hub.replace(switches)
    return JSONResponse(switches.as_json())


async def reset(request: Request) -> Response:
    """All switches as they were at the start."""
    backend = backend_of(request)
    backend.hub.replace(backend.settings.sockets)
    return JSONResponse(backend.hub.switches.as_json())


async def drop(request: Request) -> Response:
    """End all connections now: `{"code": 1006}` resets them, any other code is sent in a close frame."""
    body = await read_object(request, optional=True)
    try:
        code = close_code(body.get("code", 1006), "code")
    except UsageError as error:
        raise Refusal(400, str(error), param="code") from None
    return JSONResponse({"dropped": backend_of(request).hub.drop_all(code), "code": code})


ROUTES = [
    Route("/sockets", show, methods=["GET"]),
    Route("/sockets", put, methods=["PUT"]),
    Route("/sockets", reset, methods=["DELETE"]),
    Route("/sockets/drop", drop, methods=["POST"]),
]

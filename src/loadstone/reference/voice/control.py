"""Setting voice's switches while the backend runs, and the truth about its calls."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object
from loadstone.reference.state import backend_of
from loadstone.reference.voice.switches import read_voice_switches


async def show(request: Request) -> Response:
    """The switches in force and what has happened."""
    voice = backend_of(request).hub.voice
    return JSONResponse({"switches": voice.switches.as_json(), **voice.as_json()})


async def put(request: Request) -> Response:
    """Put exactly these switches in force for new calls; what is not named is as it was at the start."""
    backend = backend_of(request)
    try:
        switches = read_voice_switches(await read_object(request), backend.settings.voice)
    except UsageError as error:
        raise Refusal(400, str(error), param=error.where, code="bad_switch") from None
    backend.hub.voice.switches = switches
    return JSONResponse(switches.as_json())


async def reset(request: Request) -> Response:
    """All switches as they were at the start."""
    backend = backend_of(request)
    backend.hub.voice.switches = backend.settings.voice
    return JSONResponse(backend.hub.voice.switches.as_json())


ROUTES = [
    Route("/voice", show, methods=["GET"]),
    Route("/voice", put, methods=["PUT"]),
    Route("/voice", reset, methods=["DELETE"]),
]

"""Setting WebSockets' switches while the backend runs, and dropping all connections."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object
from loadstone.reference.sockets.switches import SocketSwitches, close_code, read_socket_switches
from loadstone.reference.state import Backend, backend_of
from loadstone.reference.switch_routes import switch_routes


def _show(backend: Backend) -> dict[str, Any]:
    hub = backend.hub
    return {"switches": hub.switches.as_json(), "since_s": round(hub.timer.now() - hub.since, 3), **hub.as_json()}


def _replace(backend: Backend, switches: SocketSwitches) -> None:
    backend.hub.replace(switches)


async def drop(request: Request) -> Response:
    """End all connections now: `{"code": 1006}` resets them, any other code is sent in a close frame."""
    body = await read_object(request, optional=True)
    try:
        code = close_code(body.get("code", 1006), "code")
    except UsageError as error:
        raise Refusal(400, str(error), param="code") from None
    return JSONResponse({"dropped": backend_of(request).hub.drop_all(code), "code": code})


ROUTES = [
    *switch_routes("/sockets", _show, lambda backend: backend.settings.sockets, read_socket_switches, _replace),
    Route("/sockets/drop", drop, methods=["POST"]),
]

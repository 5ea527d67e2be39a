"""Endpoints for a part's switches while the backend runs: GET tells them, PUT sets them, DELETE puts them back as at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal, read_object
from loadstone.reference.state import Backend, backend_of


class Switches(Protocol):
    """What a part of the backend can be told."""

    def as_json(self) -> dict[str, Any]:
        """As they are read."""


Known = TypeVar("Known", bound=Switches)


def switch_routes(
    path: str,
    show: Callable[[Backend], Mapping[str, Any]],
    at_start: Callable[[Backend], Known],
    read: Callable[[Mapping[str, Any], Known], Known],
    replace: Callable[[Backend, Known], None],
) -> list[Route]:
    """The three routes of one part.

    show: what GET answers
    read: the switches that a body names, over those at the start; raises UsageError
    """

    async def get(request: Request) -> Response:
        return JSONResponse(show(backend_of(request)))

    async def put(request: Request) -> Response:
        backend = backend_of(request)
        try:
            switches = read(await read_object(request), at_start(backend))
        except UsageError as error:
            raise Refusal(400, str(error), param=error.where, code="bad_switch") from None
        replace(backend, switches)
        return JSONResponse(switches.as_json())

    async def reset(request: Request) -> Response:
        backend = backend_of(request)
        replace(backend, at_start(backend))
        return JSONResponse(at_start(backend).as_json())

    return [Route(path, get, methods=["GET"]), Route(path, put, methods=["PUT"]), Route(path, reset, methods=["DELETE"])]

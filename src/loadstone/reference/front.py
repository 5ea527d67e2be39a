"""The outermost layer of the application: applies faults, answers health, keeps the ledger. Plain ASGI, for speed."""

from __future__ import annotations

import json
from functools import lru_cache

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadstone.reference.bodies import error_body
from loadstone.reference.injector import Injector
from loadstone.reference.ledger import OTHER, Ledger
from loadstone.reference.timer import Timer

_JSON = (b"content-type", b"application/json")


class Front:
    """Counts a request, makes it wait for its deadline, and answers it with an error or hands it on."""

    def __init__(self, app: ASGIApp, routes: list[Route], injector: Injector, ledger: Ledger, timer: Timer) -> None:
        self._app, self._injector, self._ledger, self._timer = app, injector, ledger, timer
        self._routes = routes
        self._route_of = lru_cache(maxsize=4096)(self._find_route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrival = self._timer.now()
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._ledger.arrived()
        try:
            admission = self._injector.admit(scope["path"], arrival)
            if admission is not None:
                await self._timer.until(admission.deadline)
                if admission.status is not None:
                    await answer_error(counted, admission.status)
                    return
            await self._app(scope, receive, counted)
        finally:
            self._ledger.answered(f"{scope['method']} {self._route_of(scope['path'])}", status)

    def _find_route(self, path: str) -> str:
        """The template of a path; cached, as it is looked up for every request."""
        for route in self._routes:
            if route.path_regex.match(path):
                return route.path
        return OTHER


async def answer_error(send: Send, status: int) -> None:
    """Answer with an injected error that says so."""
    reason = "the queue for the asked capacity is full" if status == 503 else "an error was asked for"
    body = json.dumps(error_body(status, f"injected fault: {reason}", code="injected_fault")).encode()
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})

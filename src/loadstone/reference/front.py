"""The outermost layer of the application: applies faults, answers health, keeps the ledger. Plain ASGI, for speed."""

from __future__ import annotations

import json
from functools import lru_cache

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadstone.reference.bodies import error_body
from loadstone.reference.injector import Injector
from loadstone.reference.ledger import OTHER, Ledger
from loadstone.reference.pool import POOL_EXHAUSTED
from loadstone.reference.stations import QUEUE_FULL
from loadstone.reference.timer import Timer

_JSON = (b"content-type", b"application/json")
_REASONS = {
    QUEUE_FULL: ("injected_fault", "injected fault: the queue for the asked capacity is full"),
    POOL_EXHAUSTED: (POOL_EXHAUSTED, "injected fault: no connection of the pool came free in time"),
}


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
                    await answer_error(counted, admission.status, admission.why)
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


async def answer_error(send: Send, status: int, why: str = "") -> None:
    """Answer with an injected error that says so; `why` is for errors that have a cause of their own."""
    code, reason = _REASONS.get(why, ("injected_fault", "injected fault: an error was asked for"))
    body = json.dumps(error_body(status, reason, code=code)).encode()
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})

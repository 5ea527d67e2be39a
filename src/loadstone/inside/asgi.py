"""ASGI middleware: one path of a served application says what happens inside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from loadstone.inside.page import Answer, InsidePage

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
HEAD_BYTES = 4096  # an Authorization longer than that is no token of ours


class Inside:
    """`app = Inside(app, token="…")`: `GET /_inside` answers with levels, `POST /_inside/ACTION` acts; everything else is the app's.

    One page is one process: with several workers behind one port each answer is that of one of them, and says which (`pid`).
    raises: UsageError without a token (`token`, or the environment variable LOADSTONE_INSIDE_TOKEN)
    """

    def __init__(self, app: App, *, token: str | None = None, path: str = "/_inside") -> None:
        self._app, self._page = app, InsidePage(token, path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, request or lifespan, as ASGI has it."""
        self._page.watcher.start(asyncio.get_running_loop())
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                self._page.watcher.stop()
            return
        path = _path(scope)
        if scope["type"] != "http" or not self._page.owns(path):
            await self._app(scope, receive, send)
            return
        answer = self._page.answer(scope["method"], path, _authorization(scope), scope.get("query_string", b"").decode("latin-1"))
        await _send(answer, send)


def _path(scope: Scope) -> str:
    """The path as the application sees it, below where it is mounted."""
    path, root = str(scope.get("path", "")), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _authorization(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name.lower() == b"authorization" and len(value) <= HEAD_BYTES:
            return bytes(value)
    return b""


async def _send(answer: Answer, send: Send) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body))), *answer.headers]
    fields = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    await send({"type": "http.response.body", "body": answer.body})

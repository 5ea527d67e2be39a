"""Somebody else's service in a thread of the test's own process, on a free port of loopback."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute


class ThreadedService:
    """Serves its routes within a `with` block; `options` go to uvicorn."""

    def __init__(self, routes: Sequence[BaseRoute], **options: Any) -> None:
        config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=0, log_level="error", **options)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "it ended before it listened"
            self._thread.join(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(120)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"


def serve_alone(routes: Sequence[BaseRoute], port: int = 0, **options: Any) -> None:
    """The whole of a process: serve on a port of loopback until it is killed."""
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error", access_log=False, **options)

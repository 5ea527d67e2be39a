"""WSGI middleware: the same page for applications without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any

from loadstone.inside.page import InsidePage

Environ = MutableMapping[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class InsideWsgi:
    """`app = InsideWsgi(app, token="…")`: as `Inside`, without what only event loops have.

    raises: UsageError without a token
    """

    def __init__(self, app: App, *, token: str | None = None, path: str = "/_inside") -> None:
        self._app, self._page = app, InsidePage(token, path)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        self._page.watcher.start()
        path = str(environ.get("PATH_INFO", ""))
        if not self._page.owns(path):
            return self._app(environ, start_response)
        authorization = str(environ.get("HTTP_AUTHORIZATION", "")).encode("latin-1", "replace")
        answer = self._page.answer(str(environ["REQUEST_METHOD"]), path, authorization, str(environ.get("QUERY_STRING", "")))
        status = HTTPStatus(answer.status)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body))), *answer.headers]
        start_response(f"{status.value} {status.phrase}", headers)
        return [answer.body]

"""The door of a dashboard: which host names it answers to, who may look, and who may change anything.

A page elsewhere in the same browser must not steer a run: names that point here only by DNS are refused (rebinding), there is
no CORS, and what changes something needs a header of our own and an `Origin` that is ours.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadstone.live.dashboard.files import page
from loadstone.live.dashboard.listen import is_loopback

HEADER = "x-loadstone"  # a form or a picture of another page cannot send it, and a script of one would have to ask first
SESSION = "/session"
MOST_BODY = 64 * 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
OPEN = frozenset({"/static/enter.js", "/static/dashboard.css"})  # what the page that asks for the token needs


class Guard:
    """Lets a request through to the application, or answers it.

    host:  that the dashboard listens on
    token: empty: whoever reaches the address may look
    """

    def __init__(self, app: ASGIApp, *, host: str, port: int, token: str = "") -> None:
        self._app, self._host, self._token = app, host.lower(), token
        self._cookie = f"loadstone_{port}"  # cookies know no ports: two dashboards of one machine must not log each other out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        refused = self._refusal(request)
        if refused is None and self._token and scope["path"] == SESSION:
            refused = await self._session(request)
        if refused is None and not self._may_look(request):
            refused = self._ask(request)
        if refused is not None:
            refused.headers.update(HEADERS)
            await refused(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name for name, _ in message["headers"]}
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in have]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if not self._knows(host):
            return Response("this dashboard does not answer to that host name\n", 421, media_type="text/plain")
        if request.method in ("GET", "HEAD"):
            return None
        if request.method != "POST":
            return Response("GET or POST\n", 405, media_type="text/plain")
        return None if _ours(request.headers, host) else Response("not from this page\n", 403, media_type="text/plain")

    def _knows(self, host: str) -> bool:
        name = _name(host)
        if not name:
            return False
        if self._token:
            return True  # a page under another name has no cookie of this one
        return is_loopback(name) or name == self._host

    def _may_look(self, request: Request) -> bool:
        if not self._token or request.url.path in OPEN:
            return True
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if given and _same(given, self._token):
            return True
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and _same(found.value, self._sealed())

    def _sealed(self) -> str:
        """What the cookie holds: shows that its owner knew the token, and does not tell it."""
        return hmac.new(self._token.encode(), b"loadstone dashboard", sha256).hexdigest()

    async def _session(self, request: Request) -> Response:
        body = await bounded_body(request)
        try:
            given = str(json.loads(body or b"{}").get("token", ""))
        except (ValueError, AttributeError, RecursionError):
            given = ""
        if request.method != "POST" or not _same(given, self._token):
            return Response("that is not the token\n", 403, media_type="text/plain")
        response = Response(status_code=204)
        response.set_cookie(self._cookie, self._sealed(), httponly=True, samesite="strict", path="/")
        return response

    @staticmethod
    def _ask(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return Response(page("enter.html"), 401, media_type="text/html")
        return Response("a token is needed\n", 401, media_type="text/plain")


async def bounded_body(request: Request) -> bytes | None:
    """What was posted; None when it is larger than anything that is meant."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > MOST_BODY:
            return None
    return bytes(found)


async def posted(request: Request) -> dict[str, Any] | None:
    """The JSON object that was posted; None for anything else."""
    body = await bounded_body(request)
    try:
        found = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _ours(headers: Headers, host: str) -> bool:
    origin = headers.get("origin", "")
    return headers.get(HEADER) == "1" and origin.partition("://")[2] == host


def _name(host: str) -> str:
    """The name without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())

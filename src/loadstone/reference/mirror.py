"""Endpoints that do one HTTP thing each, so that a client's every feature has something to be tried on."""

from __future__ import annotations

import base64
import gzip
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from loadstone.reference.bodies import error_body, number, read_raw
from loadstone.reference.state import backend_of

_ANY = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MOST_BYTES = 256 * 1024 * 1024
_PATTERN = bytes(range(32, 127))


def pattern(size: int) -> bytes:
    """`size` bytes of printable ASCII that repeats after 95."""
    return (_PATTERN * (size // len(_PATTERN) + 1))[:size]


async def echo(request: Request) -> Response:
    """What was sent: method, query, headers, size of the body, and the body as text."""
    body = await read_raw(request)
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": dict(request.query_params),
            "headers": dict(request.headers),
            "body_bytes": len(body),
            "body": body[:65536].decode("utf-8", "replace"),
        }
    )


async def sized(request: Request) -> Response:
    """Exactly `n` bytes with a content length."""
    return Response(pattern(_path_number(request, "n", _MOST_BYTES)), media_type="application/octet-stream")


async def chunked(request: Request) -> Response:
    """`n` chunks of 64 bytes without a content length; `?gap_ms=10` between them."""
    count = _path_number(request, "n", 100_000)
    gap_s = number(request.query_params.get("gap_ms", "0"), "gap_ms", least=0, greatest=60_000) / 1e3
    timer = backend_of(request).timer

    async def chunks() -> AsyncIterator[bytes]:
        started = timer.now()
        for index in range(count):
            await timer.until(started + index * gap_s)
            yield pattern(64)

    return StreamingResponse(chunks(), media_type="application/octet-stream")


async def delay(request: Request) -> Response:
    """Answer so many milliseconds after the request's arrival here."""
    timer = backend_of(request).timer
    arrival = timer.now()
    delay_ms = _path_number(request, "ms", 600_000)
    await timer.until(arrival + delay_ms / 1e3)
    return JSONResponse({"delay_ms": delay_ms})


async def status(request: Request) -> Response:
    """That status."""
    code = number(request.path_params["code"], "code", least=200, greatest=599)
    if code in (204, 205, 304):
        return Response(status_code=code)
    return PlainTextResponse(f"status {code}\n", code) if code < 400 else JSONResponse(error_body(code, "asked for"), code)


async def redirect(request: Request) -> Response:
    """A chain of `n` redirects that ends at /echo; `?code=307` chooses another status than 302."""
    left = _path_number(request, "n", 100)
    code = number(request.query_params.get("code", "302"), "code", least=301, greatest=308)
    return RedirectResponse(f"/redirect/{left - 1}?code={code}" if left > 1 else "/echo", code)


async def set_cookies(request: Request) -> Response:
    """Set each name of the query string as a cookie, then go to /cookies."""
    answer = RedirectResponse("/cookies", 302)
    for name, value in request.query_params.items():
        answer.set_cookie(name, value, path="/")
    return answer


async def cookies(request: Request) -> Response:
    """The cookies that were sent."""
    return JSONResponse({"cookies": request.cookies})


async def compressed(request: Request) -> Response:
    """Text compressed with gzip, asked for or not; `?bytes=1000` of it before compression."""
    size = number(request.query_params.get("bytes", "1000"), "bytes", least=0, greatest=_MOST_BYTES)
    return Response(gzip.compress(pattern(size), 6, mtime=0), headers={"content-encoding": "gzip"}, media_type="text/plain")


async def basic_auth(request: Request) -> Response:
    """200 with exactly that user and password, else 401."""
    user, password = request.path_params["user"], request.path_params["password"]
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    if request.headers.get("authorization") != expected:
        return JSONResponse(error_body(401, "wrong user or password"), 401, headers={"www-authenticate": 'Basic realm="loadstone"'})
    return JSONResponse({"user": user})


async def bearer(request: Request) -> Response:
    """200 with any bearer token, else 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return JSONResponse(error_body(401, "a bearer token is missing"), 401, headers={"www-authenticate": "Bearer"})
    return JSONResponse({"token_length": len(token)})


class CutShort(Response):
    """Announces a body of 1,000 bytes, sends as many as asked, and closes."""

    def __init__(self, size: int) -> None:
        super().__init__(media_type="application/octet-stream")
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send less than announced; the server closes the connection and says so in its log."""
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000"), (b"connection", b"close")]})
        await send({"type": "http.response.body", "body": pattern(self._size), "more_body": True})


async def cut(request: Request) -> Response:
    """Close early: a content length of 1,000, then only `n` bytes."""
    return CutShort(_path_number(request, "n", 999))


def _path_number(request: Request, name: str, greatest: int) -> int:
    return number(request.path_params[name], name, least=0, greatest=greatest)


ROUTES = [
    Route("/echo", echo, methods=_ANY),
    Route("/bytes/{n}", sized, methods=["GET"]),
    Route("/chunked/{n}", chunked, methods=["GET"]),
    Route("/delay/{ms}", delay, methods=["GET", "POST"]),
    Route("/status/{code}", status, methods=_ANY),
    Route("/redirect/{n}", redirect, methods=_ANY),
    Route("/cookies/set", set_cookies, methods=["GET"]),
    Route("/cookies", cookies, methods=["GET"]),
    Route("/gzip", compressed, methods=["GET"]),
    Route("/basic-auth/{user}/{password}", basic_auth, methods=["GET"]),
    Route("/bearer", bearer, methods=["GET"]),
    Route("/cut/{n}", cut, methods=["GET"]),
]

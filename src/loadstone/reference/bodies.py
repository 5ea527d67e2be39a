"""Reading what clients send, and refusing it in one form: OpenAI's error object."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MOST_JSON_BYTES = 1024 * 1024
MOST_RAW_BYTES = 64 * 1024 * 1024


class Refusal(Exception):
    """A request that cannot be served as asked.

    param: the field that is wrong, if it is one
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = headers


def error_body(status: int, message: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """OpenAI's error object; the whole backend uses it."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


async def refused(request: Request, error: Exception) -> Response:
    """Answer to a Refusal; at /v1/messages in the form of that API."""
    if not isinstance(error, Refusal):
        raise TypeError(error)
    # The rest of a body that is too large is not read: close, or it would be taken for the next request.
    headers = {"connection": "close"} if error.status == 413 else error.headers
    body = error_body(error.status, error.message, param=error.param, code=error.code)
    if request.url.path == "/v1/messages":
        kind = {404: "not_found_error", 413: "request_too_large"}.get(error.status, body["error"]["type"])
        body = {"type": "error", "error": {"type": kind, "message": error.message}}
    return JSONResponse(body, error.status, headers=headers)


async def not_served(_: Request, error: Exception) -> Response:
    """Answer to an unknown path or method."""
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    return JSONResponse(error_body(error.status_code, error.detail), error.status_code, headers=error.headers)


async def broken(_: Request, __: Exception) -> Response:
    """Answer to our own bug: the client gets no traceback, the log does."""
    return JSONResponse(error_body(500, "the reference backend has a bug; its log has the details"), 500)


async def read_raw(request: Request, most: int = MOST_RAW_BYTES) -> bytes:
    """The whole body. Raises Refusal 413 as soon as it is known to be larger than `most` bytes."""
    too_large = Refusal(413, f"the body is larger than {most} bytes")
    announced = request.headers.get("content-length")
    if announced is not None and int(announced) > most:
        raise too_large
    parts, size = [], 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the client left before its body was complete")
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise too_large
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def read_object(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """The body as a JSON object. Raises Refusal 400 for anything else, and 413."""
    raw = await read_raw(request, MOST_JSON_BYTES)
    if optional and not raw:
        return {}
    try:
        value = json.loads(raw)
        if b"\\u" in raw:
            # JSON can write half a surrogate pair; no encoding, hence no database or answer, can hold it.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "text that is not Unicode, or nested too deep"
        raise Refusal(400, f"the body is not JSON: {reason}", code="invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal(400, f"the body must be a JSON object, not {type(value).__name__}", code="invalid_json")
    return value


def text_field(body: dict[str, Any], name: str, *, default: str | None = None) -> str:
    """A text from a JSON object. Raises Refusal 400 when it is missing or something else."""
    value = body.get(name, default)
    if not isinstance(value, str):
        what = "is missing" if value is None else f"must be a text, not {type(value).__name__}"
        raise Refusal(400, f"{name!r} {what}", param=name)
    return value


def whole_field(body: dict[str, Any], name: str, default: int | None, *, least: int, greatest: int) -> int | None:
    """A whole number from a JSON object. Raises Refusal 400 when it is something else or out of range."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= greatest:
        raise Refusal(400, f"{name!r} must be a whole number from {least} to {greatest}", param=name)
    return value


def query_number(request: Request, name: str, default: int, *, least: int, greatest: int) -> int:
    """A whole number from the query string. Raises Refusal 400 when it is none or out of range."""
    text = request.query_params.get(name)
    return default if text is None else number(text, name, least=least, greatest=greatest)


def number(text: str, name: str, *, least: int, greatest: int) -> int:
    """A whole number from a path or query. Raises Refusal 400 when it is none or out of range."""
    if not (text.isascii() and text.isdigit() and least <= int(text[:19]) <= greatest):
        raise Refusal(400, f"{name} must be a whole number from {least} to {greatest}, not {text[:40]!r}", param=name)
    return int(text)

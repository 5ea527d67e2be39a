"""Requests as bytes, prepared once and sent often."""

from __future__ import annotations

import base64
import json as json_codec
import mimetypes
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from loadstone.clients.address import Origin
from loadstone.clients.reply import Reply
from loadstone.errors import UsageError
from loadstone.measure.recorder import Exchanges

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_BREAKS_A_LINE = re.compile(r"[\r\n\0]|[^\x00-\xff]")

# What may be sent twice, because twice is as good as once (RFC 9110 section 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})

FileField = tuple[str, bytes] | tuple[str, bytes, str]  # file name, content, type


@dataclass(slots=True)
class Prepared:
    """A request ready for the wire.

    head:   request line and headers without the empty line, so that cookies can still be added
    expect: statuses that are no failure
    Head, body and wire may hold secrets and are left out when it is printed.
    """

    origin: Origin
    method: str
    target: str = field(repr=False)
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    step: Exchanges = field(repr=False)
    expect: frozenset[int] = field(repr=False)
    keep_body: bool
    redirects: int
    followed: int = 0  # redirects that led to it
    wire: bytes = field(default=b"", repr=False)
    repeatable: bool = False  # may go out a second time when a connection breaks before the first byte of an answer
    plain: frozenset[int] = field(default=frozenset(), repr=False)  # expected, and not to be followed
    bodiless: bool = False  # its response has no body, whatever the headers say
    explain: Callable[[Reply], str] | None = None  # words for a status that was not expected

    def __post_init__(self) -> None:
        self.bodiless = self.method == "HEAD"
        self.wire = self.head + b"\r\n" + self.body
        self.plain = self.expect - REDIRECTS
        self.repeatable = self.method in IDEMPOTENT

    def with_body(self, body: bytes) -> Prepared:
        """The same request with another body of the same kind."""
        stem, length, rest = self.head.rpartition(b"Content-Length: ")
        ours = length and rest.endswith(b"\r\n") and rest[:-2].isdigit()  # the last line, as build_head writes it
        head = b"%b%b%d\r\n" % (stem, length, len(body)) if ours else self.head
        other = Prepared(self.origin, self.method, self.target, head, body, self.step, self.expect, self.keep_body, self.redirects)
        other.explain, other.repeatable = self.explain, self.repeatable
        return other

    def with_cookies(self, cookies: str) -> bytes:
        """The bytes with a Cookie header."""
        return b"%bCookie: %b\r\n\r\n%b" % (self.head, cookies.encode("latin-1", "replace"), self.body)


def encode_body(
    *,
    json: object = None,
    form: Mapping[str, object] | None = None,
    files: Mapping[str, FileField] | None = None,
    body: bytes | str | None = None,
) -> tuple[bytes, str]:
    """One of the kinds of body as bytes and its content type ("" for raw bytes)."""
    given = [name for name, value in (("json", json), ("files", files), ("body", body)) if value is not None]
    if len(given) > 1 or (form is not None and ("json" in given or "body" in given)):
        raise UsageError(f"a request has one body, not {' and '.join([*given, *(['form'] if form is not None else [])])}")
    if json is not None:
        return _json(json), "application/json"
    if files is not None:
        return _multipart(form or {}, files)
    if form is not None:
        return urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return body or b"", ""


def _json(value: Any) -> bytes:
    """As UTF-8; half a character, which UTF-8 does not have, is escaped as JSON allows (RFC 8259, section 8.2)."""
    try:
        return json_codec.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json_codec.dumps(value, separators=(",", ":")).encode()


def _multipart(form: Mapping[str, object], files: Mapping[str, FileField]) -> tuple[bytes, str]:
    # RFC 7578; names are escaped as browsers do (WHATWG HTML, multipart form data).
    boundary = f"loadstone-{secrets.token_hex(12)}"
    parts = []
    fields = [(name, each) for name, value in form.items() for each in (value if isinstance(value, list | tuple) else (value,))]
    for name, value in fields:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'.encode())
    for name, file in files.items():
        kind = file[2] if len(file) == 3 else mimetypes.guess_type(file[0])[0] or "application/octet-stream"
        line = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"; filename="{_quoted(file[0])}"\r\n'
        parts.append(f"{line}Content-Type: {kind}\r\n\r\n".encode() + file[1] + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def with_params(target: str, params: Mapping[str, object] | Sequence[tuple[str, object]] | None) -> str:
    """Add query parameters to a path."""
    if not params:
        return target
    joint = "&" if "?" in target else "?"
    return target + joint + urlencode(params, doseq=True, quote_via=quote)


def basic_auth(user: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def build_head(method: str, target: str, headers: Mapping[str, str], body_size: int) -> bytes:
    """Request line and headers; raises UsageError for what would break out of its line."""
    if not _TOKEN.fullmatch(method):
        raise UsageError(f"not a method: {method!r}", hint="GET")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise UsageError(f"not a header: {name!r}", hint='a name without spaces or colons, e.g. -H "X-Team: blue"')
        if _BREAKS_A_LINE.search(value):  # the value may be a secret
            raise UsageError(f"a line break or a character outside Latin-1 in header {name}", hint="percent-encoding for other characters")
        lines.append(f"{name}: {value}")
    own_length = any(name.lower() in {"content-length", "transfer-encoding"} for name in headers)
    if (body_size or method in {"POST", "PUT", "PATCH"}) and not own_length:
        lines.append(f"Content-Length: {body_size}")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")

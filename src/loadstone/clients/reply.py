"""What came back from an HTTP exchange, good or bad."""

from __future__ import annotations

import json as json_codec
from typing import TYPE_CHECKING, Any

from loadstone.clients.failure import Kind
from loadstone.clients.http1 import Head
from loadstone.clock import MILLISECOND

if TYPE_CHECKING:
    from loadstone.clients.request import Prepared


class Reply:
    """The answer to a request; `failure` says why there is none, or why it is not the expected one.

    Times are monotonic ns; 0 means that it did not happen. `following` is the request that a redirect leads to.
    """

    __slots__ = (
        "_headers", "body", "due_ns", "end_ns", "failure", "first_ns", "following", "head", "reason", "seen_ns", "sent_ns", "status", "url",
    )  # fmt: skip

    def __init__(
        self,
        url: str,
        due_ns: int,
        sent_ns: int = 0,
        first_ns: int = 0,
        end_ns: int = 0,
        seen_ns: int = 0,
        head: Head | None = None,
        status: int = 0,
        body: bytes = b"",
    ) -> None:
        # One by one: a tuple of them made and taken apart again costs 0.08 µs, and there is a reply to each request.
        self.url = url
        self.due_ns = due_ns
        self.sent_ns = sent_ns
        self.first_ns = first_ns
        self.end_ns = end_ns
        self.seen_ns = seen_ns
        self.head = head
        self.status = status
        self.body = body
        self.failure: Kind | None = None
        self.reason = ""
        self.following: Prepared | None = None
        self._headers: dict[str, str] | None = None

    @property
    def ok(self) -> bool:
        """Did it end as expected?"""
        return self.failure is None

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name; several of one name are joined by a comma (RFC 9110 section 5.3)."""
        if self._headers is None:
            self._headers = {}
            for name, value in self.head.headers() if self.head else ():
                self._headers[name] = f"{self._headers[name]}, {value}" if name in self._headers else value
        return self._headers

    @property
    def text(self) -> str:
        """The body as text, UTF-8 unless the content type names another charset."""
        _, _, charset = self.headers.get("content-type", "").partition("charset=")
        try:
            return self.body.decode(charset.split(";")[0].strip(" \"'") or "utf-8", "replace")
        except (LookupError, ValueError):  # not a charset, or one that is no text encoding
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json_codec.loads(self.body)

    @property
    def response_time_s(self) -> float:
        """Due to last byte, in seconds."""
        return (self.end_ns - self.due_ns) / 1e9

    def __repr__(self) -> str:
        outcome = f"{self.status}" if self.failure is None else f"{self.failure}: {self.reason}"
        return f"<Reply {self.url.partition('?')[0]} {outcome} {(self.end_ns - self.due_ns) / MILLISECOND:.3f} ms>"

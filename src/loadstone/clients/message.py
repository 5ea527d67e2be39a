"""A message on a WebSocket, or the reason why there is none."""

from __future__ import annotations

import builtins
import json as json_codec
from typing import Any

from loadstone.clients.failure import Kind
from loadstone.clients.frames import Payload
from loadstone.errors import UsageError

_UNREAD = object()


class Message:
    """What came, and when. Times are monotonic ns; 0 means that it did not happen.

    due_ns, sent_ns: of the message that this one answers
    end_ns:          the kernel's stamp of the bytes that completed it
    failure:         why there is no message: timed out, connection lost
    """

    __slots__ = ("_json", "due_ns", "end_ns", "failure", "payload", "reason", "seen_ns", "sent_ns")

    def __init__(self, payload: Payload, end_ns: int = 0, seen_ns: int = 0, failure: Kind | None = None, reason: str = "") -> None:
        self.payload, self.end_ns, self.seen_ns = payload, end_ns, seen_ns
        self.due_ns = self.sent_ns = 0
        self.failure, self.reason = failure, reason
        self._json: Any = _UNREAD

    @property
    def ok(self) -> bool:
        """Is there a message?"""
        return self.failure is None

    @property
    def is_text(self) -> bool:
        """Was it sent as text?"""
        return isinstance(self.payload, str)

    @property
    def text(self) -> str:
        """The message as text; binary is read as UTF-8."""
        return self.payload if isinstance(self.payload, str) else self.payload.decode("utf-8", "replace")

    @property
    def bytes(self) -> builtins.bytes:
        """The message as bytes."""
        return self.payload if isinstance(self.payload, builtins.bytes) else self.payload.encode()

    def json(self) -> Any:
        """The message as JSON, read once; raises ValueError."""
        if self._json is _UNREAD:
            self._json = json_codec.loads(self.payload)
        return self._json

    @property
    def end_s(self) -> float:
        """The kernel's stamp in seconds, by the clock of `WebSocket.now`."""
        return self.end_ns / 1e9

    # What checks and extracts ask of any reply.

    @property
    def body(self) -> builtins.bytes:
        """See plan.reply.Reply."""
        return self.bytes

    @property
    def status(self) -> int:
        """See plan.reply.Reply; a message has none."""
        return 0

    @property
    def headers(self) -> dict[str, str]:
        """See plan.reply.Reply; a message has none."""
        return {}

    @property
    def response_time_s(self) -> float:
        """Due to the kernel's stamp of the answer, in seconds; 0 for what answers nothing."""
        return (self.end_ns - self.due_ns) / 1e9 if self.due_ns else 0.0

    def __repr__(self) -> str:
        return f"<Message of {len(self.payload)}>" if self.ok else f"<no Message: {self.failure}: {self.reason}>"


def content_of(payload: Payload | None, json: Any) -> Payload:
    """What to send of the two ways to say it; raises UsageError."""
    if (payload is None) == (json is None):
        raise UsageError("a message is a payload or json=", hint='await ws.send("hello")')
    return payload if payload is not None else json_codec.dumps(json, separators=(",", ":"), ensure_ascii=False)

"""The opening handshake of a WebSocket (RFC 6455 section 4): what is asked, and whether the answer is the right one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import getrandbits

from loadstone.clients.address import Origin
from loadstone.clients.deflate import Deflate, agreed, offer
from loadstone.clients.failure import Failed, Kind
from loadstone.clients.http1 import Head
from loadstone.clients.request import build_head

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# What the handshake itself says; a scenario's own headers do not take their place.
OWN_HEADERS = frozenset({"connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"})


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What one connection asks for.

    deflate: offer compression; keep_context says whether messages may refer to earlier ones
    """

    origin: Origin
    target: str
    headers: Mapping[str, str]
    subprotocols: tuple[str, ...] = ()
    deflate: bool = True
    keep_context: bool = True

    def request(self, key: str, cookies: str = "") -> bytes:
        """The handshake's request with this key; raises UsageError for what would break out of a header."""
        fields = {
            "Host": self.origin.authority,
            "User-Agent": "loadstone",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        }
        if self.subprotocols:
            fields["Sec-WebSocket-Protocol"] = ", ".join(self.subprotocols)
        if self.deflate:
            fields["Sec-WebSocket-Extensions"] = offer(keep_context=self.keep_context)
        if cookies:
            fields["Cookie"] = cookies
        for name, value in self.headers.items():
            if name.lower() not in OWN_HEADERS:
                for known in [known for known in fields if known.lower() == name.lower()]:
                    del fields[known]
                fields[name] = value
        return build_head("GET", self.target, fields, 0) + b"\r\n"

    def check(self, head: Head, key: str) -> tuple[str, Deflate | None]:
        """The subprotocol and the compression that the server chose; raises Failed."""
        if head.status != 101:
            raise Failed(Kind.STATUS, f"status {head.status} instead of 101")
        headers: dict[str, str] = {}
        for name, value in head.headers():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if headers.get("upgrade", "").lower() != "websocket" or "upgrade" not in _tokens(headers.get("connection", "")):
            raise Failed(Kind.MALFORMED, "status 101 without Upgrade: websocket")
        if headers.get("sec-websocket-accept", "") != accept_of(key):
            raise Failed(Kind.MALFORMED, "Sec-WebSocket-Accept is not the answer to our key")
        chosen = headers.get("sec-websocket-protocol", "")
        if chosen and chosen not in self.subprotocols:
            raise Failed(Kind.MALFORMED, f"the subprotocol {chosen!r}, which was not offered")
        try:
            compression = agreed(headers.get("sec-websocket-extensions", ""), keep_context=self.keep_context)
        except ValueError as error:
            raise Failed(Kind.MALFORMED, str(error)) from None
        if compression is not None and not self.deflate:
            raise Failed(Kind.MALFORMED, "compression, which was not offered")
        return chosen, compression


def new_key() -> str:
    """Sixteen random bytes in base64."""
    return base64.b64encode(getrandbits(128).to_bytes(16, "big")).decode()


def accept_of(key: str) -> str:
    """What a server must answer to a key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()


def _tokens(value: str) -> Sequence[str]:
    return [token.strip().lower() for token in value.split(",")]

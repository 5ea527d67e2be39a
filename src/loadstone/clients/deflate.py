"""Compression of WebSocket messages: permessage-deflate (RFC 7692), what is offered and what was agreed on."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from loadstone.clients.frames import INVALID_DATA, TOO_BIG, Broken

NAME = "permessage-deflate"
TAIL = b"\x00\x00\xff\xff"  # what each message's compressed form ends in, and what is left out (section 7.2.1)
WORTH_IT = 64  # bytes from which a message is compressed; shorter ones rarely become shorter


@dataclass(frozen=True, slots=True)
class Deflate:
    """What both sides agreed on.

    *_bits:          size of the window, as a power of 2
    *_keeps_context: later messages refer to earlier ones: smaller, and about 300 kB more for each connection in use
    """

    server_bits: int = 15
    client_bits: int = 15
    server_keeps_context: bool = True
    client_keeps_context: bool = True


def offer(*, keep_context: bool) -> str:
    """The value of Sec-WebSocket-Extensions that asks for it."""
    without = "" if keep_context else "; server_no_context_takeover; client_no_context_takeover"
    return f"{NAME}; client_max_window_bits{without}"


def agreed(value: str, *, keep_context: bool) -> Deflate | None:
    """What the server's Sec-WebSocket-Extensions says; None for no compression; raises ValueError for what was not offered."""
    extensions = [each.strip() for each in value.split(",") if each.strip()]
    if not extensions:
        return None
    name, *parameters = [part.strip() for part in extensions[0].split(";")]
    if len(extensions) > 1 or name.lower() != NAME:
        raise ValueError("the server chose an extension that was not offered")
    found: dict[str, str] = {}
    for parameter in parameters:
        key, _, text = parameter.partition("=")
        key = key.strip().lower()
        if key in found:
            raise ValueError(f"the server's {NAME} says {key} twice")
        found[key] = text.strip().strip('"')
    server_keeps = found.pop("server_no_context_takeover", None)
    client_keeps = found.pop("client_no_context_takeover", None)
    if server_keeps or client_keeps:
        raise ValueError(f"the server's {NAME} gives a value to what takes none")
    result = Deflate(
        _bits(found.pop("server_max_window_bits", "15")),
        _bits(found.pop("client_max_window_bits", "15")),
        server_keeps is None,
        client_keeps is None and keep_context,
    )
    if found:
        raise ValueError(f"the server's {NAME} has an unknown parameter")
    return result


def _bits(text: str) -> int:
    if not text.isdigit() or not 8 <= int(text) <= 15:
        raise ValueError(f"the server's {NAME} has a window that is none")
    return int(text)


class Compression:
    """Both directions of one connection; what it needs is made when the first compressed message comes or goes."""

    __slots__ = ("_agreed", "_deflater", "_inflater")

    def __init__(self, agreement: Deflate) -> None:
        self._agreed = agreement
        self._deflater: zlib._Compress | None = None
        self._inflater: zlib._Decompress | None = None

    def deflate(self, message: bytes) -> bytes:
        """The payload to send for this message."""
        deflater = self._deflater
        if deflater is None:
            # zlib has no raw window of 256 bytes: one of 512 would reach too far back for the peer.
            deflater = zlib.compressobj(wbits=-max(9, self._agreed.client_bits))
        data = deflater.compress(message) + deflater.flush(zlib.Z_SYNC_FLUSH)
        self._deflater = deflater if self._agreed.client_keeps_context else None
        return data[:-4]

    @property
    def can_deflate(self) -> bool:
        """Is there a window that zlib can keep to?"""
        return self._agreed.client_bits > 8

    def inflate(self, data: bytes, most: int, *, last: bool) -> bytes:
        """See frames.Inflater."""
        inflater = self._inflater
        if inflater is None:
            inflater = self._inflater = zlib.decompressobj(wbits=-max(9, self._agreed.server_bits))
        try:
            message = inflater.decompress(data + TAIL if last else data, most + 1)
        except zlib.error:
            raise Broken(INVALID_DATA, "a message that cannot be decompressed") from None
        if len(message) > most or inflater.unconsumed_tail:
            raise Broken(TOO_BIG, "a message that is too large when decompressed")
        if inflater.eof and not last:
            raise Broken(INVALID_DATA, "a compressed message that ends before its last fragment")
        if inflater.eof or (last and not self._agreed.server_keeps_context):
            self._inflater = None
        return message

"""Bodies that came compressed, within a limit that a small bomb of many zeros cannot break."""

from __future__ import annotations

import zlib

from loadstone.clients.failure import Failed, Kind

GZIP = frozenset({b"gzip", b"x-gzip"})
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32


def decompress(body: bytes, encoding: bytes, most: int) -> bytes:
    """The content of a body; one in an encoding that we never ask for is given back as it is.

    most:   bytes of content; above it Failed(too_large)
    raises: Failed(malformed) for a body that is damaged or ends early
    source: RFC 9110 section 8.4.1; gzip members may follow each other (RFC 1952 section 2.2)
    """
    if not body or (encoding not in GZIP and encoding != b"deflate"):
        return body
    try:
        # "deflate" means zlib's format; some servers send the bare stream, which then has no zlib header (RFC 1950).
        bare = encoding == b"deflate" and (body[0] & 0x0F != 8 or int.from_bytes(body[:2]) % 31 != 0)
        return _members(body, -zlib.MAX_WBITS if bare else _ZLIB_OR_GZIP, most)
    except zlib.error as error:
        raise Failed(Kind.MALFORMED, f"compressed body cannot be read: {error}") from None


def _members(body: bytes, wbits: int, most: int) -> bytes:
    parts, left = [], most
    while body:
        codec = zlib.decompressobj(wbits=wbits)
        part = codec.decompress(body, left + 1)
        left -= len(part)
        if left < 0:
            raise Failed(Kind.TOO_LARGE, f"decompressed body of more than {most} bytes")
        if not codec.eof:
            raise zlib.error("ends early")
        parts.append(part)
        body = codec.unused_data
    return b"".join(parts)

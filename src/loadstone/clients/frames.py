"""WebSocket frames from bytes and back (RFC 6455 section 5), without any I/O.

Our own and not a library's because of what a load generator needs: a message that came whole in one read costs one slice, a
frame to send about half a microsecond, a connection at rest holds no buffer, and whatever a server does wrong has a name.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from random import getrandbits
from typing import Protocol

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1, OTHER_RSV, OPCODE = 0x80, 0x40, 0x30, 0x0F
MASKED, LENGTH = 0x80, 0x7F
LARGEST_CONTROL = 125
NORMAL, GOING_AWAY, PROTOCOL, UNSUPPORTED, NO_CODE, ABNORMAL = 1000, 1001, 1002, 1003, 1005, 1006
INVALID_DATA, TOO_BIG = 1007, 1009
# What may stand in a close frame (section 7.4): registered codes, and those left to libraries and applications.
SENDABLE = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}) | frozenset(range(3000, 5000))
MOST_FRAGMENTS = 100_000  # of one message: empty ones would be collected for ever

Payload = str | bytes
Event = tuple[int, Payload]
_new_utf8 = codecs.getincrementaldecoder("utf-8")
_head_8, _head_16, _head_64 = (struct.Struct(form).pack for form in ("<BBI", ">BBH", ">BBQ"))
_as_number = int.from_bytes
# 1 + 2**32 + 2**64 + …: times a key it is the key again and again.
_REPEATED = [sum(1 << (32 * word) for word in range(words)) for words in range(33)]


class Inflater(Protocol):
    """What undoes the compression of messages; raises Broken."""

    def inflate(self, data: bytes, most: int, *, last: bool) -> bytes:
        """A part of a compressed message as it was; no more than `most` bytes, else Broken(too big)."""


class Broken(Exception):
    """What a peer sent is no WebSocket.

    code: what to say in our own close frame
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code, self.text = code, text


class FrameReader:
    """Takes bytes as they come and gives whole messages and control frames as (opcode, payload): text as str, all else as bytes.

    most:     largest message in bytes, after decompression
    inflater: where permessage-deflate was agreed on
    broken:   what ended it: nothing is read after that
    """

    __slots__ = (
        "_buffer",
        "_compressed",
        "_fragments",
        "_inflater",
        "_kind",
        "_most",
        "_need",
        "_parts",
        "_size",
        "_utf8",
        "broken",
        "ended",
    )

    def __init__(self, most: int, inflater: Inflater | None = None) -> None:
        self._most, self._inflater = most, inflater
        self._buffer: bytes | bytearray = b""
        self._need = 0  # bytes of buffer without which there is nothing to parse
        self._kind = self._size = self._fragments = 0  # of the message that is under way
        self._compressed = False
        self._parts: list[Payload] = []
        self._utf8: codecs.IncrementalDecoder | None = None
        self.broken: Broken | None = None
        self.ended = False

    @property
    def within(self) -> bool:
        """Is a frame or a message begun and not complete?"""
        return bool(self._buffer) or self._kind != 0

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes complete, in order; when `broken` is set afterwards, what came before it is still true."""
        size = len(data)
        if not self._buffer and not self._kind and size > 3 and not self.ended:
            # One whole unfragmented message and nothing else: nearly every read of nearly every test.
            length, start = data[1], 2
            if length == 126:
                length, start = data[2] << 8 | data[3], 4
            if length == size - start and length <= self._most and (length > LARGEST_CONTROL) is (start == 4):
                if data[0] == FIN | TEXT:
                    try:
                        return [(TEXT, str(data[start:], "utf-8"))]
                    except UnicodeDecodeError:
                        pass  # the general way says what is wrong with it
                elif data[0] == FIN | BINARY:
                    return [(BINARY, data[start:])]
        return self._feed(data)

    def _feed(self, data: bytes) -> list[Event]:
        if self.ended:
            return []  # after a close frame, or after a mistake, nothing counts
        if self._buffer:
            buffer = self._buffer
            if not isinstance(buffer, bytearray):
                buffer = self._buffer = bytearray(buffer)
            buffer += data
            if len(buffer) < self._need:
                return []
            data = bytes(buffer)
        events: list[Event] = []
        try:
            at = self._parse(data, events)
        except Broken as broken:
            self._forget()
            self.broken, self.ended = broken, True
            return events
        if self.ended:
            self._forget()
        else:
            self._buffer = data[at:]
        return events

    def _forget(self) -> None:
        self._buffer, self._need, self._kind, self._parts, self._utf8 = b"", 0, 0, [], None

    def _parse(self, data: bytes, events: list[Event]) -> int:
        """All frames that are complete; answers where the first one that is not begins."""
        at, size = 0, len(data)
        while size - at >= 2 and not self.ended:
            first, length = data[at], data[at + 1]
            self._check_head(first, length)
            start = at + 2
            if length == 126:
                start += 2
            elif length == 127:
                start += 8
            if start > size:
                self._need = start - at
                return at
            if length > LARGEST_CONTROL:
                length = self._long_length(data[at + 2 : start])
            self._check_size(first, length)
            end = start + length
            if end > size:
                self._need = end - at
                return at
            self._frame(first, data[start:end], events)
            at = end
        self._need = 2
        return at

    def _check_head(self, first: int, length: int) -> None:
        opcode = first & OPCODE
        if first & OTHER_RSV or (first & RSV1 and (self._inflater is None or opcode not in {TEXT, BINARY})):
            raise Broken(PROTOCOL, "a frame with reserved bits that were not agreed on")
        if length & MASKED:
            raise Broken(PROTOCOL, "a masked frame from the server")
        if opcode >= CLOSE:
            if opcode > PONG:
                raise Broken(PROTOCOL, f"a frame of unknown kind 0x{opcode:X}")
            if not first & FIN:
                raise Broken(PROTOCOL, "a control frame in fragments")
            if length > LARGEST_CONTROL:
                raise Broken(PROTOCOL, "a control frame of more than 125 bytes")
        elif opcode > BINARY:
            raise Broken(PROTOCOL, f"a frame of unknown kind 0x{opcode:X}")
        elif opcode == CONTINUATION and not self._kind:
            raise Broken(PROTOCOL, "a continuation of nothing")
        elif opcode != CONTINUATION and self._kind:
            raise Broken(PROTOCOL, "a new message inside another one's fragments")

    @staticmethod
    def _long_length(field: bytes) -> int:
        length = _as_number(field, "big")
        if length >> 63:
            raise Broken(PROTOCOL, "a length with its highest bit set")
        if length < (126 if len(field) == 2 else 65_536):
            raise Broken(PROTOCOL, "a length in more bytes than it needs")
        return length

    def _check_size(self, first: int, length: int) -> None:
        # What is announced is refused before it is taken: a limit that is checked at the end costs the memory it was to save.
        if first & OPCODE < CLOSE and self._size + length > self._most:
            raise Broken(TOO_BIG, f"a message of more than {self._most} bytes")

    def _frame(self, first: int, payload: bytes, events: list[Event]) -> None:
        opcode = first & OPCODE
        if opcode >= CLOSE:
            if opcode == CLOSE:
                close_code(payload)  # raises for a wrong one
                self.ended = True
            events.append((opcode, payload))
            return
        if opcode != CONTINUATION:
            self._kind, self._compressed = opcode, bool(first & RSV1)
            self._fragments = 0
        self._fragments += 1
        if self._fragments > MOST_FRAGMENTS:
            raise Broken(TOO_BIG, f"a message of more than {MOST_FRAGMENTS} fragments")
        last = bool(first & FIN)
        if self._compressed and self._inflater is not None:
            payload = self._inflater.inflate(payload, self._most - self._size, last=last)
        self._size += len(payload)
        part: Payload = self._text(payload, last=last) if self._kind == TEXT else payload
        if not last:
            if part:
                self._parts.append(part)
            return
        kind, parts, self._parts = self._kind, self._parts, []
        self._kind = self._size = 0
        if parts:
            parts.append(part)
            part = "".join(parts) if kind == TEXT else b"".join(parts)  # type: ignore[arg-type]
        events.append((kind, part))

    def _text(self, payload: bytes, *, last: bool) -> str:
        try:
            if last and self._utf8 is None:
                return str(payload, "utf-8")
            if self._utf8 is None:
                self._utf8 = _new_utf8()
            text = self._utf8.decode(payload, last)
        except UnicodeDecodeError:
            raise Broken(INVALID_DATA, "a text that is not UTF-8") from None
        if last:
            self._utf8 = None
        return text


def close_code(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame, 1005 where it gives none; raises Broken."""
    if not payload:
        return NO_CODE, ""
    if len(payload) == 1:
        raise Broken(PROTOCOL, "half a close code")
    code = _as_number(payload[:2], "big")
    if code not in SENDABLE:
        raise Broken(PROTOCOL, f"the close code {code}, which no peer may send")
    try:
        return code, str(payload[2:], "utf-8")
    except UnicodeDecodeError:
        raise Broken(INVALID_DATA, "a close reason that is not UTF-8") from None


def close_payload(code: int, reason: str = "") -> bytes:
    """The payload of a close frame; the reason is cut to what a control frame holds, at a letter."""
    text = reason.encode()[: LARGEST_CONTROL - 2].decode("utf-8", "ignore").encode()
    return code.to_bytes(2, "big") + text


def frame(first: int, payload: bytes, random_bits: Callable[[int], int] = getrandbits) -> bytes:
    """One masked frame, as clients must send them.

    first: FIN, RSV1 and opcode
    """
    size = len(payload)
    # XOR with the key as one large number: 0.35 µs for 32 bytes, 0.5 µs for 128, two thirds of what the frame costs at all.
    key = random_bits(32)
    words = (size + 3) >> 2
    repeated = _REPEATED[words] if words < 33 else _repeated(words)
    masked = (_as_number(payload, "little") ^ key * repeated).to_bytes(words << 2, "little")
    if size & 3:
        masked = masked[:size]
    if size < 126:
        return _head_8(first, MASKED | size, key) + masked
    key_bytes = key.to_bytes(4, "little")
    if size < 65_536:
        return _head_16(first, MASKED | 126, size) + key_bytes + masked
    return _head_64(first, MASKED | 127, size) + key_bytes + masked


def _repeated(words: int) -> int:
    return _as_number(b"\x01\0\0\0" * words, "little")

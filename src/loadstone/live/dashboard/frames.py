"""What a run and the process that shows it say to each other: a kind, a length, and JSON or a packed second."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any

SECOND, NEWS = b"S", b"J"
_HEAD = struct.Struct("!cQ")
_TAKEN = struct.Struct("!d")
MOST_BYTES = 256 * 2**20


def news(message: Mapping[str, Any]) -> bytes:
    """A frame with anything that is JSON."""
    return _frame(NEWS, json.dumps(message, separators=(",", ":")).encode())


def second(taken_s: float, content: bytes) -> bytes:
    """A frame with one packed snapshot and the wall time at which it was taken."""
    return _frame(SECOND, _TAKEN.pack(taken_s) + content)


def opened_second(body: bytes) -> tuple[float, bytes]:
    """Wall time and packed snapshot of such a frame."""
    return float(_TAKEN.unpack_from(body)[0]), body[_TAKEN.size :]


def _frame(kind: bytes, body: bytes) -> bytes:
    return _HEAD.pack(kind, len(body)) + body


class FrameReader:
    """Frames out of pieces of any size; raises ValueError for what is none."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Kind and body of each frame that is whole now."""
        self._rest += data
        while len(self._rest) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._rest)
            if kind not in (SECOND, NEWS) or length > MOST_BYTES:
                raise ValueError("not a frame of a run")
            end = _HEAD.size + length
            if len(self._rest) < end:
                return
            body = bytes(self._rest[_HEAD.size : end])
            del self._rest[:end]
            yield kind, body


def received(end: socket.socket) -> Iterator[dict[str, Any]]:
    """Messages that come in until the other side is gone; waits for each."""
    reader = FrameReader()
    while True:
        try:
            data = end.recv(65536)
        except OSError:
            return
        if not data:
            return
        for _, body in reader.feed(data):
            yield json.loads(body)

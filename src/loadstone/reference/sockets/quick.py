"""Whole frames of a client, found without the library where they are simple: half a hundred a second of each of hundreds of calls."""

from __future__ import annotations

from collections.abc import Iterator


class QuickFrames:
    """Cuts a stream of bytes into frames. A simple one (whole message, masked, no extension) is unmasked here; any other is
    handed out as its raw bytes, for the library to judge.
    """

    __slots__ = ("_rest", "_through")

    def __init__(self) -> None:
        self._rest = b""
        self._through = False  # a frame too large to be kept here: from now on all is the library's

    def split(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(opcode, payload) of each simple frame, (0, raw bytes) of each other; what is not whole yet waits."""
        if self._through:
            yield 0, data
            return
        if self._rest:
            data = self._rest + data
            self._rest = b""
        start, end = 0, len(data)
        while end - start >= 2:
            size = _size(data, start, end)
            if size is None:
                break
            head, length = size
            if end - start < head + length:
                if length > _MOST_WAITING:
                    self._through = True
                    yield 0, data[start:]
                    return
                break
            frame_end = start + head + length
            if data[start] in _SIMPLE and data[start + 1] & 0x80:
                yield data[start] & 0x0F, _unmasked(data, start + head, length)
            else:
                yield 0, data[start:frame_end]
            start = frame_end
        if start < end:
            self._rest = data[start:]


_SIMPLE = frozenset({0x81, 0x82})
_MOST_WAITING = 1 << 20


def _size(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Bytes of head (with the mask's key) and of payload; None when the head is not whole yet."""
    second = data[start + 1]
    length, head = second & 0x7F, 6 if second & 0x80 else 2
    if length == 126:
        head += 2
        if end - start < 4:
            return None
        length = data[start + 2] << 8 | data[start + 3]
    elif length == 127:
        head += 8
        if end - start < 10:
            return None
        length = int.from_bytes(data[start + 2 : start + 10])
    return (head, length) if end - start >= head else None


def _unmasked(data: bytes, start: int, length: int) -> bytes:
    key = data[start - 4 : start]
    if not length or key == b"\0\0\0\0":
        return data[start : start + length]
    words = length // 4 + 1
    mask = int.from_bytes((key * words)[:length])
    return (int.from_bytes(data[start : start + length]) ^ mask).to_bytes(length)

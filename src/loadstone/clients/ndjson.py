"""Newline-delimited JSON as events, without any I/O: one value on each line, empty lines are none."""

from __future__ import annotations

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.sse import LARGEST_EVENT, Event


class NdjsonParser:
    """See sse.Parser; the values themselves are not read here.

    most: bytes of one line, above which it is Failed(too_large)
    """

    __slots__ = ("_line", "_most", "_size", "between")

    def __init__(self, most: int = LARGEST_EVENT) -> None:
        self._most = most
        self._line: list[bytes] = []
        self._size = 0
        self.between = False  # each line is read the same way

    @property
    def half(self) -> bool:
        """See Parser: a last line needs no line end, so that nothing is ever half."""
        return False

    def feed(self, data: bytes) -> list[Event]:
        """See Parser."""
        first, *rest = data.split(b"\n")
        self._grow(first)
        events = []
        for line in rest:
            events += self._take()
            self._grow(line)
        return events

    def finish(self) -> list[Event]:
        """See Parser: the last line may lack its end."""
        return self._take()

    def _grow(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._most:
            raise Failed(Kind.TOO_LARGE, f"a line of more than {self._most} bytes")
        if part:
            self._line.append(part)

    def _take(self) -> list[Event]:
        line = b"".join(self._line).strip(b" \t\r")
        self._line.clear()
        self._size = 0
        if not line:
            return []
        try:
            return [Event(line.decode())]
        except UnicodeDecodeError:
            return [Event(line.decode("utf-8", "replace"), sound=False)]

"""Server-sent events from bytes, without any I/O: the WHATWG HTML standard, section 9.2 (parsing an event stream)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from loadstone.clients.failure import Failed, Kind

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LARGEST_EVENT = 16_000_000


class Event(NamedTuple):
    """One event; `name` is "message" unless the stream says otherwise.

    sound: False when its bytes were no UTF-8; what was not is replaced by U+FFFD, as the standard wants it
    """

    data: str
    name: str = "message"
    id: str = ""
    sound: bool = True


class Parser(Protocol):
    """Bytes in, events out."""

    def feed(self, data: bytes, /) -> list[Event]:
        """The events that these bytes complete; raises Failed(too_large)."""

    def finish(self) -> list[Event]:
        """The stream has ended: what was still to come of its events."""

    @property
    def half(self) -> bool:
        """Has an event begun that is not complete?"""

    between: bool  # is the next byte the first of an event?


class SseParser:
    """An event stream.

    most: bytes of one event, above which it is Failed(too_large)
    """

    __slots__ = ("_after_cr", "_data", "_fields", "_first", "_id", "_line", "_most", "_name", "_size", "between", "comments", "retry_ms")

    def __init__(self, most: int = LARGEST_EVENT) -> None:
        self._most = most
        self._first = True  # a byte-order mark may still come
        self._after_cr = False
        self._line: list[bytes] = []  # parts of a line that has not ended
        self._data: list[bytes] = []
        self._name = b""
        self._id = ""
        self._size = 0  # bytes of the event that is coming
        self._fields = False
        self.between = False
        self.comments = 0
        self.retry_ms: int | None = None

    @property
    def half(self) -> bool:
        """See Parser."""
        return bool(self._line or self._data or self._fields)

    def finish(self) -> list[Event]:
        """See Parser: an event without its empty line is dropped, as the standard wants it; `half` says so."""
        return []

    def feed(self, data: bytes) -> list[Event]:
        """See Parser."""
        if self.between:
            event = self._whole(data)
            if event is not None:
                return [event]
        elif self._first:
            data = self._without_mark(data)
        if self._after_cr and data:
            data = data[1:] if data[:1] == b"\n" else data
            self._after_cr = False
        events = self._lines(data)
        self.between = not (self._size or self._first or self._after_cr or self._line)
        return events

    def _whole(self, data: bytes) -> Event | None:
        """A read that is exactly one event of one line, as nearly all are."""
        if data[:6] != b"data: " or data[-2:] != b"\n\n" or data.find(b"\n", 6) != len(data) - 2 or b"\r" in data or len(data) > self._most:
            return None
        return self._event(data[6:-2])

    def _without_mark(self, data: bytes) -> bytes:
        data = b"".join([*self._line, data])
        self._line.clear()
        if len(data) < 3 and BYTE_ORDER_MARK.startswith(data):
            self._line.append(data)
            return b""
        self._first, self._size = False, 0
        return data.removeprefix(BYTE_ORDER_MARK)

    def _lines(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if not data:
            return events
        lines = data.splitlines(keepends=True)  # of bytes: at LF, CR and CRLF, and nowhere else
        last = lines[-1]
        self._after_cr = last.endswith(b"\r")
        if not last.endswith((b"\r", b"\n")):
            lines.pop()
        for line in lines:
            self._grow(len(line))
            line = line.rstrip(b"\r\n")
            if self._line:
                line = b"".join([*self._line, line])
                self._line.clear()
            if line:
                self._field(line)
            else:
                self._dispatch(events)
        if not last.endswith((b"\r", b"\n")):
            self._grow(len(last))
            self._line.append(last)
        return events

    def _grow(self, by: int) -> None:
        self._size += by
        if self._size > self._most:
            raise Failed(Kind.TOO_LARGE, f"an event of more than {self._most} bytes")

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not name:
            self.comments += 1
            if not self._data and not self._fields:
                self._size = 0  # a stream of nothing but keep-alives is not one large event
        elif name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name, self._fields = value, True
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry_ms = int(value[:18])

    def _dispatch(self, events: list[Event]) -> None:
        self._size = 0
        self._fields = False
        name, self._name = self._name, b""
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            self._data.clear()
            events.append(self._event(data, name))

    def _event(self, data: bytes, name: bytes = b"") -> Event:
        sound = True
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text, sound = data.decode("utf-8", "replace"), False
        return Event(text, name.decode("utf-8", "replace") or "message", self._id, sound)

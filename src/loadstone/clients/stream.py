"""Responses whose body is handed on piece by piece, each with the kernel's stamp of the read that brought it."""

from __future__ import annotations

from typing import Protocol

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.http1 import CHUNKED, Head, HeadMemory, ResponseReader


class Link(Protocol):
    """What a stream needs of its connection.

    end_ns: stamp of the last read
    """

    end_ns: int

    def leave(self, why: Failed, /) -> None:
        """Close at once; the exchange ends for this reason."""


class BodySink(Protocol):
    """Takes a body while it comes. It is called between the reads of other sockets, so it only puts things away."""

    def on(self, link: Link, /) -> None:
        """The exchange begins on this connection."""

    def begin(self, head: Head, /) -> bool:
        """The head is complete; False leaves the body to the reply (an error's text, a redirect's)."""

    def piece(self, data: bytes, end_ns: int, /) -> None:
        """More of the body, free of the transfer coding; raises Failed to end the exchange.

        end_ns: when the kernel had received the newest byte of the read
        """


class StreamReader(ResponseReader):
    """A response's reader that gives the body to a sink."""

    def __init__(self, memory: HeadMemory, sink: BodySink, link: Link, *, bodiless: bool, most: int) -> None:
        super().__init__(memory, bodiless=bodiless, keep=True, most=most)
        self._sink, self._link = sink, link
        self._given_on = False
        self._between = False  # is the next byte the first of a chunk's size?

    def feed(self, data: bytes) -> bool:
        """See ResponseReader. Servers write one chunk per event: a read that is exactly one chunk is cut out without a search."""
        if self._between:
            line_end = data.find(b"\r\n", 0, 10)
            if line_end > 0 and data[:line_end].isalnum() and data.endswith(b"\r\n"):
                try:
                    size = int(data[:line_end], 16)
                except ValueError:
                    size = 0  # the long way says what is wrong with it
                if size and size == len(data) - line_end - 4:
                    self.size += size
                    if self.size <= self._most:
                        self._sink.piece(data[line_end + 2 : -2], self._link.end_ns)
                        return False
                    self.size -= size
        complete = super().feed(data)
        self._between = self._given_on and not (self._left or self._pending or self._chunk_ends or self._in_trailer)
        return complete

    def _start(self, head: Head, rest: bytes) -> bool:
        wanted = self._sink.begin(head)
        self._given_on = wanted and head.length == CHUNKED
        self._keep = not wanted
        return super()._start(head, rest)

    def _collect(self, data: bytes) -> None:
        super()._collect(data)
        if data and not self._keep:
            self._sink.piece(data, self._link.end_ns)


def cancelled(why: str) -> Failed:
    """The client leaves before the end: an outcome, and nobody's error."""
    return Failed(Kind.CANCELLED, why)

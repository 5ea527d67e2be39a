"""Bodies of events: pieces are put away with their stamps while they come, and read when the sockets have nothing more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from loadstone.clients.failure import Failed, bounded
from loadstone.clients.http1 import Head
from loadstone.clients.ndjson import NdjsonParser
from loadstone.clients.sse import Event, Parser, SseParser
from loadstone.clients.stream import Link, cancelled

# So many pieces may wait, and no more of one stream: reading them in one go is cheaper than one by one.
PIECES_WAITING = 512
PIECES_OF_ONE = 64
# Reading those of so many streams takes about a millisecond at most: then it is the sockets' turn again, so that the bytes of two
# events of another stream do not come to lie in one read, under one stamp.
STREAMS_PER_TURN = 16
PARSERS: dict[str, Callable[[], Parser]] = {
    "text/event-stream": SseParser,
    "application/x-ndjson": NdjsonParser,
    "application/ndjson": NdjsonParser,
    "application/jsonl": NdjsonParser,
    "application/json-lines": NdjsonParser,
    "application/stream+json": NdjsonParser,
}
# What takes an event, and the stamp of the read that completed it.
TakeEvent = Callable[[Event, int], None]


class Backlog:
    """What streams of a scenario have put away: read when enough waits, in portions between which the sockets have their turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._turns = False
        self.pieces = 0  # put away since the last turn

    def add(self, read: Callable[[], None]) -> None:
        """A stream has something to read."""
        self._waiting.append(read)

    def begin(self) -> None:
        """Enough waits: read soon."""
        self.pieces = 0
        if not self._turns:
            self._turns = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        waiting = self._waiting
        for _ in range(min(len(waiting), STREAMS_PER_TURN)):
            waiting.popleft()()
        self._turns = bool(waiting)
        if waiting:
            self._loop.call_soon(self._turn)


class Intake:
    """The sink of one exchange (clients.stream.BodySink) that reads a body as events.

    take:     gets each event with its stamp, in order; raises Failed to leave
    accepts:  statuses whose bodies are events
    shortcut: gets a piece where an event begins; True when it read it as one whole event
    at_once:  read each event when it comes, because the client may leave for it
    head:     of the response, once it came
    content_type: of the response, lower case, without parameters
    parser:   None while there is no body of events: the reply keeps what came instead
    """

    __slots__ = (
        "_accepts",
        "_at_once",
        "_backlog",
        "_failed",
        "_link",
        "_pieces",
        "_queued",
        "_shortcut",
        "_stamps",
        "_take",
        "content_type",
        "head",
        "parser",
    )

    def __init__(
        self,
        backlog: Backlog,
        take: TakeEvent,
        accepts: frozenset[int] | Sequence[int],
        *,
        at_once: bool = False,
        shortcut: Callable[[bytes, int], bool] | None = None,
    ) -> None:
        self._shortcut = shortcut
        self._backlog, self._take, self._accepts, self._at_once = backlog, take, accepts, at_once
        self._link: Link | None = None
        self._pieces: list[bytes] = []
        self._stamps: list[int] = []
        self._queued = False
        self._failed: Failed | None = None
        self.head: Head | None = None
        self.content_type = ""
        self.parser: Parser | None = None

    def on(self, link: Link) -> None:
        """See BodySink."""
        self._link = link

    @property
    def compressed(self) -> str:
        """The content coding of the body; "" without one."""
        return self.head.encoding.decode("latin-1").replace("identity", "") if self.head is not None else ""

    def begin(self, head: Head) -> bool:
        """See BodySink: only a body that says that it is events is read as such."""
        self.head = head
        self.content_type = dict(head.headers()).get("content-type", "").partition(";")[0].strip().lower()
        if head.status not in self._accepts or self.compressed:
            return False
        make = PARSERS.get(self.content_type)
        self.parser = make() if make else None
        return self.parser is not None

    def piece(self, data: bytes, end_ns: int) -> None:
        """See BodySink."""
        pieces, backlog = self._pieces, self._backlog
        pieces.append(data)
        self._stamps.append(end_ns)
        if not self._queued:
            self._queued = True
            backlog.add(self._read)
        backlog.pieces += 1
        if self._at_once or backlog.pieces >= PIECES_WAITING or len(pieces) >= PIECES_OF_ONE:
            backlog.begin()

    def leave(self, why: str) -> None:
        """End the exchange now: the client goes."""
        if self._link is not None:
            self._link.leave(cancelled(why))

    def finish(self, *, whole: bool) -> Failed | None:
        """Read what is left, after the exchange; answers what was wrong with it.

        whole: the body came to its end: where it was cut, what had begun is no event
        """
        self._read()
        if self._failed is None and self.parser is not None and whole:
            last = self._link.end_ns if self._link is not None else 0
            try:
                for event in self.parser.finish():
                    self._take(event, last)
            except Failed as failed:
                self._failed = failed
        return self._failed

    def _read(self) -> None:
        self._queued = False
        pieces, stamps = self._pieces, self._stamps
        if not pieces or self._failed is not None or self.parser is None:
            pieces.clear()
            stamps.clear()
            return
        self._pieces, self._stamps = [], []
        parser, take, shortcut = self.parser, self._take, self._shortcut
        feed = parser.feed
        try:
            for data, stamp in zip(pieces, stamps, strict=True):
                if shortcut is not None and parser.between and shortcut(data, stamp):
                    continue
                for event in feed(data):
                    take(event, stamp)
        except Failed as failed:
            self._failed = failed
            if self._link is not None:
                self._link.leave(failed)


def told_status(status: int, headers: dict[str, str], text: str) -> str:
    """The words for a status that was not expected: what the server itself said, and when it wants to be asked again."""
    later = f", retry after {headers['retry-after']}" if "retry-after" in headers else ""
    said = f": {text}" if text else ""
    return bounded(f"status {status}{later}{said}")

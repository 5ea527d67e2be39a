"""HTTP/1.1 responses from bytes (RFC 9112), without any I/O.

Our own and not a library's because of what a load generator needs and a parser for servers does not give: an answer to HEAD
without a body, a typed reason for every malformed byte, and heads that are parsed once: a server that answers alike
sends the same head for a second or longer, and identical bytes parse identically.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loadstone.clients.failure import Failed, Kind

LARGEST_HEAD = 65_536
UNTIL_CLOSE, CHUNKED = -1, -2
END_OF_HEAD = b"\r\n\r\n"
MOST_REMEMBERED_HEADS = 128  # with a date there is a new one each second, and those of seconds past are only ballast
LONGEST_REMEMBERED_HEAD = 4_096
MOST_INTERIM = 100  # interim responses (1xx) before the real one
LONGEST_CHUNK_LINE = 4_096
HALF_A_LINE_END = "a line of the head ends in CR or LF alone"
BODILESS = frozenset({101, 204, 304})
_HEX = b"0123456789abcdefABCDEF"


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers of a response.

    length: bytes of body, or UNTIL_CLOSE, or CHUNKED
    close:  the server will close the connection after this response
    cookies: there is a Set-Cookie header
    last:   nothing can follow it on this connection
    plain:  what it says needs no closer look than its status
    """

    status: int
    length: int
    close: bool
    encoding: bytes
    cookies: bool
    raw: bytes
    last: bool = field(init=False)
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "last", self.close or self.status == 101)
        object.__setattr__(self, "plain", not self.encoding and not self.cookies)

    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case and values, in order; parsed anew at each call."""
        pairs = []
        for line in self.raw.split(b"\r\n")[1:-2]:
            name, _, value = line.partition(b":")
            pairs.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
        return pairs


def parse_head(raw: bytes) -> Head:
    """Read a head up to and including its empty line; raises Failed(malformed)."""
    if b"\r\n " in raw or b"\r\n\t" in raw:  # a value that goes on in the next line (RFC 9112 section 5.2)
        raw = raw.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    lines = raw.split(b"\r\n")
    if not raw.count(b"\n") == raw.count(b"\r") == len(lines) - 1:
        raise Failed(Kind.MALFORMED, HALF_A_LINE_END)
    status = _status(lines[0])
    length, coding, encoding, cookies = UNTIL_CLOSE, b"", b"", False
    options: set[bytes] = set()
    for line in lines[1:-2]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name[-1:] in b" \t":
            # Only how it begins: the line may hold a token or a cookie.
            raise Failed(Kind.MALFORMED, f"not a header line: {_beginning(line)}")
        name = name.lower()
        if name == b"content-length":
            length = _content_length(value.strip(), length)
        elif name == b"transfer-encoding":
            coding = value.lower().rpartition(b",")[2].strip()
        elif name == b"connection":
            options.update(option.strip() for option in value.lower().split(b","))
        elif name == b"content-encoding":
            encoding = value.strip().lower()
        elif name == b"set-cookie":
            cookies = True
    close = b"close" in options or (lines[0][7:8] == b"0" and b"keep-alive" not in options)
    return Head(status, _framing(status, length, coding), close, encoding, cookies, raw)


def _framing(status: int, length: int, coding: bytes) -> int:
    # RFC 9112 section 6.3: beside a transfer coding a content-length counts for nothing.
    if status in BODILESS:
        return 0
    if coding:
        return CHUNKED if coding == b"chunked" else UNTIL_CLOSE
    return length


def _status(line: bytes) -> int:
    code = line[9:12]
    if not line.startswith(b"HTTP/1.") or line[8:9] != b" " or not (line[7:8] + code).isdigit() or code < b"100" or line[12:13].strip():
        raise Failed(Kind.MALFORMED, f"not an HTTP/1.x status line: {_beginning(line)}")
    return int(code)


def _beginning(line: bytes) -> str:
    return repr(line[:16].decode("latin-1")) + ("…" if len(line) > 16 else "")


def _content_length(value: bytes, before: int) -> int:
    # RFC 9112 section 6.3: several equal values may be folded into one, different ones are an error.
    values = {part.strip() for part in value.split(b",")}
    text = values.pop()
    if values or not text.isdigit() or len(text) > 18 or (before >= 0 and before != int(text)):
        raise Failed(Kind.MALFORMED, f"not a content-length: {_beginning(value)}")
    return int(text)


class HeadMemory:
    """Heads by their exact bytes; bounded, and emptied when full."""

    def __init__(self) -> None:
        self.known: dict[bytes, Head] = {}

    def parse(self, raw: bytes) -> Head:
        """Parse and remember."""
        head = parse_head(raw)
        if len(raw) <= LONGEST_REMEMBERED_HEAD and head.length >= 0 and head.status >= 200:
            if len(self.known) >= MOST_REMEMBERED_HEADS:
                self.known.clear()
            self.known[raw] = head
        return head


class ResponseReader:
    """Takes the bytes of one response as they come; `feed` answers True when the response is complete.

    bodiless: the response has no body whatever its headers say (HEAD)
    keep:     collect the body; otherwise it is only counted
    most:     largest body in bytes; above it Failed(too_large)
    """

    def __init__(self, memory: HeadMemory, *, bodiless: bool, keep: bool, most: int) -> None:
        self.head: Head | None = None
        self.size = 0
        self._memory, self._bodiless, self._keep, self._most = memory, bodiless, keep, most
        self._parts: list[bytes] = []
        self._pending = b""
        self._left = 0  # of the body, or of the current chunk
        self._chunk_ends = self._in_trailer = False
        self._interim = self._trailer = 0

    @property
    def body(self) -> bytes:
        """What was collected so far."""
        return b"".join(self._parts)

    def feed(self, data: bytes) -> bool:
        """More bytes from the server; raises Failed."""
        if self.head is not None:
            return self._take(data)
        data = self._pending + data if self._pending else data
        while True:
            head_end = data.find(END_OF_HEAD)
            if head_end < 0:
                return self._wait_for_head(data)
            size = head_end + len(END_OF_HEAD)
            head = self._head(data[:size])
            data = data[size:]
            if head.status >= 200 or head.status == 101:
                return self._start(head, data)
            self._interim += 1  # the real response follows
            if self._interim > MOST_INTERIM:
                raise Failed(Kind.MALFORMED, f"more than {MOST_INTERIM} interim responses")

    def finish(self) -> None:
        """The server closed the connection; raises Failed(closed_early) unless that ends the body."""
        if self.head is None:
            got = len(self._pending)
            raise Failed(Kind.CLOSED_EARLY, "closed inside the head of the response" if got else "closed without a response")
        if self.head.length == UNTIL_CLOSE:
            return
        of = "an unfinished chunked body" if self.head.length == CHUNKED else f"{self.head.length} bytes of body"
        raise Failed(Kind.CLOSED_EARLY, f"closed after {self.size} of {of}" if self.head.length >= 0 else f"closed in {of}")

    def _wait_for_head(self, data: bytes) -> bool:
        if len(data) > LARGEST_HEAD:
            raise Failed(Kind.TOO_LARGE, f"head of more than {LARGEST_HEAD} bytes")
        if not b"HTTP/1."[: len(data)] == data[:7]:
            raise Failed(Kind.MALFORMED, f"not an HTTP/1.x status line: {_beginning(data)}")
        if b"\n\n" in data:  # it would wait for an end that has been there already
            raise Failed(Kind.MALFORMED, HALF_A_LINE_END)
        self._pending = data
        return False

    def _head(self, raw: bytes) -> Head:
        if len(raw) > LARGEST_HEAD:
            raise Failed(Kind.TOO_LARGE, f"head of more than {LARGEST_HEAD} bytes")
        return self._memory.parse(raw)

    def _start(self, head: Head, rest: bytes) -> bool:
        self.head, self._pending = head, b""
        if head.status == 101:  # what follows is another protocol
            return True
        if self._bodiless:
            return self._complete(rest)
        if head.length > self._most:
            raise Failed(Kind.TOO_LARGE, f"content-length {head.length}, limit {self._most}")
        self._left = max(head.length, 0)
        return self._take(rest)

    def _take(self, data: bytes) -> bool:
        assert self.head is not None
        if self.head.length == CHUNKED:
            return self._take_chunks(self._pending + data if self._pending else data)
        if self.head.length == UNTIL_CLOSE:
            self._collect(data)
            return False
        mine = data[: self._left]
        self._left -= len(mine)
        self._collect(mine)
        return self._complete(data[len(mine) :]) if self._left == 0 else False

    def _collect(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._most:
            raise Failed(Kind.TOO_LARGE, f"body of more than {self._most} bytes")
        if self._keep and data:
            self._parts.append(data)

    def _take_chunks(self, data: bytes) -> bool:
        at = 0
        while True:
            if self._left:
                mine = data[at : at + self._left]
                at += len(mine)
                self._left -= len(mine)
                self._collect(mine)
                if self._left:
                    self._pending = b""
                    return False
                self._chunk_ends = True
            line_end = data.find(b"\r\n", at)
            if self._chunk_ends and line_end != at and data[at:] not in {b"", b"\r"}:
                raise Failed(Kind.MALFORMED, "chunk longer than its size")
            if line_end < 0:
                return self._wait_for_line(data[at:])
            line, at = data[at:line_end], line_end + 2
            if self._take_line(line):
                return self._complete(data[at:])

    def _wait_for_line(self, data: bytes) -> bool:
        if len(data) > (LARGEST_HEAD if self._in_trailer else LONGEST_CHUNK_LINE):
            raise Failed(Kind.MALFORMED, "chunk size line without an end")
        self._pending = data
        return False

    def _take_line(self, line: bytes) -> bool:
        """A line between chunks; True when it ends the body."""
        if self._chunk_ends:
            self._chunk_ends = False
        elif self._in_trailer:
            self._trailer += len(line)
            if self._trailer > LARGEST_HEAD:
                raise Failed(Kind.TOO_LARGE, f"trailer of more than {LARGEST_HEAD} bytes")
            return not line
        else:
            self._left = _chunk_size(line)
            self._in_trailer = self._left == 0
        return False

    def _complete(self, rest: bytes) -> bool:
        if rest:
            raise Failed(Kind.MALFORMED, "bytes after the end of the response")
        return True


def _chunk_size(line: bytes) -> int:
    text = line.partition(b";")[0].strip(b" \t")
    if not text or len(text) > 15 or text.translate(None, _HEX):
        raise Failed(Kind.MALFORMED, f"not a chunk size: {_beginning(line)}")
    return int(text, 16)

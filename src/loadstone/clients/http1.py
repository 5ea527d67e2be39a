"""HTTP/1.1 responses from bytes (RFC 9112), without any I/O.

Our own and not a library's because of what a load generator needs and a parser for servers does not give: an answer to HEAD
without a body, a typed reason for every malformed byte, and heads that are parsed once: a server that answers alike
sends the same head for a second or longer, and identical bytes parse identically.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadstone.clients.failure import Failed, Kind

LARGEST_HEAD = 65_536
UNTIL_CLOSE, CHUNKED = -1, -2
END_OF_HEAD = b"\r\n\r\n"
MOST_REMEMBERED_HEADS = 512
LONGEST_REMEMBERED_HEAD = 4_096


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers of a response.

    length: bytes of body, or UNTIL_CLOSE, or CHUNKED
    close:  the server will close the connection after this response
    cookies: there is a Set-Cookie header
    """

    status: int
    length: int
    close: bool
    encoding: bytes
    cookies: bool
    raw: bytes

    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case and values, in order; parsed anew at each call."""
        pairs = []
        for line in self.raw.split(b"\r\n")[1:-2]:
            name, _, value = line.partition(b":")
            pairs.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
        return pairs


def parse_head(raw: bytes) -> Head:
    """Read a head up to and including its empty line; raises Failed(malformed)."""
    lines = raw.split(b"\r\n")
    status_line = lines[0]
    code = status_line[9:12]
    if not status_line.startswith(b"HTTP/1.") or status_line[8:9] != b" " or not code.isdigit() or code < b"100":
        raise Failed(Kind.MALFORMED, f"not an HTTP/1.x status line: {status_line[:40].decode('latin-1')!r}")
    status = int(code)
    length, close, encoding, chunked, cookies = UNTIL_CLOSE, status_line[7:8] == b"0", b"", False, False
    for line in lines[1:-2]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name[-1:] in b" \t":
            raise Failed(Kind.MALFORMED, f"not a header line: {line[:40].decode('latin-1')!r}")
        name = name.lower()
        if name == b"content-length":
            length = _content_length(value.strip(), length)
        elif name == b"transfer-encoding":
            chunked = value.strip().lower().endswith(b"chunked")
        elif name == b"connection":
            options = [option.strip() for option in value.lower().split(b",")]
            close = b"close" in options or (close and b"keep-alive" not in options)
        elif name == b"content-encoding":
            encoding = value.strip().lower()
        elif name == b"set-cookie":
            cookies = True
    return Head(status, CHUNKED if chunked else length, close, encoding, cookies, raw)


def _content_length(value: bytes, before: int) -> int:
    # RFC 9112 section 6.3: several equal values may be folded into one, different ones are an error.
    values = {part.strip() for part in value.split(b",")}
    text = values.pop()
    if values or not text.isdigit() or len(text) > 18 or (before >= 0 and before != int(text)):
        raise Failed(Kind.MALFORMED, f"content-length {value[:40].decode('latin-1')!r}")
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

    @property
    def body(self) -> bytes:
        """What was collected so far."""
        return b"".join(self._parts)

    def feed(self, data: bytes) -> bool:
        """More bytes from the server; raises Failed."""
        if self.head is None:
            data = self._pending + data if self._pending else data
            head_end = data.find(END_OF_HEAD)
            if head_end < 0:
                return self._wait_for_head(data)
            return self._start(data, head_end + len(END_OF_HEAD))
        return self._take(data)

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
            raise Failed(Kind.MALFORMED, f"not an HTTP/1.x status line: {data[:40].decode('latin-1')!r}")
        self._pending = data
        return False

    def _start(self, data: bytes, size: int) -> bool:
        if size > LARGEST_HEAD:
            raise Failed(Kind.TOO_LARGE, f"head of more than {LARGEST_HEAD} bytes")
        head = self._memory.parse(data[:size])
        rest = data[size:]
        if head.status < 200 and head.status != 101:  # interim response: the real one follows
            self._pending = b""
            return self.feed(rest) if rest else False
        self.head, self._pending = head, b""
        if self._bodiless or head.status in {204, 304}:
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
            if line_end < 0:
                self._pending = data[at:]
                if len(self._pending) > LARGEST_HEAD:
                    raise Failed(Kind.MALFORMED, "chunk size line without an end")
                return False
            line, at = data[at:line_end], line_end + 2
            if self._chunk_ends:
                if line:
                    raise Failed(Kind.MALFORMED, "chunk longer than its size")
                self._chunk_ends = False
            elif self._in_trailer:
                if not line:
                    return self._complete(data[at:])
            else:
                self._left = _chunk_size(line)
                self._in_trailer = self._left == 0

    def _complete(self, rest: bytes) -> bool:
        if rest:
            raise Failed(Kind.MALFORMED, "bytes after the end of the response")
        return True


def _chunk_size(line: bytes) -> int:
    text = line.partition(b";")[0].strip()
    try:
        if not text or len(text) > 15 or text[:1] in b"+-" or b"_" in text:
            raise ValueError
        return int(text, 16)
    except ValueError:
        raise Failed(Kind.MALFORMED, f"chunk size {line[:40].decode('latin-1')!r}") from None

"""Events that differ from an earlier one only in one text: nearly all events of an answer, read without parsing JSON again.

When nothing but the characters between two quotes differs, and there is neither a quote nor a backslash among them, the JSON says
the same about everything else. Reading such an event costs a quarter of parsing it.
"""

from __future__ import annotations

from loadstone.clients.llm.transcript import Token, Transcript

PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))  # what stands for itself in a JSON text
MOST_TRIES = 8  # some servers put something new into every event: then there is nothing to find


class Alike:
    """What the events of one answer have in common."""

    __slots__ = ("_after", "_before", "_head", "_into", "_kind", "_name", "_said", "_start", "_stop", "_tail", "_tries")

    def __init__(self, into: Transcript) -> None:
        self._into = into
        self._before = self._after = self._name = ""
        self._head = self._tail = b""  # the same, as they stand in a stream of events
        self._start = self._stop = 0
        self._kind, self._said = Token.CONTENT, into.content
        self._tries = MOST_TRIES

    def read_piece(self, data: bytes, stamp_ns: int) -> bool:
        """Write the event down if the piece is one, as a whole, and like the earlier one."""
        head = self._head
        if not head or not data.startswith(head) or not data.endswith(self._tail):
            return False
        inner = data[len(head) : -len(self._tail)]
        if not inner or inner.translate(None, PLAIN):
            return False
        self._into.lone_token(self._kind, self._said, inner.decode(), stamp_ns)
        return True

    def read(self, name: str, data: str) -> bool:
        """Write the event down if it is like the earlier one."""
        start = self._start
        if not start or not data.startswith(self._before) or not data.endswith(self._after) or name != self._name:
            return False
        text = data[start : len(data) - self._stop]
        if not text or '"' in text or "\\" in text:
            return False
        self._into.token(self._kind, text)
        return True

    def learn(self, name: str, data: str, chunks: int, said_before: int) -> None:
        """See whether the event that was just read can stand for others.

        chunks: how many there were before it; said_before: how many of them were of the first choice
        """
        into = self._into
        if not self._tries:
            return
        if len(into.texts) != chunks + 1 or into.said != said_before + 1 or into.finish_reason is not None or into.tools:
            return
        self._tries -= 1
        kind, text = Token(into.kinds[-1]), into.texts[-1]
        said = into.reasoning if kind is Token.REASONING else into.content
        literal = f'"{text}"'
        # The text as a whole, of the one choice, and nowhere else in the event.
        if "\\" in data or not said or said[-1] != text or data.count(literal) != 1:
            return
        place = data.index(literal)
        self._before, self._after = data[: place + 1], data[place + len(literal) - 1 :]
        self._start, self._stop = len(self._before), len(self._after)
        self._kind, self._said, self._name = kind, said, name
        if name == "message":
            self._head, self._tail = b"data: " + self._before.encode(), self._after.encode() + b"\n\n"

"""What an answer was made of, chunk by chunk, as a dialect's reader writes it down."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from loadstone.clients.failure import bounded


class Token(IntEnum):
    """What a chunk of an answer is."""

    CONTENT = 1
    TOOL = 2
    REASONING = 3  # the only one that the reader of the answer does not see


class Fault(StrEnum):
    """Why an answer failed although HTTP did not; beside these stand the kinds of clients.failure."""

    RATE_LIMIT = "rate_limit"
    CONTENT_TYPE = "content_type"
    MALFORMED_EVENT = "malformed_event"
    STREAM_ERROR = "stream_error"
    TRUNCATED = "truncated"
    EMPTY = "empty"


@dataclass(slots=True)
class ToolCall:
    """A call that the model asks for; `arguments` is JSON text."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the server says them; None where it does not.

    output: reasoning included
    """

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    reasoning: int | None = None

    def over(self, before: Usage | None) -> Usage:
        """These counts, and earlier ones for what they lack."""
        if before is None:
            return self
        mine, theirs = (self.input, self.output, self.cached_input, self.reasoning), before
        old = (theirs.input, theirs.output, theirs.cached_input, theirs.reasoning)
        return Usage(*(each if each is not None else other for each, other in zip(mine, old, strict=True)))


@dataclass(slots=True)
class Transcript:
    """An answer in the making.

    stamps, kinds, texts: one entry for each chunk that carries tokens; the text of all choices together
    at_ns:                stamp of the event that is being read
    ended:                the dialect's own end mark came
    """

    stamps: array[int] = field(default_factory=lambda: array("q"))
    kinds: bytearray = field(default_factory=bytearray)
    texts: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tools: dict[int, ToolCall] = field(default_factory=dict)
    usage: Usage | None = None
    finish_reason: str | None = None
    ended: bool = False
    at_ns: int = 0
    events: int = 0
    fault: Fault | None = None
    fault_text: str = ""
    vectors: list[list[float]] = field(default_factory=list)
    _last_event: int = 0

    @property
    def said(self) -> int:
        """How many pieces of text the first choice has."""
        return len(self.content) + len(self.reasoning)

    def token(self, kind: Token, text: str, choice: int = 0) -> None:
        """Text of a token or more; an empty one is no token (a chunk that only names the role)."""
        if not text:
            return
        if choice == 0:
            if kind is Token.CONTENT:
                self.content.append(text)
            elif kind is Token.REASONING:
                self.reasoning.append(text)
        if self._last_event == self.events and self.texts:  # the same event: the same chunk
            self.texts[-1] += text
            self.kinds[-1] = min(self.kinds[-1], kind)
            return
        self._last_event = self.events
        self.stamps.append(self.at_ns)
        self.kinds.append(kind)
        self.texts.append(text)

    def lone_token(self, kind: Token, said: list[str], text: str, stamp_ns: int) -> None:
        """A whole event that is one text of the first choice and nothing else: what `token` does, without its questions.

        said: `content` or `reasoning`, as the kind wants it
        """
        self.events = self._last_event = self.events + 1
        self.at_ns = stamp_ns
        said.append(text)
        self.stamps.append(stamp_ns)
        self.kinds.append(kind)
        self.texts.append(text)

    def tool(self, index: int, *, identity: str = "", name: str = "", arguments: str = "") -> None:
        """A part of a tool call."""
        call = self.tools.setdefault(index, ToolCall())
        call.id, call.name = call.id or identity, call.name + name
        call.arguments += arguments
        self.token(Token.TOOL, name + arguments)

    def count(self, usage: Usage) -> None:
        """Counts by the server; later ones win."""
        self.usage = usage.over(self.usage)

    def went_wrong(self, fault: Fault, text: str) -> None:
        """The first thing that goes wrong names the failure; what came before and after stays measured."""
        if self.fault is None:
            self.fault, self.fault_text = fault, bounded(text) or fault.value.replace("_", " ")

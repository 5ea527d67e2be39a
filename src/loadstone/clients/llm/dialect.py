"""How each kind of endpoint is asked and how its answers are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from loadstone.clients.llm.alike import Alike
from loadstone.clients.llm.transcript import Fault, Transcript, Usage
from loadstone.clients.sse import Event

END_MARK = "[DONE]"
MOST_TOKENS = 10**9  # of one answer; what is above is a mistake, and its sum would not fit into a counter
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked for, in no dialect's words yet.

    messages: role and content; the content is a text or a list of parts, of which the dialect words those of `plan.parts`
    usage:    ask the server to count tokens
    extra:    further fields of the body, above all others
    """

    model: str
    messages: Sequence[Message] = ()
    texts: Sequence[str] = ()
    stream: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    usage: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self, **own: Any) -> dict[str, Any]:
        """The fields that are given: the dialect's own, then the extra ones."""
        return {key: value for key, value in {**own, **self.extra}.items() if value is not None}


class Dialect(Protocol):
    """One kind of endpoint."""

    path: str

    def body(self, call: Call, /) -> dict[str, Any]:
        """The JSON body of the request."""

    def event(self, name: str, document: Any, into: Transcript, /) -> None:
        """One event of a stream; may raise what wrong JSON raises when it is taken apart."""

    def whole(self, document: Any, into: Transcript, /) -> None:
        """An answer that came in one piece; may raise likewise."""


# What taking apart JSON of another shape raises.
WRONG_SHAPE = (AttributeError, IndexError, KeyError, TypeError, ValueError, StopIteration)
# One value of JSON at a place of a text, without the search for white space around it; StopIteration where there is none.
scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def read_event(dialect: Dialect, alike: Alike, event: Event, stamp_ns: int, into: Transcript) -> None:
    """Write one event down, whatever it is."""
    into.events += 1
    into.at_ns = stamp_ns
    data = event.data
    if not event.sound:
        into.went_wrong(Fault.MALFORMED_EVENT, "an event is not UTF-8")
    elif alike.read(event.name, data):
        return
    if data == END_MARK:
        into.ended = True
        return
    if event.name == "error":  # whatever dialect: some servers end with their mark after it as if all were well
        into.went_wrong(Fault.STREAM_ERROR, said_by(data.encode()))
        return
    chunks, said_before = len(into.texts), into.said
    try:
        document, end = scan(data, 0)
        if end != len(data):
            document = json.loads(data)  # white space around it, or something that is none
        error = document.get("error")
        if error:
            into.went_wrong(Fault.STREAM_ERROR, error_text(error))
        else:
            dialect.event(event.name, document, into)
            alike.learn(event.name, data, chunks, said_before)
    except WRONG_SHAPE:
        into.went_wrong(Fault.MALFORMED_EVENT, f"not an event of an answer: {data[:60]}")
    except RecursionError:
        into.went_wrong(Fault.MALFORMED_EVENT, "an event is nested too deeply")


def read_whole(dialect: Dialect, body: bytes, into: Transcript) -> None:
    """Write down an answer that came in one piece."""
    try:
        document = json.loads(body)
        error = document.get("error")
        if error:
            into.went_wrong(Fault.STREAM_ERROR, error_text(error))
            return
        dialect.whole(document, into)
        into.ended = True
    except WRONG_SHAPE:
        into.went_wrong(Fault.MALFORMED_EVENT, "the body is not the JSON of an answer")
    except RecursionError:
        into.went_wrong(Fault.MALFORMED_EVENT, "the body is nested too deeply")


def error_text(error: Any) -> str:
    """The words of an error: a text, or an object with a message."""
    if isinstance(error, Mapping):
        kind, message = error.get("type") or error.get("code"), error.get("message")
        return str(message if not kind else f"{kind}: {message}" if message else kind)
    return str(error)


def said_by(body: bytes) -> str:
    """The words of an error's body, JSON or not; "" when there are none."""
    try:
        document = json.loads(body[:100_000])
    except (ValueError, RecursionError):
        text = body[:400].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text  # a page for people says nothing here
    if isinstance(document, Mapping):
        found = document.get("error") or document.get("detail") or (document if document.get("message") else None)
        return error_text(found) if found else ""
    return ""


def whole_number(value: Any) -> int | None:
    """A count; None for what is none, or can be none. Some servers write 5.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS or value != int(value):
        return None
    return int(value)


def openai_usage(usage: Any) -> Usage:
    """`usage` of OpenAI's chat, completions and embeddings."""
    told, said = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return Usage(
        whole_number(usage.get("prompt_tokens")),
        whole_number(usage.get("completion_tokens")),
        whole_number(told.get("cached_tokens")),
        whole_number(said.get("reasoning_tokens")),
    )


def text_of(content: Any) -> str:
    """The text of a message's content, which is a text or a list of parts."""
    if content is None:
        return ""
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)

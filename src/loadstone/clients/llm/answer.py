"""What came back from a language model, good or bad."""

from __future__ import annotations

import json as json_codec
from collections.abc import Callable
from typing import Any

from loadstone.clients.llm.timeline import Timeline
from loadstone.clients.llm.transcript import ToolCall, Transcript, Usage
from loadstone.clients.outcome import Outcome
from loadstone.clients.reply import Reply
from loadstone.clock import SECOND


class Answer(Outcome):
    """One call's answer; `failure` says why it is not whole, and what came until then stays.

    outcome: ok, failed, or cancelled when the client itself left
    """

    __slots__ = ("_measure", "_timeline", "_transcript", "outcome")

    def __init__(
        self, reply: Reply, transcript: Transcript, measure: Callable[[], Timeline], failure: str, reason: str, outcome: str
    ) -> None:
        self._reply, self._transcript, self._measure = reply, transcript, measure
        self._timeline: Timeline | None = None
        self.failure, self.reason, self.outcome = failure, reason, outcome

    @property
    def timeline(self) -> Timeline:
        """Its times and counts, worked out when they are first asked for."""
        if self._timeline is None:
            self._timeline = self._measure()
        return self._timeline

    @property
    def ok(self) -> bool:
        """Is it whole?"""
        return self.outcome == "ok"

    @property
    def text(self) -> str:
        """What the model said, reasoning apart."""
        return _whole_characters("".join(self._transcript.content))

    @property
    def body(self) -> bytes:
        """The text as bytes; for an answer that failed whole, what the server sent instead."""
        return self.text.encode() or self._reply.body

    @property
    def reasoning(self) -> str:
        """What the model said to itself."""
        return _whole_characters("".join(self._transcript.reasoning))

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls it asks for, in order."""
        return [self._transcript.tools[index] for index in sorted(self._transcript.tools)]

    @property
    def usage(self) -> Usage:
        """Token counts as the server says them."""
        return self._transcript.usage or Usage()

    @property
    def finish_reason(self) -> str | None:
        """Why it ends: stop, length, tool_calls, or the server's own word."""
        return self._transcript.finish_reason

    @property
    def vectors(self) -> list[list[float]]:
        """Embeddings, one for each text."""
        return self._transcript.vectors

    @property
    def output_tokens(self) -> int | None:
        """Tokens of the answer, reasoning included."""
        return self.timeline.output_tokens

    @property
    def ttft_s(self) -> float | None:
        """Sent to first visible token, in seconds."""
        return _seconds(self.timeline.ttft_ns)

    @property
    def tpot_s(self) -> float | None:
        """Time per output token after the first chunk, in seconds."""
        return _seconds(self.timeline.tpot_ns)

    @property
    def longest_gap_s(self) -> float | None:
        """The longest wait between two chunks, in seconds."""
        return _seconds(self.timeline.longest_gap_ns)

    @property
    def e2e_s(self) -> float | None:
        """Sent to last byte, in seconds."""
        return _seconds(self.timeline.e2e_ns)

    def json(self) -> Any:
        """The text as JSON, within a fence of backticks or not; raises ValueError."""
        text = self.text.strip()
        if text.startswith("```"):
            text = text.partition("\n")[2].rpartition("```")[0]
        return json_codec.loads(text)

    def message(self) -> dict[str, Any]:
        """It as a message of a conversation that goes on."""
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in self.tool_calls
        ]
        return {"role": "assistant", "content": self.text, **({"tool_calls": calls} if calls else {})}

    def __repr__(self) -> str:
        ttft = f", ttft {self.timeline.ttft_ns / 1e6:.3f} ms" if self.timeline.ttft_ns is not None else ""
        said = self.outcome if self.ok else f"{self.outcome}: {self.failure or self.reason}"
        return f"<Answer {said}, {self.output_tokens} tokens{ttft}>"


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / SECOND


def _whole_characters(text: str) -> str:
    """Halves of a character, which JSON can write into two chunks (RFC 8259, section 8.2), made one; a half alone is replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text

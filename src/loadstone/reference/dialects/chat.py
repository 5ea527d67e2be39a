"""OpenAI's chat completions."""

from __future__ import annotations

import time
from typing import Any

from loadstone.reference.dialects.frames import EventFrame, event, identity
from loadstone.reference.reply import Ask, Kind, Piece, Reply
from loadstone.reference.simulator import MODEL, TOOL
from loadstone.reference.switches import Switches

DONE = b"data: [DONE]\n\n"


class ChatCompletion:
    """One answer: a role-only chunk, the tokens, the finish, the usage if it is asked for, `[DONE]`."""

    def __init__(self, ask: Ask, reply: Reply, switches: Switches) -> None:
        self._reply, self._switches = reply, switches
        self._usage = switches.usage == "always" or (switches.usage == "asked" and ask.include_usage)
        kind = "chat.completion.chunk" if ask.stream else "chat.completion"
        self._head = head(identity("chatcmpl-"), kind)
        self._chunk_head = self._head | ({"usage": None} if self._usage else {})
        self._role_due = switches.first_chunk == "token"
        self._text = EventFrame(self._chunk({"content": EventFrame.MARK}))
        self._reasoning = EventFrame(self._chunk({"reasoning_content": EventFrame.MARK}))
        # Part 0 may be the reasoning; calls are numbered from 0 by themselves.
        self._first_call = next((index for index, part in enumerate(reply.parts) if part.kind is Kind.TOOL), 0)
        self._call_frames: dict[int, EventFrame] = {}

    def opening(self) -> bytes:
        """See Dialect."""
        return b"" if self._role_due else event(self._chunk({"role": "assistant", "content": ""}))

    def piece(self, piece: Piece) -> bytes:
        """See Dialect."""
        if not self._role_due and piece.kind is not Kind.TOOL:
            return (self._text if piece.kind is Kind.TEXT else self._reasoning).around(piece.text)
        delta: dict[str, Any] = {"role": "assistant"} if self._role_due else {}
        self._role_due = False
        if piece.kind is Kind.TOOL:
            return self._tool_delta(piece, delta)
        name = "content" if piece.kind is Kind.TEXT else "reasoning_content"
        return event(self._chunk({**delta, name: piece.text}))

    def closing(self, *, done: bool) -> bytes:
        """See Dialect."""
        end = event(self._chunk({}, finish_reason(self._reply)))
        if self._usage:
            end += event({**self._head, "choices": [], "usage": usage(self._reply)})
        return end + (DONE if done else b"")

    def failure(self) -> bytes:
        """See Dialect."""
        return event(failure())

    def whole(self) -> dict[str, Any]:
        """See Dialect."""
        reply = self._reply
        message: dict[str, Any] = {"role": "assistant", "content": reply.text(Kind.TEXT) or None, "refusal": None}
        if reply.reasoning_tokens:
            message["reasoning_content"] = reply.text(Kind.REASONING)
        if reply.calls:
            message["tool_calls"] = [
                {"id": identity("call_"), "type": "function", "function": {"name": TOOL, "arguments": call.text}} for call in reply.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(reply)}
        whole = {**self._head, "choices": [choice]}
        return whole if self._switches.usage == "never" else whole | {"usage": usage(reply)}

    def _tool_delta(self, piece: Piece, delta: dict[str, Any]) -> bytes:
        index = piece.part - self._first_call
        if piece.opens:
            self._call_frames[index] = EventFrame(
                self._chunk({"tool_calls": [{"index": index, "function": {"arguments": EventFrame.MARK}}]})
            )
            function = {"name": TOOL, "arguments": piece.text}
            call = {"index": index, "id": identity("call_"), "type": "function", "function": function}
            return event(self._chunk({**delta, "tool_calls": [call]}))
        return self._call_frames[index].around(piece.text)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**self._chunk_head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}


def head(name: str, kind: str) -> dict[str, Any]:
    """What every chunk of an answer starts with."""
    return {"id": name, "object": kind, "created": int(time.time()), "model": MODEL, "system_fingerprint": "simulator"}


def finish_reason(reply: Reply) -> str:
    """Why the answer ends, in OpenAI's words."""
    return "length" if reply.cut else "tool_calls" if reply.calls else "stop"


def usage(reply: Reply) -> dict[str, Any]:
    """Exact token counts; the details only where there are any."""
    counts: dict[str, Any] = {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.tokens,
        "total_tokens": reply.prompt_tokens + reply.tokens,
    }
    if reply.cached_tokens:
        counts["prompt_tokens_details"] = {"cached_tokens": reply.cached_tokens}
    if reply.reasoning_tokens:
        counts["completion_tokens_details"] = {"reasoning_tokens": reply.reasoning_tokens}
    return counts


def failure() -> dict[str, Any]:
    """The error object that breaks a stream."""
    message = "the stream was asked to fail here"
    return {"error": {"message": message, "type": "server_error", "param": None, "code": "injected_fault"}}

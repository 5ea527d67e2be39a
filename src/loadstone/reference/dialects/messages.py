"""Messages in Anthropic's form: blocks of thinking, text and tool use, each started, filled and stopped by named events."""

from __future__ import annotations

import json
from typing import Any

from loadstone.reference.dialects.frames import EventFrame, event, identity
from loadstone.reference.reply import Ask, Kind, Piece, Reply
from loadstone.reference.simulator import MODEL, TOOL
from loadstone.reference.switches import Switches

_DELTA = {
    Kind.REASONING: ("thinking_delta", "thinking"),
    Kind.TEXT: ("text_delta", "text"),
    Kind.TOOL: ("input_json_delta", "partial_json"),
}


class Message:
    """One answer. Cached tokens are not among `input_tokens`, as this API counts."""

    def __init__(self, _: Ask, reply: Reply, switches: Switches) -> None:
        self._reply, self._switches = reply, switches
        self._id = identity("msg_")
        self._open: int | None = None
        self._frames: dict[int, EventFrame] = {}

    def opening(self) -> bytes:
        """See Dialect."""
        return self._event("message_start", message=self._shown([], None, 0))

    def piece(self, piece: Piece) -> bytes:
        """See Dialect."""
        said = b""
        if piece.opens:
            said = self._closed() + self._event("content_block_start", index=piece.part, content_block=self._block(piece.part, ""))
            self._open = piece.part
            kind, name = _DELTA[piece.kind]
            delta = {"type": kind, name: EventFrame.MARK}
            value = {"type": "content_block_delta", "index": piece.part, "delta": delta}
            self._frames[piece.part] = EventFrame(value, "content_block_delta")
        return said + self._frames[piece.part].around(piece.text)

    def closing(self, *, done: bool) -> bytes:
        """See Dialect."""
        delta = {"stop_reason": self._stop_reason, "stop_sequence": None}
        counts = {} if self._switches.usage == "never" else {"usage": {"output_tokens": self._reply.tokens}}
        said = self._closed() + self._event("message_delta", delta=delta, **counts)
        return said + (self._event("message_stop") if done else b"")

    def failure(self) -> bytes:
        """See Dialect."""
        return self._event("error", error={"type": "overloaded_error", "message": "the stream was asked to fail here"})

    def whole(self) -> dict[str, Any]:
        """See Dialect."""
        blocks = [self._block(index, part.text) for index, part in enumerate(self._reply.parts)]
        return self._shown(blocks, self._stop_reason, self._reply.tokens)

    @property
    def _stop_reason(self) -> str:
        return "max_tokens" if self._reply.cut else "tool_use" if self._reply.calls else "end_turn"

    def _shown(self, blocks: list[dict[str, Any]], reason: str | None, output_tokens: int) -> dict[str, Any]:
        reply = self._reply
        usage = {
            "input_tokens": reply.prompt_tokens - reply.cached_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": reply.cached_tokens,
            "output_tokens": output_tokens,
        }
        shown: dict[str, Any] = {"id": self._id, "type": "message", "role": "assistant", "model": MODEL, "content": blocks}
        shown |= {"stop_reason": reason, "stop_sequence": None}
        return shown if self._switches.usage == "never" else shown | {"usage": usage}

    def _block(self, index: int, text: str) -> dict[str, Any]:
        kind = self._reply.parts[index].kind
        if kind is Kind.TOOL:
            try:
                given = json.loads(text) if text else {}
            except ValueError:  # cut by the limit in the middle
                given = {}
            return {"type": "tool_use", "id": identity("toolu_"), "name": TOOL, "input": given}
        if kind is Kind.REASONING:
            return {"type": "thinking", "thinking": text, "signature": ""}
        return {"type": "text", "text": text}

    def _closed(self) -> bytes:
        if self._open is None:
            return b""
        index, self._open = self._open, None
        return self._event("content_block_stop", index=index)

    def _event(self, kind: str, **values: Any) -> bytes:
        return event({"type": kind, **values}, kind)

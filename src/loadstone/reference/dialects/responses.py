"""OpenAI's responses: items with parts, each opened, filled and closed by events that are numbered."""

from __future__ import annotations

import time
from typing import Any

from loadstone.reference.dialects.frames import event, identity
from loadstone.reference.reply import Ask, Kind, Part, Piece, Reply
from loadstone.reference.simulator import MODEL, TOOL
from loadstone.reference.switches import Switches

_ITEM = {Kind.TEXT: "message", Kind.REASONING: "reasoning", Kind.TOOL: "function_call"}
_PREFIX = {Kind.TEXT: "msg_", Kind.REASONING: "rs_", Kind.TOOL: "fc_"}
_PART = {Kind.TEXT: "output_text", Kind.REASONING: "reasoning_text"}
_DELTA = {
    Kind.TEXT: "response.output_text",
    Kind.REASONING: "response.reasoning_text",
    Kind.TOOL: "response.function_call_arguments",
}


class Response:
    """One answer; an item is reasoning, a message or a call, in this order."""

    def __init__(self, _: Ask, reply: Reply, switches: Switches) -> None:
        self._reply, self._switches = reply, switches
        self._created = int(time.time())
        self._id = identity("resp_")
        self._items = [identity(_PREFIX[part.kind]) for part in reply.parts]
        self._calls = [identity("call_") for _ in reply.parts]
        self._number = -1
        self._open: int | None = None

    def opening(self) -> bytes:
        """See Dialect."""
        shown = self._shown("in_progress", [])
        return self._event("response.created", response=shown) + self._event("response.in_progress", response=shown)

    def piece(self, piece: Piece) -> bytes:
        """See Dialect."""
        said = self._closed() + self._opened(piece.part, piece.kind) if piece.opens else b""
        return said + self._event(f"{_DELTA[piece.kind]}.delta", **self._place(piece.part, piece.kind), delta=piece.text)

    def closing(self, *, done: bool) -> bytes:
        """See Dialect."""
        said = self._closed()
        if not done:
            return said
        state = "incomplete" if self._reply.cut else "completed"
        return said + self._event(f"response.{state}", response=self.whole())

    def failure(self) -> bytes:
        """See Dialect."""
        return self._event("error", code="injected_fault", message="the stream was asked to fail here", param=None)

    def whole(self) -> dict[str, Any]:
        """See Dialect."""
        state = "incomplete" if self._reply.cut else "completed"
        output = [self._item(index, part, "completed") for index, part in enumerate(self._reply.parts)]
        return self._shown(state, output)

    def _shown(self, state: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        reply = self._reply
        ended = state != "in_progress"
        usage = {
            "input_tokens": reply.prompt_tokens,
            "input_tokens_details": {"cached_tokens": reply.cached_tokens},
            "output_tokens": reply.tokens,
            "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
            "total_tokens": reply.prompt_tokens + reply.tokens,
        }
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": state,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if state == "incomplete" else None,
            "model": MODEL,
            "output": output,
            "usage": usage if ended and self._switches.usage != "never" else None,
        }

    def _item(self, index: int, part: Part, state: str) -> dict[str, Any]:
        text = part.text if state == "completed" else ""
        item: dict[str, Any] = {"id": self._items[index], "type": _ITEM[part.kind], "status": state}
        if part.kind is Kind.TOOL:
            return {**item, "call_id": self._calls[index], "name": TOOL, "arguments": text}
        content = [self._content(part.kind, text)] if state == "completed" else []
        if part.kind is Kind.REASONING:
            return {**item, "summary": [], "content": content}
        return {**item, "role": "assistant", "content": content}

    def _content(self, kind: Kind, text: str) -> dict[str, Any]:
        return {"type": _PART[kind], "text": text} | ({"annotations": []} if kind is Kind.TEXT else {})

    def _place(self, index: int, kind: Kind) -> dict[str, Any]:
        place = {"item_id": self._items[index], "output_index": index}
        return place if kind is Kind.TOOL else place | {"content_index": 0}

    def _opened(self, index: int, kind: Kind) -> bytes:
        self._open = index
        item = self._item(index, self._reply.parts[index], "in_progress")
        said = self._event("response.output_item.added", output_index=index, item=item)
        if kind is Kind.TOOL:
            return said
        return said + self._event("response.content_part.added", **self._place(index, kind), part=self._content(kind, ""))

    def _closed(self) -> bytes:
        index = self._open
        if index is None:
            return b""
        self._open = None
        part = self._reply.parts[index]
        place = self._place(index, part.kind)
        name = "arguments" if part.kind is Kind.TOOL else "text"
        said = self._event(f"{_DELTA[part.kind]}.done", **place, **{name: part.text})
        if part.kind is not Kind.TOOL:
            said += self._event("response.content_part.done", **place, part=self._content(part.kind, part.text))
        return said + self._event("response.output_item.done", output_index=index, item=self._item(index, part, "completed"))

    def _event(self, kind: str, **values: Any) -> bytes:
        self._number += 1
        return event({"type": kind, "sequence_number": self._number, **values}, kind)

"""Messages in Anthropic's style: blocks that start, grow and stop, and usage in two parts."""

from __future__ import annotations

import json
from typing import Any

from loadstone.clients.llm.dialect import Call, text_of, whole_number
from loadstone.clients.llm.transcript import Token, Transcript, Usage
from loadstone.plan.parts import for_anthropic

MOST_TOKENS = 1_024  # the field is required, so a call that names no limit has this one
_REASONS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "stop_sequence": "stop"}


class AnthropicMessages:
    """`POST /v1/messages`."""

    path = "/v1/messages"

    def body(self, call: Call) -> dict[str, Any]:
        """See Dialect: the system's words are not a message here."""
        system = "\n".join(text_of(message.get("content")) for message in call.messages if message.get("role") == "system")
        return call.body(
            model=call.model,
            messages=for_anthropic([message for message in call.messages if message.get("role") != "system"]),
            system=system or None,
            stream=True if call.stream else None,
            max_tokens=call.max_tokens or MOST_TOKENS,
            temperature=call.temperature,
            tools=list(call.tools) or None,
        )

    def event(self, name: str, document: Any, into: Transcript) -> None:
        """See Dialect."""
        match document.get("type") or name:
            case "content_block_delta":
                self._delta(document["delta"], document.get("index") or 0, into)
            case "content_block_start":
                block = document["content_block"]
                if block["type"] == "tool_use":
                    into.tool(document.get("index") or 0, identity=block.get("id") or "", name=block.get("name") or "")
                else:
                    self._block(block, 0, into)
            case "message_start":
                # What it says of the output is a beginning: of a stream that is cut it would be the whole count.
                self._usage({**(document["message"].get("usage") or {}), "output_tokens": None}, into)
            case "message_delta":
                reason = document["delta"].get("stop_reason")
                into.finish_reason = _REASONS.get(reason, reason) or into.finish_reason
                self._usage(document.get("usage"), into)
            case "message_stop":
                into.ended = True

    def whole(self, document: Any, into: Transcript) -> None:
        """See Dialect."""
        for index, block in enumerate(document["content"]):
            self._block(block, index, into)
        reason = document.get("stop_reason")
        into.finish_reason = _REASONS.get(reason, reason)
        self._usage(document.get("usage"), into)

    def _delta(self, delta: Any, index: int, into: Transcript) -> None:
        match delta["type"]:
            case "text_delta":
                into.token(Token.CONTENT, delta["text"])
            case "thinking_delta":
                into.token(Token.REASONING, delta["thinking"])
            case "input_json_delta":
                into.tool(index, arguments=delta["partial_json"])

    def _block(self, block: Any, index: int, into: Transcript) -> None:
        match block["type"]:
            case "text":
                into.token(Token.CONTENT, block.get("text") or "")
            case "thinking":
                into.token(Token.REASONING, block.get("thinking") or "")
            case "tool_use":
                into.tool(index, identity=block.get("id") or "", name=block["name"], arguments=json.dumps(block.get("input") or {}))

    def _usage(self, usage: Any, into: Transcript) -> None:
        if not usage:
            return
        fresh, cached = whole_number(usage.get("input_tokens")), whole_number(usage.get("cache_read_input_tokens"))
        # Here the tokens that were read from, or written to, the cache are not among the input's.
        written = whole_number(usage.get("cache_creation_input_tokens")) or 0
        told = None if fresh is None else fresh + (cached or 0) + written
        into.count(Usage(told, whole_number(usage.get("output_tokens")), cached))

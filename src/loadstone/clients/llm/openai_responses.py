"""OpenAI's responses, whose events have types of their own."""

from __future__ import annotations

from typing import Any

from loadstone.clients.llm.dialect import Call, error_text, whole_number
from loadstone.clients.llm.transcript import Fault, Token, Transcript, Usage
from loadstone.plan.parts import for_responses

_TOKENS = {
    "response.output_text.delta": Token.CONTENT,
    "response.refusal.delta": Token.CONTENT,
    "response.reasoning_text.delta": Token.REASONING,
    "response.reasoning_summary_text.delta": Token.REASONING,
}
_ENDS = {"response.completed": "stop", "response.incomplete": "length"}


class OpenAiResponses:
    """`POST /v1/responses`."""

    path = "/v1/responses"

    def body(self, call: Call) -> dict[str, Any]:
        """See Dialect."""
        return call.body(
            model=call.model,
            input=call.texts[0] if call.texts else for_responses(call.messages),
            stream=True if call.stream else None,
            max_output_tokens=call.max_tokens,
            temperature=call.temperature,
            tools=list(call.tools) or None,
        )

    def event(self, name: str, document: Any, into: Transcript) -> None:
        """See Dialect."""
        kind = document.get("type") or name
        token = _TOKENS.get(kind)
        if token is not None:
            into.token(token, document["delta"])
        elif kind == "response.function_call_arguments.delta":
            into.tool(document.get("output_index") or 0, arguments=document["delta"])
        elif kind == "response.output_item.added":
            item = document["item"]
            if item.get("type") == "function_call":
                into.tool(document.get("output_index") or 0, identity=item.get("call_id") or "", name=item.get("name") or "")
        elif kind in _ENDS:
            self._end(document["response"], _ENDS[kind], into)
        elif kind in {"response.failed", "error"}:
            error = (document.get("response") or {}).get("error") or document
            into.went_wrong(Fault.STREAM_ERROR, error_text(error))

    def whole(self, document: Any, into: Transcript) -> None:
        """See Dialect."""
        for index, item in enumerate(document["output"]):
            if item["type"] == "message":
                for part in item["content"]:
                    into.token(Token.CONTENT, part.get("text") or part.get("refusal") or "")
            elif item["type"] == "function_call":
                into.tool(index, identity=item.get("call_id") or "", name=item["name"], arguments=item["arguments"])
            elif item["type"] == "reasoning":
                for part in (item.get("summary") or []) + (item.get("content") or []):
                    into.token(Token.REASONING, part.get("text") or "")
        self._end(document, "stop", into)

    def _end(self, response: Any, reason: str, into: Transcript) -> None:
        cut = (response.get("incomplete_details") or {}).get("reason")
        into.finish_reason = {"max_output_tokens": "length"}.get(cut, cut) if cut else reason
        into.ended = True
        usage = response.get("usage")
        if usage:
            told, said = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
            into.count(
                Usage(
                    whole_number(usage.get("input_tokens")),
                    whole_number(usage.get("output_tokens")),
                    whole_number(told.get("cached_tokens")),
                    whole_number(said.get("reasoning_tokens")),
                )
            )

"""OpenAI's chat completions, as nearly every server speaks them; reasoning as DeepSeek, vLLM and OpenRouter send it."""

from __future__ import annotations

from typing import Any

from loadstone.clients.llm.dialect import Call, openai_usage, text_of
from loadstone.clients.llm.transcript import Token, Transcript


class OpenAiChat:
    """`POST /v1/chat/completions`."""

    path = "/v1/chat/completions"

    def body(self, call: Call) -> dict[str, Any]:
        """See Dialect."""
        return call.body(
            model=call.model,
            messages=list(call.messages),
            stream=True if call.stream else None,
            stream_options={"include_usage": True} if call.stream and call.usage else None,
            max_tokens=call.max_tokens,
            temperature=call.temperature,
            tools=list(call.tools) or None,
        )

    def event(self, _name: str, document: Any, into: Transcript) -> None:
        """See Dialect."""
        for choice in document.get("choices") or ():
            delta = choice.get("delta")
            if delta:
                self._message(delta, choice.get("index") or 0, into)
            if choice.get("finish_reason"):
                into.finish_reason = str(choice["finish_reason"])
        usage = document.get("usage")
        if usage:
            into.count(openai_usage(usage))

    def whole(self, document: Any, into: Transcript) -> None:
        """See Dialect."""
        for choice in document["choices"]:
            self._message(choice["message"], choice.get("index") or 0, into)
            into.finish_reason = choice.get("finish_reason") or into.finish_reason
        if document.get("usage"):
            into.count(openai_usage(document["usage"]))

    def _message(self, message: Any, choice: int, into: Transcript) -> None:
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        if reasoning:
            into.token(Token.REASONING, text_of(reasoning), choice)
        content = message.get("content") or message.get("refusal")
        if content:
            into.token(Token.CONTENT, text_of(content), choice)
        for position, call in enumerate(message.get("tool_calls") or ()):
            function = call.get("function") or {}
            place = call.get("index", position) + 1000 * choice
            into.tool(place, identity=call.get("id") or "", name=function.get("name") or "", arguments=function.get("arguments") or "")

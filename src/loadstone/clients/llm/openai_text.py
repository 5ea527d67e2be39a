"""OpenAI's older completions of one text, and embeddings."""

from __future__ import annotations

from typing import Any

from loadstone.clients.llm.dialect import Call, openai_usage
from loadstone.clients.llm.transcript import Token, Transcript


class OpenAiCompletions:
    """`POST /v1/completions`."""

    path = "/v1/completions"

    def body(self, call: Call) -> dict[str, Any]:
        """See Dialect."""
        return call.body(
            model=call.model,
            prompt=call.texts[0] if len(call.texts) == 1 else list(call.texts),
            stream=True if call.stream else None,
            stream_options={"include_usage": True} if call.stream and call.usage else None,
            max_tokens=call.max_tokens,
            temperature=call.temperature,
        )

    def event(self, _name: str, document: Any, into: Transcript) -> None:
        """See Dialect."""
        for choice in document.get("choices") or ():
            into.token(Token.CONTENT, choice.get("text") or "", choice.get("index") or 0)
            if choice.get("finish_reason"):
                into.finish_reason = str(choice["finish_reason"])
        if document.get("usage"):
            into.count(openai_usage(document["usage"]))

    def whole(self, document: Any, into: Transcript) -> None:
        """See Dialect."""
        document["choices"][0]  # an answer without choices is none
        self.event("", document, into)


class OpenAiEmbeddings:
    """`POST /v1/embeddings`; never streamed."""

    path = "/v1/embeddings"

    def body(self, call: Call) -> dict[str, Any]:
        """See Dialect."""
        return call.body(model=call.model, input=call.texts[0] if len(call.texts) == 1 else list(call.texts))

    def event(self, _name: str, _document: Any, _into: Transcript) -> None:
        """See Dialect."""
        raise TypeError("embeddings are not streamed")

    def whole(self, document: Any, into: Transcript) -> None:
        """See Dialect."""
        into.vectors = [entry["embedding"] for entry in document["data"]]
        if document.get("usage"):
            into.count(openai_usage(document["usage"]))
        into.finish_reason = "stop"

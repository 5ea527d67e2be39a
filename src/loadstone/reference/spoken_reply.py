"""What the real agent answers when a small language model decides on it: the conversation so far, in one short request."""

from __future__ import annotations

import json

from loadstone.reference.forwarding import fetched
from loadstone.reference.real_model import RealModel
from loadstone.reference.voice.workers import PartFailed

MOST_TOKENS = 40  # of an answer: some ten seconds of speech
ASKED_FOR = "You are on the telephone. Answer in one short sentence, in plain words."


async def answer_of(model: RealModel, said: list[dict[str, str]]) -> str:
    """The model's answer to a conversation, no longer than its first two sentences. Raises PartFailed."""
    messages = [{"role": "system", "content": ASKED_FOR}, *said]
    body = {"model": model.name, "messages": messages, "max_tokens": MOST_TOKENS, "temperature": 0}
    status, answer = await fetched(model.url, "POST", "/v1/chat/completions", body)
    try:
        text = json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError):
        raise PartFailed(f"the model answered with {status} and no text") from None
    return first_sentences(str(text))


def first_sentences(text: str) -> str:
    """The first two whole sentences of a text, or all of it where none ends."""
    plain = " ".join(text.split())
    ends = [at + 1 for at, sign in enumerate(plain) if sign in ".!?" and (at + 1 == len(plain) or plain[at + 1] == " ")]
    return plain[: ends[min(2, len(ends)) - 1]] if ends else plain

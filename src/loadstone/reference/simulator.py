"""The simulated language model: seeded words. It is not a model and says so at the start of every answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

MODEL = "loadstone-simulator"
OPENING = ("Simulated", " answer", ":")
REASONING = ("Simulated", " reasoning", ":")
TOOL = "search"

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORDS = (  # noqa: SIM905 - a list of 150 literals is 150 lines
    "the a this each one every no another arrival backend batch buffer cache call channel clock connection counter curve "
    "deadline delay engine error event frame gate graph histogram index interval key latency limit load log mean memory "
    "message metric model packet page path peak pool probe process profile queue quantile rate reader record request "
    "response result retry route run sample schedule second server session shard signal slope socket span spike stage "
    "state step store stream table thread threshold timer token trace user value wave window worker "
    "adds answers carries closes counts drops ends fills finds grows holds joins keeps leaves marks meets moves needs "
    "opens passes queues reads reaches repeats returns rises sends shows shrinks splits starts stays stops takes turns "
    "waits wakes writes after again along around at before behind below beside between beyond by during early fast first "
    "from in inside late next of on once over past per since slow still then through to twice under until when while with"
).split()
# Two, three and four bytes a character, so that a reader that cuts text between bytes shows itself.
_MULTIBYTE = "größe façade naïve žluť данные поток задержка λόγος ροή 数据 延迟 データ 遅延 데이터 지연 שלום 🙂 🚀 🌊 𝛑".split()  # noqa: SIM905
_VOCABULARY = {"plain": _WORDS, "multibyte": _MULTIBYTE}


@dataclass(frozen=True, slots=True)
class Completion:
    """What the simulator says.

    tokens: joined without a separator they are the text; their number is exact by `count_tokens`
    cut:    True when the limit ended it
    """

    tokens: tuple[str, ...]
    prompt_tokens: int
    cut: bool

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.tokens)


def tokens_of(text: str) -> list[str]:
    """Tokens of a text by the simulator's rule: a run of letters, digits and underscores, or one other visible character."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text has by that rule."""
    return len(_TOKEN.findall(text))


def complete(
    prompt: str,
    *,
    seed: int | str,
    tokens: tuple[int, int],
    limit: int | None = None,
    text: str = "plain",
    opening: tuple[str, ...] = OPENING,
) -> Completion:
    """The answer to a prompt: the same for the same seed, prompt and range of lengths.

    tokens: least and greatest natural length
    limit:  cuts the same answer after so many tokens
    text:   the vocabulary, "plain" or "multibyte"
    """
    rng = Random(f"{seed}|{prompt}")
    words = _VOCABULARY[text]
    natural = rng.randint(*tokens)
    said = list(opening[:natural])
    sentence_left = 0
    while len(said) < natural:
        # A sentence of one word would need a full stop where the answer may have to end anyway.
        if sentence_left == 0 and len(said) < natural - 1:
            sentence_left = rng.randint(5, 14)
            said.append(" " + rng.choice(words).capitalize())
        elif sentence_left <= 1 or len(said) == natural - 1:
            said.append(".")
            sentence_left = 0
            continue
        else:
            said.append(" " + rng.choice(words))
        sentence_left -= 1
    cut = limit is not None and limit < natural
    return Completion(tuple(said[:limit] if cut else said), count_tokens(prompt), cut)


def tool_arguments(prompt: str, *, seed: int | str, tokens: int) -> tuple[str, ...]:
    """The arguments of one call of the tool, as tokens of JSON text: `{"query": "…"}`, at least nine tokens."""
    rng = Random(f"{seed}|{prompt}")
    frame = ('{"', '"', "query", '"', ":", ' "')
    words = [" " * (index > 0) + rng.choice(_WORDS) for index in range(max(1, tokens - 8))]
    return ("{", *frame[1:], *words, '"', "}")


def answer(prompt: str, *, seed: int) -> Completion:
    """A short answer for the endpoints that are not about tokens."""
    return complete(prompt, seed=seed, tokens=(12, 40))

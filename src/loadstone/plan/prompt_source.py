"""Prompts by number: a pure function of plan, seed and number, so that any number of workers asks the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Protocol

from loadstone.errors import UsageError
from loadstone.plan.dialogue import Said, check_dialogue, dialogue_of
from loadstone.plan.prompt_rows import RowFile, asked, limit_of, messages_of, order_of
from loadstone.plan.prompts import Message, Prompt, PromptPlan, Turn
from loadstone.plan.trace import BLOCK_TOKENS, read_trace
from loadstone.plan.words import START, Tokenizer, Words, count_tokens, fitted

_GRAIN = 1_000_000  # shares are exact to a millionth


class PromptSource:
    """The prompts of a plan.

    tokenizer: counts the tokens of a text as the model does; without it lengths follow the plain rule of `loadstone.plan.words`
    raises:    UsageError for a file that is missing or whose rows cannot be read
    """

    def __init__(self, plan: PromptPlan, seed: int, tokenizer: Tokenizer | None = None) -> None:
        self.plan = plan
        self._seed = seed
        self._words = Words(seed)
        self._count = tokenizer or count_tokens
        self._by_rule = tokenizer is None
        self._added = (count_tokens(plan.system) if plan.system else 0) + (START if plan.unique else 0)
        self._script = _script(plan, seed, self._words, tokenizer)
        share = Fraction(plan.repeat).limit_denominator(_GRAIN)
        self._repeated, self._of = share.numerator, share.denominator

    def at(self, index: int) -> Prompt:
        """The index-th prompt; of conversations, how the index-th one begins."""
        return next(iter(self.conversation(index))).prompt()

    def conversation(self, index: int) -> Iterator[Turn]:
        """The turns of the index-th conversation; a single prompt is a conversation of one turn."""
        number = self._number(index)
        rng = random.Random(f"{self._seed}/conversation/{number}")
        for at, said in enumerate(self._script.said(number, rng)):
            think = said.think if said.think is not None else self.plan.think
            think_s = think.draw_s(rng) if think is not None and at else 0.0
            limit = self.plan.output.draw(rng) if self.plan.output is not None else said.max_tokens
            messages = said.messages if at else self._opened(said.messages, number)
            known = said.tokens is not None and self._by_rule
            length = (said.tokens or 0) + (0 if at else self._added) if known else self._length(messages)
            yield Turn(messages, limit, length, number, at, think_s)

    def check(self) -> None:
        """Read everything that can be asked once; raises UsageError for the first row that is no prompt."""
        self._script.check()

    def _number(self, index: int) -> int:
        """The number of the prompt that is asked at an index: a new one, or any earlier one where a repetition is due.

        Of the first n prompts exactly the n · repeat (rounded down) are repetitions; the very first never is.
        """
        before = index * self._repeated // self._of
        fresh = index - before
        if fresh == 0 or (index + 1) * self._repeated // self._of == before:
            return fresh
        return random.Random(f"{self._seed}/repeat/{index}").randrange(fresh)

    def _opened(self, messages: tuple[Message, ...], number: int) -> tuple[Message, ...]:
        if self.plan.system:
            messages = ({"role": "system", "content": self.plan.system}, *messages)
        if not self.plan.unique:
            return messages
        return (_beginning(messages[0], self._words.start(number)), *messages[1:])

    def _length(self, messages: Sequence[Message]) -> int | None:
        """Tokens of the texts; None when there are other parts."""
        contents = [message.get("content") for message in messages]
        return sum(self._count(each) for each in contents if isinstance(each, str)) if all(isinstance(c, str) for c in contents) else None


def _beginning(message: Message, start: str) -> Message:
    content = message.get("content")
    parts: Any = f"{start} {content}".rstrip() if isinstance(content, str) else [{"type": "text", "text": start}, *(content or ())]
    return {**message, "content": parts}


class _Script(Protocol):
    """What is said in a conversation of this number, before the plan's own additions."""

    def said(self, number: int, rng: random.Random) -> Iterator[Said]: ...

    def check(self) -> None: ...


def _script(plan: PromptPlan, seed: int, words: Words, tokenizer: Tokenizer | None) -> _Script:
    if plan.kind == "fixed":
        return _Fixed(plan, seed)
    if plan.kind == "trace":
        return _Traced(plan, words, tokenizer)
    if plan.kind == "file" or plan.file is not None:
        return _Written(plan, seed)
    return _MadeUp(plan, words, tokenizer)


class _Fixed:
    def __init__(self, plan: PromptPlan, seed: int) -> None:
        self._texts = plan.texts
        self._order = order_of(plan.order, len(plan.texts), seed)

    def said(self, number: int, rng: random.Random) -> Iterator[Said]:
        del rng
        yield Said(({"role": "user", "content": self._texts[self._order(number)]},))

    def check(self) -> None:
        """A text is always a prompt."""


class _Written:
    """Rows of a file: single prompts, or conversations."""

    def __init__(self, plan: PromptPlan, seed: int) -> None:
        self._rows = RowFile(plan.file or "", plan.format)
        self._column = plan.column
        self._talk = plan.kind == "conversations"
        self._order = order_of(plan.order, len(self._rows), seed)

    def said(self, number: int, rng: random.Random) -> Iterator[Said]:
        return self._of_row(self._order(number), rng)

    def check(self) -> None:
        for at in range(len(self._rows)):
            if self._talk:
                check_dialogue(self._rows.row(at), self._rows.where(at))
            else:
                list(self._of_row(at, random.Random(0)))

    def _of_row(self, at: int, rng: random.Random) -> Iterator[Said]:
        row, where = self._rows.row(at), self._rows.where(at)
        if self._talk:
            yield from dialogue_of(row, where, rng)
            return
        messages, limit, recorded = messages_of(row, where, self._column), limit_of(row, where), None
        if not messages:
            raise UsageError("has no messages", where=where, hint='{"messages": [{"role": "user", "content": "…"}]}')
        if "conversations" in row and "messages" not in row:
            messages, recorded = asked(messages)
        yield Said(messages, limit or recorded)


class _MadeUp:
    """Common words, as long as the plan says; one turn, or several."""

    def __init__(self, plan: PromptPlan, words: Words, tokenizer: Tokenizer | None) -> None:
        self._plan, self._words, self._tokenizer = plan, words, tokenizer
        self._count = tokenizer or count_tokens

    def said(self, number: int, rng: random.Random) -> Iterator[Said]:
        plan = self._plan
        assert plan.input is not None
        turns = plan.turns.draw(rng) if plan.turns is not None else 1
        for turn in range(turns):
            length = plan.input.draw(rng)
            yield self._turn(number, turn, length, rng)

    def check(self) -> None:
        """Made-up text is always a prompt."""

    def _turn(self, number: int, turn: int, length: int, rng: random.Random) -> Said:
        plan, words = self._plan, self._words
        group = rng.randrange(plan.prefix_groups) if plan.shared_prefix and not turn else 0
        shared = round(length * plan.shared_prefix) if not turn else 0
        if plan.unique and not turn and not plan.system:
            length = max(0, length - self._count(words.start(number)))

        def made(count: int) -> str:
            own = words.text(f"{number}/{turn}", max(0, count - shared))
            return f"{words.text(f'prefix/{group}', min(shared, count))} {own}".strip()

        text = made(length) if self._tokenizer is None else fitted(made, length, self._tokenizer)[0]
        return Said(({"role": "user", "content": text},), tokens=length)


class _Traced:
    """Lengths from a trace; rows with the same first hash ids begin with the same text."""

    def __init__(self, plan: PromptPlan, words: Words, tokenizer: Tokenizer | None) -> None:
        self._trace = read_trace(plan.file or "", plan.limit)
        self._words, self._tokenizer, self._unique = words, tokenizer, plan.unique and not plan.system
        self._count = tokenizer or count_tokens

    def said(self, number: int, rng: random.Random) -> Iterator[Said]:
        del rng
        row = number % len(self._trace)
        length, limit = int(self._trace.input_tokens[row]), int(self._trace.output_tokens[row])
        length = max(1, length - self._count(self._words.start(number)) if self._unique else length)
        blocks = self._trace.blocks(row)

        def made(count: int) -> str:
            texts = [
                self._words.text(f"block/{block}", min(BLOCK_TOKENS, count - at * BLOCK_TOKENS))
                for at, block in enumerate(blocks)
                if at * BLOCK_TOKENS < count
            ]
            rest = count - BLOCK_TOKENS * len(blocks)
            return " ".join([*texts, *([self._words.text(f"row/{number}", rest)] if rest > 0 else [])])

        text = made(length) if self._tokenizer is None else fitted(made, length, self._tokenizer)[0]
        yield Said(({"role": "user", "content": text},), max(1, limit), tokens=length)

    def check(self) -> None:
        """A trace was read whole when it was opened."""

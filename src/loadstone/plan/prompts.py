"""What a language model is asked: the plan of it, and the prompts and turns that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, model_validator

from loadstone.plan.lengths import Lengths
from loadstone.plan.quantities import Share
from loadstone.plan.think import ThinkTime
from loadstone.plan.wrong import Wrong

Message = Mapping[str, Any]  # {"role": …, "content": text, or parts: text, image_url, input_audio}
Kind = Literal["fixed", "file", "synthetic", "conversations", "trace"]

_EVERY = {"kind", "system", "output", "unique"}
_OWN: Mapping[str, set[str]] = {
    "fixed": {"texts", "order", "repeat"},
    "file": {"file", "format", "column", "order", "repeat"},
    "synthetic": {"input", "shared_prefix", "prefix_groups", "repeat"},
    "conversations": {"file", "order", "repeat", "turns", "input", "think", "shared_prefix", "prefix_groups"},
    "trace": {"file", "limit"},
}
_EXAMPLES = {
    "fixed": "texts: [Hello]",
    "file": "file: prompts.jsonl",
    "synthetic": "input: lognormal 256 128",
    "conversations": "turns: 3..6 and input: 50, or file: dialogues.jsonl",
    "trace": "file: trace.csv",
}


class PromptPlan(BaseModel):
    """Where prompts come from; a text alone is a fixed prompt, a list of texts several.

    output:        answers are limited to so many tokens; without it to what the file says, else by the server
    order:         of texts and of rows of a file: `sequential`, `shuffle` (each once, in a seeded order), `random`
    shared_prefix: so large a part of each prompt is the same text as in all others of its group
    unique:        each prompt begins with words that no other has, so that no cache can help
    repeat:        exactly this share of prompts is one that was asked before, so that a cache can help
    system:        a system message before each prompt; its length is on top of `input`
    limit:         only the first rows of a trace
    turns, input, think: of conversations that are made up: how many turns, how long each, and the wait before the next
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Kind
    texts: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    file: str | None = None
    format: Literal["jsonl", "csv"] | None = None
    column: str | None = None
    order: Literal["sequential", "shuffle", "random"] = "sequential"
    input: Lengths | None = None
    output: Lengths | None = None
    turns: Lengths | None = None
    think: ThinkTime | None = None
    shared_prefix: Share = 0.0
    prefix_groups: Annotated[int, Field(gt=0)] = 1
    unique: bool = False
    repeat: Share = 0.0
    system: str = ""
    limit: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _from_short_form(cls, value: Any, read: ValidatorFunctionWrapHandler) -> PromptPlan:
        if isinstance(value, str):
            value = {"kind": "fixed", "texts": [value]}
        elif isinstance(value, (list, tuple)):
            value = {"kind": "fixed", "texts": list(value)}
        elif isinstance(value, dict) and "kind" not in value:
            value = {"kind": _kind_by_keys(value), **value}
        plan: PromptPlan = read(value)
        plan._check()
        return plan

    def __str__(self) -> str:
        """Such as `synthetic, lognormal 256 128 tokens in, 64 out, unique`."""
        parts: list[str] = [self.kind]
        parts += [f"{len(self.texts)} texts"] * bool(self.texts) + [f"from {self.file}"] * bool(self.file)
        parts += [f"{self.turns} turns"] * bool(self.turns) + [f"{self.input} tokens in"] * bool(self.input)
        parts += [f"{self.output} out"] * bool(self.output)
        parts += [f"{self.shared_prefix:.4g} of it shared by {self.prefix_groups} groups"] * bool(self.shared_prefix)
        parts += ["unique"] * self.unique + [f"{self.repeat:.4g} repeated"] * bool(self.repeat)
        return ", ".join(parts)

    def _check(self) -> None:
        said = {name for name in self.model_fields_set if getattr(self, name) != type(self).model_fields[name].default}
        if strange := sorted(said - _EVERY - _OWN[self.kind]):
            known = ", ".join(sorted((_EVERY | _OWN[self.kind]) - {"kind"}))
            raise Wrong(f"prompts of kind {self.kind} have no {strange[0]}", hint=f"one of {known}")
        made_up = self.kind == "conversations" and self.file is None
        needs = {"fixed": bool(self.texts), "synthetic": self.input is not None}.get(self.kind, self.file is not None)
        if made_up:
            needs = self.turns is not None and self.input is not None
        if not needs:
            raise Wrong(f"prompts of kind {self.kind} have no source", hint=_EXAMPLES[self.kind])
        if self.kind == "conversations" and self.file is not None and (said & {"turns", "input", "shared_prefix", "prefix_groups"}):
            raise Wrong("conversations come from a file, or are made up; not both", hint="keep `file`, or `turns` and `input`")
        if self.unique and self.shared_prefix:
            raise Wrong("prompts cannot both begin uniquely and share their beginning", hint="keep `unique` or `shared_prefix`")
        if self.prefix_groups > 1 and not self.shared_prefix:
            raise Wrong("prefix_groups share nothing without a shared prefix", hint="shared_prefix: 50%")


def _kind_by_keys(value: Mapping[str, Any]) -> str:
    if "turns" in value:
        return "conversations"
    if "file" in value:
        return "file"
    return "synthetic" if "input" in value else "fixed"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request to a language model.

    messages:     with everything that was said before in its conversation
    max_tokens:   the answer's limit; None leaves it to the server
    input_tokens: how long the messages are meant to be, without what a server's chat template adds; None when answers are among
                  them, or parts that are no text
    conversation: its number; the same number is the same conversation, word for word
    turn:         from 0
    think_s:      how long the user waits before asking, after the answer before it
    """

    messages: tuple[Message, ...]
    max_tokens: int | None
    input_tokens: int | None
    conversation: int
    turn: int = 0
    think_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What a user says in one turn; the caller keeps the history: `messages` of each turn, and the target's answers between.

    input_tokens: of the messages of this turn
    """

    messages: tuple[Message, ...]
    max_tokens: int | None
    input_tokens: int | None
    conversation: int
    turn: int
    think_s: float

    def prompt(self, history: Sequence[Message] = ()) -> Prompt:
        """The request of this turn, after a history."""
        known = None if history else self.input_tokens
        return Prompt((*history, *self.messages), self.max_tokens, known, self.conversation, self.turn, self.think_s)

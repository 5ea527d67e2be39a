"""What the simulated model will say to a request, and exactly when: decided at once, pure, seeded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import NamedTuple

from loadstone.reference.delays import Delay
from loadstone.reference.simulator import REASONING, complete, count_tokens, tool_arguments
from loadstone.reference.switches import Switches


class Kind(Enum):
    """What a token belongs to."""

    REASONING = "reasoning"
    TEXT = "text"
    TOOL = "tool"


class Ending(Enum):
    """How a stream stops."""

    COMPLETE = "complete"
    ERROR = "error"  # an error event in mid-stream, then the regular end of the body
    END = "end"  # the body ends as if all had been said: no finish, no last event
    CLOSE = "close"  # the connection closes within the body
    RESET = "reset"  # the connection is reset


@dataclass(frozen=True, slots=True)
class Ask:
    """What every dialect asks alike.

    limit: most tokens of the answer, reasoning included; None is no limit
    """

    prompt: str
    seed: int
    limit: int | None
    stream: bool
    include_usage: bool = False
    calls: int = 0


class Piece(NamedTuple):
    """One chunk of the answer; a tuple, because there is one for each token.

    due_s: seconds after the start that its last token is due
    part:  which part of the answer it belongs to, from 0: the reasoning, the text, or one tool call
    opens: it is the first of its part
    """

    due_s: float
    kind: Kind
    text: str
    tokens: int
    part: int
    opens: bool


@dataclass(frozen=True, slots=True)
class Part:
    """The reasoning, the text or one tool call, whole."""

    kind: Kind
    tokens: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer and its schedule.

    dues_s: when each token is due, in seconds after the start, rising
    end_s:  when the end is due; that of the last token
    cut:    the limit ended it
    """

    parts: tuple[Part, ...]
    dues_s: tuple[float, ...]
    prompt_tokens: int
    cached_tokens: int
    cut: bool
    ending: Ending
    per_chunk: int

    @property
    def tokens(self) -> int:
        """Tokens of the whole answer, also of what a broken stream leaves out."""
        return len(self.dues_s)

    @property
    def reasoning_tokens(self) -> int:
        """Tokens before the visible answer."""
        return sum(len(part.tokens) for part in self.parts if part.kind is Kind.REASONING)

    @property
    def end_s(self) -> float:
        """When the last token is due."""
        return self.dues_s[-1]

    def text(self, kind: Kind) -> str:
        """All text of one kind."""
        return "".join(part.text for part in self.parts if part.kind is kind)

    @property
    def calls(self) -> list[Part]:
        """The tool calls."""
        return [part for part in self.parts if part.kind is Kind.TOOL]

    def pieces(self, stop_after: int | None = None) -> Iterator[Piece]:
        """The chunks in order; `stop_after` so many tokens no more come, and the last chunk may be smaller."""
        last = self.tokens if stop_after is None else min(stop_after, self.tokens)
        start = 0
        for index, part in enumerate(self.parts):
            for offset in range(0, len(part.tokens), self.per_chunk):
                said = part.tokens[offset : min(offset + self.per_chunk, last - start)]
                if not said:
                    return
                due = self.dues_s[start + offset + len(said) - 1]
                yield Piece(due, part.kind, "".join(said), len(said), index, offset == 0)
            start += len(part.tokens)


def reply_to(ask: Ask, switches: Switches, seed: int, cached_tokens: int = 0) -> Reply:
    """The answer of the simulated model to one request.

    seed: the backend's; the request's own is added
    """
    both = seed + ask.seed
    parts, cut = _parts(ask, switches, both)
    rng = Random(f"gaps {both} {ask.prompt}")
    prompt_tokens = count_tokens(ask.prompt)
    dues = due_times(sum(len(part.tokens) for part in parts), switches.ttft, _gaps(parts, switches), rng)
    work = switches.prefill * (prompt_tokens - cached_tokens)
    dues = _with_stalls([due + work for due in dues], switches)
    if switches.faked:
        dues = [dues[-1]] * len(dues)
    shown = cached_tokens if switches.cached_tokens is None else min(switches.cached_tokens, prompt_tokens)
    return Reply(parts, tuple(dues), prompt_tokens, shown, cut, _ending(switches, len(dues)), switches.tokens_per_chunk)


def stops_after(reply: Reply, switches: Switches) -> int | None:
    """Tokens that a broken stream still gives; None for a whole one."""
    if reply.ending is Ending.COMPLETE:
        return None
    return switches.error_at if reply.ending is Ending.ERROR else switches.cut_at


def due_times(count: int, ttft: Delay, gaps: Delay | Iterable[Delay], rng: Random) -> list[float]:
    """Seconds from the start to each token; `count` is at least 1. `gaps`: one for all, or one before each token but the first."""
    dues = [ttft.draw(rng)]
    for gap in [gaps] * (count - 1) if isinstance(gaps, Delay) else gaps:
        dues.append(dues[-1] + gap.draw(rng))
    return dues


def _parts(ask: Ask, switches: Switches, seed: int) -> tuple[tuple[Part, ...], bool]:
    left = ask.limit
    parts, cut = [], False
    if switches.reasoning:
        thought = complete(
            ask.prompt, seed=f"thought {seed}", tokens=(switches.reasoning,) * 2, limit=left, text=switches.text, opening=REASONING
        )
        parts.append(Part(Kind.REASONING, thought.tokens))
        cut = thought.cut
        left = None if left is None else left - len(thought.tokens)
    calls = switches.tool_calls or ask.calls
    for index in range(calls):
        length = Random(f"{seed}|{index}|{ask.prompt}").randint(*switches.tokens)
        whole = tool_arguments(ask.prompt, seed=f"call {index} {seed}", tokens=length)
        said = whole[:left]
        cut = cut or len(said) < len(whole)
        parts += [Part(Kind.TOOL, said)] if said else []
        left = None if left is None else left - len(said)
    if not calls and left == 0:
        cut = True
    elif not calls:
        answer = complete(ask.prompt, seed=seed, tokens=switches.tokens, limit=left, text=switches.text)
        parts.append(Part(Kind.TEXT, answer.tokens))
        cut = answer.cut
    return tuple(parts), cut


def _gaps(parts: tuple[Part, ...], switches: Switches) -> list[Delay]:
    thought = switches.reasoning_gap or switches.token_gap
    kinds = [part.kind for part in parts for _ in part.tokens]
    return [thought if kind is Kind.REASONING else switches.token_gap for kind in kinds[1:]]


def _with_stalls(dues: list[float], switches: Switches) -> list[float]:
    for freeze in switches.stall:
        dues[freeze.at - 1 :] = [due + freeze.for_s for due in dues[freeze.at - 1 :]]
    return dues


def _ending(switches: Switches, tokens: int) -> Ending:
    """The break that comes first; one past the last token never comes."""
    error_at = tokens + 1 if switches.error_at is None else switches.error_at
    cut_at = tokens + 1 if switches.cut_at is None else switches.cut_at
    if min(error_at, cut_at) > tokens:
        return Ending.COMPLETE
    return Ending.ERROR if error_at <= cut_at else Ending(switches.cut)

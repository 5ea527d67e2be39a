"""Conversations of several turns, with waits and branches, from a file's rows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from loadstone.errors import UsageError
from loadstone.plan.prompt_rows import Row, limit_of, messages_of, whole
from loadstone.plan.prompts import Message
from loadstone.plan.think import ThinkTime
from loadstone.plan.words import count_tokens
from loadstone.plan.wrong import Wrong

FORM = '{"turns": [{"say": "Hello"}, {"branch": [{"weight": 3, "turns": […]}, {"turns": []}]}]}'
_KEYS = {"say", "think", "max_tokens", "branch"}


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of a row, before anything is drawn.

    think:  the wait before it; None: as the plan says
    tokens: of its messages by the plain rule, where that is known without counting
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    think: ThinkTime | None = None
    tokens: int | None = None


def dialogue_of(row: Row, where: str, rng: random.Random) -> Iterator[Said]:
    """The turns of a row, branches drawn by weight; raises UsageError for a row of no known form.

    Recorded answers only say how long an answer was: the target's own take their place.
    """
    if isinstance(row.get("turns"), list):
        before: tuple[Message, ...] = ({"role": "system", "content": str(row["system"])},) if row.get("system") else ()
        for said in _walk(row["turns"], where, rng):
            yield Said((*before, *said.messages), said.max_tokens, said.think)
            before = ()
        return
    recorded = "conversations" in row and "messages" not in row
    yield from _split(messages_of(row, where), limit_of(row, where), recorded=recorded)


def check_dialogue(row: Row, where: str) -> None:
    """Read every branch of a row; raises UsageError."""
    if isinstance(row.get("turns"), list):
        if not row["turns"]:
            raise UsageError("has no turns", where=where, hint=FORM)
        _check(row["turns"], where)
    elif not any(True for _ in dialogue_of(row, where, random.Random(0))):
        raise UsageError("nobody asks anything in it", where=where, hint=FORM)


def _walk(turns: Sequence[Any], where: str, rng: random.Random) -> Iterator[Said]:
    for turn in turns:
        if isinstance(turn, dict) and "branch" in turn:
            ways = _ways(turn, where)
            (way,) = rng.choices(ways, weights=[each.get("weight", 1) for each in ways])
            yield from _walk(way.get("turns") or (), where, rng)
        else:
            yield _said(turn, where)


def _check(turns: Sequence[Any], where: str) -> None:
    for turn in turns:
        if isinstance(turn, dict) and "branch" in turn:
            for way in _ways(turn, where):
                _check(way.get("turns") or (), where)
        else:
            _said(turn, where)


def _ways(turn: dict[str, Any], where: str) -> list[dict[str, Any]]:
    ways = turn["branch"]
    fine = isinstance(ways, list) and ways and all(isinstance(each, dict) and isinstance(each.get("turns", []), list) for each in ways)
    if not fine or set(turn) != {"branch"}:
        raise UsageError("has a branch that is no list of ways", where=where, hint=FORM)
    weights = [each.get("weight", 1) for each in ways]
    if any(isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight < 0 for weight in weights) or not sum(weights) > 0:
        raise UsageError("has a branch whose weights are not numbers above 0", where=where, hint='"weight": 3')
    return list(ways)


def _said(turn: Any, where: str) -> Said:
    if not isinstance(turn, dict) or not isinstance(turn.get("say"), (str, list)) or not turn["say"] or set(turn) - _KEYS:
        raise UsageError("has a turn of no known form", where=where, hint=FORM)
    think = turn.get("think")
    limit = whole(turn["max_tokens"], where, "max_tokens") if "max_tokens" in turn else None
    return Said(({"role": "user", "content": turn["say"]},), limit, None if think is None else _think(think, where))


def _think(value: Any, where: str) -> ThinkTime:
    try:
        return _read_think(value)
    except (Wrong, ValidationError, TypeError):
        raise UsageError(f"think {value!r} is not a wait", where=where, hint='"think": "1s..3s"') from None


@lru_cache(maxsize=1024)
def _read_think(value: str | float) -> ThinkTime:
    return ThinkTime.model_validate(value)


def _split(messages: Sequence[Message], limit: int | None, *, recorded: bool) -> Iterator[Said]:
    """A turn ends where somebody else than the assistant has said something, and an answer is due."""
    waiting: list[Message] = []
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            continue
        waiting.append(message)
        following = messages[at + 1] if at + 1 < len(messages) else None
        if message["role"] != "system" and (following is None or following["role"] == "assistant"):
            answer = following["content"] if recorded and following is not None else None
            length = count_tokens(answer) or None if isinstance(answer, str) else None
            yield Said(tuple(waiting), limit or length)
            waiting = []

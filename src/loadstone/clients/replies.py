"""Which message answers which: by order, or by a value that both carry."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from loadstone.clients.message import Message
from loadstone.plan.reply import MISSING, look

ORDER = "order"
MOST_AWAITED = 10_000  # answers one connection may owe; past it the oldest is given up


class Awaited:
    """A message whose answer has not come. `waiter` is None when only the time is wanted, or when nobody waits any more."""

    __slots__ = ("due_ns", "excused_ns", "given_up", "key", "limit_ns", "sent_ns", "waiter")

    def __init__(self, due_ns: int, sent_ns: int, excused_ns: int, limit_ns: int, waiter: asyncio.Future[Message] | None) -> None:
        self.due_ns, self.sent_ns, self.excused_ns, self.limit_ns, self.waiter = due_ns, sent_ns, excused_ns, limit_ns, waiter
        self.given_up = False
        self.key: Any = None


class Match:
    """A way to pair messages, read once: `order`, `json.id`, or `json.id = json.reply_to` where the names differ; raises Wrong."""

    __slots__ = ("answer", "asked", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: Callable[[Any], Any] | None = None
        self.answer: Callable[[Any], Any] | None = None
        if text != ORDER:
            asked, _, answer = text.partition("=")
            self.asked = look(asked)
            self.answer = look(answer) if answer else self.asked


class Replies:
    """The answers that one connection owes."""

    __slots__ = ("_by_key", "_in_order", "match")

    def __init__(self, match: Match) -> None:
        self.match = match
        self._in_order: deque[Awaited] = deque()
        self._by_key: dict[Any, Awaited] = {}

    def __len__(self) -> int:
        return len(self._in_order) + len(self._by_key)

    def add(self, awaited: Awaited, message: Message | None) -> Awaited | None:
        """Wait for an answer; gives back the one that had to make room, or that had the same key."""
        if self.match.asked is None or message is None:
            self._in_order.append(awaited)
            return self._in_order.popleft() if len(self._in_order) > MOST_AWAITED else None
        key = awaited.key = _key(self.match.asked, message)
        pushed_out = self._by_key.pop(key, None)
        self._by_key[key] = awaited
        if pushed_out is None and len(self._by_key) > MOST_AWAITED:
            return self._by_key.pop(next(iter(self._by_key)))
        return pushed_out

    def take(self, message: Message) -> Awaited | None:
        """Whose answer this is; None when nobody's."""
        answer = self.match.answer
        if answer is None:
            return self._in_order.popleft() if self._in_order else None
        return self._by_key.pop(_key(answer, message), None) if self._by_key else None

    def overdue(self, now_ns: int) -> list[Awaited]:
        """Those whose time is over. In order they keep their place, so that a late answer is not taken for the next one's."""
        if self.match.answer is None:
            late = [each for each in self._in_order if each.limit_ns <= now_ns and not each.given_up]
        else:
            late = [each for each in self._by_key.values() if each.limit_ns <= now_ns]
            for each in late:
                del self._by_key[each.key]
        for each in late:
            each.given_up = True
        return late

    def next_limit_ns(self) -> int:
        """When the next one's time is over; 0 when nobody waits."""
        waiting = (each.limit_ns for group in (self._in_order, self._by_key.values()) for each in group if not each.given_up)
        return min(waiting, default=0)

    def take_all(self) -> list[Awaited]:
        """Everybody who still waits: the connection has ended."""
        left = [each for group in (self._in_order, self._by_key.values()) for each in group if not each.given_up]
        self._in_order.clear()
        self._by_key.clear()
        return left


def _key(place: Callable[[Any], Any], message: Message) -> Any:
    """A value by which a dictionary can find it; what a message lacks is a key like another, so that its answer is missed and told."""
    value = place(message)
    if value is MISSING:
        return None
    try:
        hash(value)
    except TypeError:
        return str(value)
    return value

"""The answers that one WebSocket waits for: timed when they come, given up when they do not."""

from __future__ import annotations

import asyncio

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.message import Message
from loadstone.clients.replies import Awaited, Match, Replies
from loadstone.clock import SECOND, Deadline, Timers, now_ns
from loadstone.measure.messages import Messages

GIVEN_UP_NS = 0


class Answers:
    """Of one connection; `replies` says which is whose, this says how long it took."""

    __slots__ = ("_columns", "_limit", "_replies", "_settled", "_timers")

    def __init__(self, match: Match, columns: Messages, timers: Timers) -> None:
        self._replies = Replies(match)
        self._columns, self._timers = columns, timers
        self._limit: Deadline | None = None
        self._settled: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._replies)

    @property
    def match(self) -> Match:
        """The way in which messages are paired."""
        return self._replies.match

    def expect(self, awaited: Awaited, asked: Message | None) -> None:
        """Wait for one more; `asked` is what was sent, where a value in it is what pairs."""
        pushed_out = self._replies.add(awaited, asked)
        if pushed_out is not None and not pushed_out.given_up:
            self._give_up(pushed_out, Kind.OTHER, "another message with the same id was sent before the answer came")
        # One entry follows the nearest limit, so that a message costs no timer of its own.
        if self._limit is None:
            self._limit = self._timers.at(awaited.limit_ns, self._on_limit)
        elif awaited.limit_ns < self._limit.at_ns:
            self._limit.cancel()
            self._limit = self._timers.at(awaited.limit_ns, self._on_limit)

    def owe(self, sent_ns: int) -> None:
        """The answer to this message was given up; when it comes after all, it is not taken for another one's."""
        if self._replies.match.asked is None:
            awaited = Awaited(sent_ns, sent_ns, 0, GIVEN_UP_NS, None)
            awaited.given_up = True
            self._replies.add(awaited, None)

    def take(self, message: Message) -> bool:
        """Was this somebody's answer? Then its time is recorded, and whoever waits is told."""
        awaited = self._replies.take(message)
        if awaited is None:
            return False
        if awaited.given_up:
            return True
        message.due_ns, message.sent_ns = awaited.due_ns, awaited.sent_ns
        end = message.end_ns
        self._columns.rows.add(awaited.due_ns, awaited.sent_ns, end, end, message.seen_ns, awaited.excused_ns, 0, 0)
        if awaited.waiter is not None and not awaited.waiter.done():
            awaited.waiter.set_result(message)
        if self._settled is not None:
            self._look_settled()
        return True

    async def settled(self, within_s: float) -> None:
        """Wait until nobody waits any more, or the time is over."""
        if self._replies.next_limit_ns():
            self._settled = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._settled,), timeout=within_s)
            self._settled = None

    def _look_settled(self) -> None:
        if self._settled is not None and not self._settled.done() and not self._replies.next_limit_ns():
            self._settled.set_result(None)

    def lose(self, failed: Failed, *, quiet: bool) -> None:
        """The connection has ended; quietly when it was our own end of the run."""
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        left = self._replies.take_all()
        if left and not quiet:
            self._columns.count("ws.messages_lost", by=len(left))
        for awaited in left:
            if not quiet:
                self._give_up(awaited, Kind.CLOSED_EARLY, failed.text)
            elif awaited.waiter is not None:
                awaited.waiter.cancel()
        self._look_settled()

    def _on_limit(self) -> None:
        self._limit = None
        for awaited in self._replies.overdue(now_ns()):
            self._columns.no_answer()
            self._give_up(awaited, Kind.TIMEOUT_TOTAL, f"no answer within {(awaited.limit_ns - awaited.sent_ns) / SECOND:g} s")
        limit = self._replies.next_limit_ns()
        if limit:
            self._limit = self._timers.at(limit, self._on_limit)
        self._look_settled()

    def _give_up(self, awaited: Awaited, kind: Kind, text: str) -> None:
        awaited.given_up = True
        self._columns.failure("ws.errors", kind, text)
        if awaited.waiter is not None and not awaited.waiter.done():
            message = Message("", 0, now_ns(), kind, text)
            message.due_ns, message.sent_ns = awaited.due_ns, awaited.sent_ns
            awaited.waiter.set_result(message)

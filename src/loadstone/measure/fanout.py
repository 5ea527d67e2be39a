"""The ledger of a fan-out: who sent what, and which of it every subscriber received, missed, received twice or too late.

Pure: times are given, nothing is read from a clock. Bounded: open numbers per pair, pairs, and broadcasts under way each have a
most; what is past it is counted as untracked and never as missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MOST_PAIRS = 1_000_000  # subscribers × senders
MOST_GAPS = 1_000  # numbers of one sender that one subscriber may miss before the oldest are given up as missing
MOST_UNDER_WAY = 10_000  # broadcasts that have not reached everybody


class Delivery(NamedTuple):
    """What one received message was.

    first_ns, last_ns: when the first and the last subscriber had it, when this one was that; otherwise 0
    """

    duplicate: bool = False
    out_of_order: bool = False
    tracked: bool = True
    first_ns: int = 0
    last_ns: int = 0


class _Broadcast:
    __slots__ = ("expected", "first_ns", "got", "last_ns")

    def __init__(self, expected: int) -> None:
        self.expected, self.got, self.first_ns, self.last_ns = expected, 0, 0, 0


class _Reception:
    """What one subscriber has of one sender: all numbers below `next` that are not in `gaps`."""

    __slots__ = ("begin", "gaps", "missing", "next")

    def __init__(self, begin: int) -> None:
        self.begin = self.next = begin
        self.gaps: dict[int, None] = {}
        self.missing = 0  # gaps that were given up


@dataclass(slots=True)
class Totals:
    """The whole ledger."""

    sent: int = 0
    delivered: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    untracked: int = 0
    missing: int = 0


class Ledger:
    """Broadcasts among members that are named by whole numbers; a member that sends is not owed its own messages."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._sent: dict[int, int] = {}  # sender -> its next number
        self._members: dict[int, dict[int, _Reception]] = {}
        self._begins: dict[int, dict[int, int]] = {}  # member -> numbers of the senders when it joined
        self._under_way: dict[tuple[int, int], _Broadcast] = {}
        self._pairs = 0

    @property
    def members(self) -> int:
        """How many have joined and not left."""
        return len(self._members)

    @property
    def under_way(self) -> int:
        """Broadcasts that have not reached everybody."""
        return len(self._under_way)

    def join(self, member: int) -> None:
        """From now on it is owed what others send."""
        self._members[member] = {}
        self._begins[member] = dict(self._sent)

    def leave(self, member: int) -> int:
        """It is owed nothing sent after this; gives how many it has missed."""
        receptions = self._members.pop(member, None)
        if receptions is None:
            return 0
        missing = self._missed(member, receptions)
        del self._begins[member]
        self._pairs -= len(receptions)
        self.totals.missing += missing
        return missing

    def send(self, sender: int) -> int:
        """The number of the sender's next message, from 0."""
        number = self._sent.get(sender, 0)
        self._sent[sender] = number + 1
        self.totals.sent += 1
        expected = len(self._members) - (sender in self._members)
        if expected:
            if len(self._under_way) >= MOST_UNDER_WAY:
                del self._under_way[next(iter(self._under_way))]
            self._under_way[sender, number] = _Broadcast(expected)
        return number

    def unsend(self, sender: int, number: int) -> None:
        """The message could not be sent: nobody is owed it. Only for the sender's newest number."""
        if self._sent.get(sender) == number + 1:
            self._sent[sender] = number
            self.totals.sent -= 1
            self._under_way.pop((sender, number), None)

    def receive(self, member: int, sender: int, number: int, at_ns: int) -> Delivery:
        """A member has received a sender's message of that number."""
        receptions = self._members.get(member)
        if receptions is None or member == sender or sender not in self._sent:  # somebody who sends from elsewhere
            return Delivery(tracked=False)
        reception = receptions.get(sender)
        if reception is None:
            if self._pairs >= MOST_PAIRS:
                self.totals.untracked += 1
                return Delivery(tracked=False)
            self._pairs += 1
            reception = receptions[sender] = _Reception(self._begins[member].get(sender, 0))
        if number < reception.begin:
            return Delivery(tracked=False)  # sent before it joined: it was not owed, and did no harm
        self.totals.delivered += 1
        if number < reception.next:
            return self._late(reception, sender, number, at_ns)
        for gap in range(max(reception.next, number - MOST_GAPS), number):
            reception.gaps[gap] = None
        reception.missing += max(0, number - MOST_GAPS - reception.next)
        while len(reception.gaps) > MOST_GAPS:
            del reception.gaps[next(iter(reception.gaps))]
            reception.missing += 1
        reception.next = number + 1
        return Delivery(False, False, True, *self._reached(sender, number, at_ns))

    def _late(self, reception: _Reception, sender: int, number: int, at_ns: int) -> Delivery:
        if number in reception.gaps:
            del reception.gaps[number]
            self.totals.out_of_order += 1
            return Delivery(False, True, True, *self._reached(sender, number, at_ns))
        self.totals.duplicates += 1
        return Delivery(duplicate=True)

    def _reached(self, sender: int, number: int, at_ns: int) -> tuple[int, int]:
        broadcast = self._under_way.get((sender, number))
        if broadcast is None:
            return 0, 0
        broadcast.got += 1
        first = 0
        if not broadcast.first_ns:
            broadcast.first_ns = first = at_ns
        broadcast.last_ns = max(broadcast.last_ns, at_ns)
        if broadcast.got < broadcast.expected:
            return first, 0
        del self._under_way[sender, number]
        return first, broadcast.last_ns

    def _missed(self, member: int, receptions: dict[int, _Reception]) -> int:
        begins = self._begins[member]
        missing = 0
        for sender, sent in self._sent.items():
            if sender == member:
                continue
            reception = receptions.get(sender)
            if reception is None:
                missing += max(0, sent - begins.get(sender, 0)) if self._pairs < MOST_PAIRS else 0
            else:
                missing += reception.missing + len(reception.gaps) + max(0, sent - reception.next)
        return missing

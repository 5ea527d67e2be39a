"""The truth about WebSockets, to compare a measurement with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class SocketCounts:
    """Counts since the start of the backend.

    closed:         by close code as both sides know it; 1006 is a connection that ended without a close frame
    deliveries:     broadcasts times readers, before anything is lost or doubled
    slow:           times a connection became slow; dropped_oldest, disconnected_slow and discarded are messages and
                    connections that this cost
    """

    accepted: int = 0
    refused_limit: int = 0
    refused_fault: int = 0
    refused_bad: int = 0
    open: int = 0
    open_max: int = 0
    messages_in: int = 0
    messages_out: int = 0
    pings: int = 0
    pongs_withheld: int = 0
    closes_unanswered: int = 0
    broadcasts: int = 0
    deliveries: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    slow: int = 0
    dropped_oldest: int = 0
    disconnected_slow: int = 0
    discarded: int = 0
    queued_max: int = 0
    dropped_connections: int = 0
    asked: int = 0
    answered: int = 0
    typing_shown: int = 0
    typing_kept_alive: int = 0
    typing_cleared: int = 0
    typing_expired: int = 0
    closed: Counter[int] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """All of it; codes as texts."""
        counts = {known.name: getattr(self, known.name) for known in fields(self)}
        return counts | {"closed": {str(code): count for code, count in sorted(self.closed.items())}}

"""What a WebSocket asks of the one who opened it, and of the one who takes its messages in the user's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from loadstone.clients.failure import Failed
from loadstone.clients.replies import Match
from loadstone.clock import Timers

if TYPE_CHECKING:
    from loadstone.clients.websocket import WebSocket


class Listening(Protocol):
    """Who takes every message in place of the user, for as long as it is set as `rally`."""

    def on_answer(self, end_ns: int, seen_ns: int) -> None:
        """A message has come."""

    def on_lost(self, failed: Failed) -> None:
        """The connection has ended."""


class Sent(Protocol):
    """Who wants to know when a message was due and sent, and how much of the time between was no lateness of ours; in ns."""

    due_ns: int
    sent_ns: int
    excused_ns: int


class Keeper(Protocol):
    """Who opened a WebSocket, and is asked what only a user's client knows."""

    timers: Timers
    reply_ns: int
    close_ns: int

    def take_due(self) -> tuple[int, int]:
        """When the next message was due (0: now), and the ns for which it waited for a session or a connection."""

    def match(self, text: str) -> Match:
        """The way to pair messages that this text names."""

    def lost(self, websocket: WebSocket, /) -> bool:
        """A connection ended that the user had not closed; True when a new one is on its way."""

    def forget(self, websocket: WebSocket, /) -> None:
        """A connection ended that the user had closed."""

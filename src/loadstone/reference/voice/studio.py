"""What all calls of the real agent share: its workers, its conversations and the clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from loadstone.reference.database import Database
from loadstone.reference.timer import Timer
from loadstone.reference.voice.script import Conversations
from loadstone.reference.voice.workers import Workers

Answer = Callable[[list[dict[str, str]]], Awaitable[str]]


class Studio:
    """Costs nothing until the first call: processes are started by it.

    answer: of a small language model to a conversation; None: none was loaded
    """

    def __init__(self, database: Database, timer: Timer, workers: int) -> None:
        self.timer = timer
        self.answer: Answer | None = None
        self.workers = Workers(workers)
        self._database = database
        self._conversations: Conversations | None = None

    @property
    def conversations(self) -> Conversations:
        """What was said in all calls."""
        if self._conversations is None:
            self._conversations = Conversations(self._database)
        return self._conversations

    def start(self) -> None:
        """Begin to start the workers, if they are not there yet."""
        self.workers.start()

    def close(self) -> None:
        """End the workers."""
        self.workers.close()

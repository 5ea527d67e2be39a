"""The messages that the bot knows: one SQLite file, only read, and the index over its texts."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from loadstone.errors import UsageError
from loadstone.reference.bot.search_index import SearchIndex

NEEDED = {
    "messages": {"id", "channel_id", "user_id", "thread_id", "created_at", "text"},
    "channels": {"id", "name"},
    "users": {"id", "name"},
    "mentions": {"message_id", "user_id"},
}
MOST_INDEXED = 500_000


class MessageBase:
    """Rows for the agents; each thread that asks has a connection of its own.

    raises: UsageError for a file that is missing, no database, or has other tables
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        try:
            self._check()
            texts = self.rows("SELECT id, text FROM messages ORDER BY id LIMIT ?", MOST_INDEXED)
        except sqlite3.Error as error:
            self.close()
            raise UsageError(f"is no message database: {error}", where=str(path), hint="loadstone run bot makes one") from None
        self.ids = [number for number, _ in texts]
        self.index = SearchIndex([text for _, text in texts])
        (self.messages,) = self.rows("SELECT count(*) FROM messages")[0]

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            address = f"file:{quote(str(self.path.resolve()))}?mode=ro"
            connection = self._local.connection = sqlite3.connect(address, uri=True, check_same_thread=False)
            self._opened.append(connection)
        with closing(connection.execute(statement, parameters)) as cursor:
            return cursor.fetchall()

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._opened:
            connection.close()

    def _check(self) -> None:
        if not self.path.is_file():
            raise UsageError("there is no such file", where=str(self.path), hint="loadstone run bot makes one")
        for table, needed in NEEDED.items():
            there = {row[1] for row in self.rows(f"PRAGMA table_info({table})")}
            if missing := sorted(needed - there):
                self.close()
                what = f"its table {table} lacks {', '.join(missing)}" if there else f"has no table {table}"
                raise UsageError(what, where=str(self.path), hint="loadstone run bot --database FILE brings it into form")

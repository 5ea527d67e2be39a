"""The backend's state in one SQLite file (write-ahead log): acknowledged means it survives a kill of the process.

Statements run on the event loop, on purpose. One takes 5-30 µs, while handing it to a thread and back costs more than
that and, worse, a thread that wants the interpreter lock back from a busy loop waits up to 5 ms for it, once per
statement. What is slow is the checkpoint of the log into the file; that alone runs in a thread with a connection of its
own. `synchronous=OFF` because the operating system keeps written pages when a process dies; a power cut may lose some.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from loadstone.errors import UsageError

CHECKPOINT_EVERY_S = 1.0
# Should the thread never find a gap between writers, the log is cut here by the writer itself: 64 MiB of 4 KiB pages.
CHECKPOINT_AT_PAGES = 16384

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, price REAL NOT NULL, tags TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  role TEXT NOT NULL, text TEXT NOT NULL, created REAL NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of_session ON messages(session, id);
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, workflow TEXT NOT NULL, state TEXT NOT NULL, input TEXT NOT NULL, output TEXT, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS nodes (
  run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, name TEXT NOT NULL, state TEXT NOT NULL, output TEXT,
  started REAL, ended REAL, PRIMARY KEY (run, name)) WITHOUT ROWID;
"""


class Database:
    """One connection for the loop; without a path, a private file that is removed at the end."""

    def __init__(self, path: Path | None = None) -> None:
        self._private = tempfile.TemporaryDirectory(prefix="loadstone-") if path is None else None
        self.path = Path(self._private.name) / "reference.db" if self._private else Path(path or "")
        self._closing = threading.Event()
        with ExitStack() as opened:
            try:
                self._connection = opened.enter_context(closing(self._connect()))
                # Opened here: a thread that begins late may find the file gone, and nobody to tell.
                beside = opened.enter_context(closing(self._connect()))
            except sqlite3.Error as error:
                raise UsageError(f"cannot use this file as a database: {error}", where=str(self.path), hint="a new file name") from None
            opened.pop_all()
        self._checkpoints = threading.Thread(target=self._checkpoint, args=(beside,), name="checkpoints", daemon=True)
        self._checkpoints.start()

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """All rows of a query."""
        cursor = self._connection.execute(statement, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, statement: str, parameters: Sequence[Any] = ()) -> dict[str, Any] | None:
        """The first row of a query, if there is one."""
        found = self.rows(statement, parameters)
        return found[0] if found else None

    def write(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; outside `transaction` it is committed when this returns."""
        return self._connection.execute(statement, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several writes, all or none. Nothing may be awaited inside: the connection is shared by the whole loop."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """End the thread, fold the log into the file and close it."""
        self._closing.set()
        self._checkpoints.join()
        self._connection.close()
        if self._private:
            self._private.cleanup()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=1.0)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_AT_PAGES}")
            connection.executescript(SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        log = self.path.with_name(f"{self.path.name}-wal")
        while not self._closing.wait(CHECKPOINT_EVERY_S):
            with suppress(sqlite3.OperationalError, FileNotFoundError):  # locked: the next second will do
                if log.stat().st_size:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        connection.close()

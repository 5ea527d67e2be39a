"""Sessions kept in process: in the user's own SQLite file, or by a callable of the user's own; the same steps as over HTTP."""

import sqlite3
import weakref
from pathlib import Path
from typing import Any, Protocol

import loadstone as ls
from loadstone.clients.call import find_callable

SQLITE = "sqlite:"
TEXT = "The caller said this, and wants it to be there after the next restart."
EXAMPLE = "sqlite:FILE, or module:factory"


class Store(Protocol):
    """What keeps sessions; each method may be `async`."""

    def create(self, user: str) -> Any:
        """A new session; gives what names it."""

    def insert(self, session: Any, text: str) -> Any:
        """One more message."""

    def query(self, session: Any) -> Any:
        """All messages of a session, something with a length."""

    def delete(self, session: Any) -> Any:
        """Forget a session."""


class SqliteStore:
    """Two tables of its own in a file of SQLite, beside what the file has; write-ahead log, one transaction a call."""

    def __init__(self, path: str) -> None:
        try:
            self._file = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            weakref.finalize(self, self._file.close)  # whoever lets go of the store has closed it
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("CREATE TABLE IF NOT EXISTS loadstone_sessions (id INTEGER PRIMARY KEY, user TEXT)")
            self._file.execute("CREATE TABLE IF NOT EXISTS loadstone_messages (id INTEGER PRIMARY KEY, session INTEGER, text TEXT)")
            self._file.execute("CREATE INDEX IF NOT EXISTS loadstone_of_session ON loadstone_messages (session)")
        except sqlite3.Error as error:
            raise ls.UsageError(
                f"cannot be used: {error}", where=f"--sessions {SQLITE}{path}", hint="a file of SQLite, in a folder that is there"
            ) from None

    def create(self, user: str) -> int:
        """See Store."""
        return int(self._file.execute("INSERT INTO loadstone_sessions (user) VALUES (?)", (user,)).lastrowid or 0)

    def insert(self, session: int, text: str) -> int:
        """See Store."""
        return int(self._file.execute("INSERT INTO loadstone_messages (session, text) VALUES (?, ?)", (session, text)).lastrowid or 0)

    def query(self, session: int) -> list[tuple[str]]:
        """See Store."""
        return self._file.execute("SELECT text FROM loadstone_messages WHERE session = ? ORDER BY id", (session,)).fetchall()

    def delete(self, session: int) -> None:
        """See Store."""
        self._file.execute("DELETE FROM loadstone_messages WHERE session = ?", (session,))
        self._file.execute("DELETE FROM loadstone_sessions WHERE id = ?", (session,))


def opened(where: str) -> Store:
    """The store of `sqlite:FILE` or `module:factory`; raises UsageError."""
    if where.startswith(SQLITE):
        path = where.removeprefix(SQLITE)
        if not path or not Path(path).resolve().parent.is_dir():
            raise ls.UsageError("names no file in a folder that is there", where=f"--sessions {where}", hint=EXAMPLE)
        return SqliteStore(path)
    made = find_callable(where, hint=EXAMPLE)()
    lacking = [name for name in ("create", "insert", "query", "delete") if not callable(getattr(made, name, None))]
    if lacking:
        raise ls.UsageError(
            f"makes something without {', '.join(lacking)}",
            where=f"--sessions {where}",
            hint="create(user), insert(session, text), query(session), delete(session)",
        )
    store: Store = made
    return store


class OwnKeeper(ls.User):
    """Makes a session, says a few things, reads them back, and forgets it; each user with a store object of its own."""

    async def on_start(self) -> None:
        self.store = opened(self.settings["store"])

    @ls.task
    async def converse(self) -> None:
        made = await self.call(self.store.create, f"caller {self.index}", name="create session")
        if not made.ok:
            return
        sent = 0
        for _ in range(self.settings["messages"]):
            said = await self.call(self.store.insert, made.value, TEXT, name="insert message")
            sent += said.ok
        found = await self.call(self.store.query, made.value, name="query session")
        if found.ok:
            self.check(len(found.value) == sent, "every message is there")
        await self.call(self.store.delete, made.value, name="delete session")

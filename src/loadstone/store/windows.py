"""What a monitor keeps: windows of several lengths with a time to live each, and where its alerts stood, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from loadstone.errors import UsageError
from loadstone.store.database import GHOST, identity

VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS windows (
    length_s REAL NOT NULL, at REAL NOT NULL, begin_s REAL NOT NULL, end_s REAL NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (length_s, begin_s)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alerts (id INTEGER PRIMARY KEY, at REAL NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS states (name TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
"""
MOST_ALERTS = 10_000
CACHE_KB = 256  # a monitor runs for months beside other things; the usual 2 MB of pages buy it nothing


class KeptWindow(NamedTuple):
    """One window.

    at:             when it began, seconds since 1970
    begin_s, end_s: in monitored seconds, which go on over restarts
    content:        what was measured, in JSON's own types
    """

    length_s: float
    at: float
    begin_s: float
    end_s: float
    content: dict[str, Any]


class WindowStore:
    """The file of a monitor. A disk that is full must not end monitoring: a failed write is told in `failure`, and tried again next time.

    One monitor writes, which a lock on a file beside it says; anybody may read meanwhile.

    path:    None: in memory
    reading: look at what a monitor keeps, and change nothing
    raises:  UsageError when the file cannot be opened, is no such file, or is in use by another monitor
    """

    def __init__(self, path: Path | None, *, reading: bool = False) -> None:
        self.path = path
        self.failure = ""
        where = str(path) if path else ":memory:"
        if reading and path is not None and not path.is_file():
            raise UsageError("no such file", where=where, hint="the --store of a monitor")
        self._lock = _locked(path) if path is not None and not reading else None
        try:
            self._db = sqlite3.connect(where, timeout=1.0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            self._let_go()
            raise _unusable(error, where) from None
        self._place = path.absolute() if path else None
        try:
            self._begin(where, reading=reading)
            self._file = identity(self._place) if self._place else None
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise _unusable(error, where) from None
            raise

    def _begin(self, where: str, *, reading: bool) -> None:
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        if reading:
            self._db.execute("PRAGMA query_only = ON")
        else:
            self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last windows, never the file
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            hint = "a newer Loadstone, or another file"
            raise UsageError(f"a monitor's file of version {version}; this Loadstone reads {VERSION}", where=where, hint=hint)
        if not reading:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif not version:
            raise UsageError("no monitor wrote this file", where=where, hint="the --store of a monitor")

    def keep(self, window: KeptWindow) -> None:
        """Write one window; one of the same length and begin is replaced."""
        content = json.dumps(window.content, separators=(",", ":"))
        self._write("INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?)", (*window[:4], content))

    def keep_alert(self, at: float, content: Mapping[str, Any]) -> None:
        """Write one alert; past the limit the oldest go."""
        self._write("INSERT INTO alerts (at, content) VALUES (?, ?)", (at, json.dumps(content)))
        self._write("DELETE FROM alerts WHERE id <= (SELECT max(id) FROM alerts) - ?", (MOST_ALERTS,))

    def keep_state(self, name: str, content: Mapping[str, Any]) -> None:
        """Write what a restarted monitor goes on with."""
        self._write("INSERT OR REPLACE INTO states VALUES (?, ?)", (name, json.dumps(content)))

    def state(self, name: str) -> dict[str, Any]:
        """What was kept under the name; empty when nothing was."""
        row = self._db.execute("SELECT content FROM states WHERE name = ?", (name,)).fetchone()
        found: dict[str, Any] = json.loads(row[0]) if row else {}
        return found

    def windows(self, length_s: float, from_s: float = 0.0) -> Iterator[KeptWindow]:
        """Those of a length that begin at or after a monitored second, in order."""
        rows = self._db.execute("SELECT * FROM windows WHERE length_s = ? AND begin_s >= ? ORDER BY begin_s", (length_s, from_s))
        for length, at, begin_s, end_s, content in rows:
            yield KeptWindow(length, at, begin_s, end_s, json.loads(content))

    def lengths(self) -> list[float]:
        """Of which lengths there are windows, the shortest first."""
        return [float(row[0]) for row in self._db.execute("SELECT DISTINCT length_s FROM windows ORDER BY length_s")]

    def alerts(self, most: int = 100) -> list[tuple[float, dict[str, Any]]]:
        """The newest ones, oldest of them first."""
        rows = self._db.execute("SELECT at, content FROM alerts ORDER BY id DESC LIMIT ?", (most,)).fetchall()
        return [(at, json.loads(content)) for at, content in reversed(rows)]

    def shortest_s(self) -> float:
        """The length of the monitor's own windows; 0 when none is kept."""
        found = self._db.execute("SELECT min(length_s) FROM windows").fetchone()[0]
        return float(found or 0.0)

    def count(self, length_s: float) -> int:
        """How many windows of a length are kept."""
        found: int = self._db.execute("SELECT count(*) FROM windows WHERE length_s = ?", (length_s,)).fetchone()[0]
        return found

    def forget(self, length_s: float, before_s: float) -> None:
        """Drop windows of a length that ended before a monitored second; their room in the file is used again."""
        self._write("DELETE FROM windows WHERE length_s = ? AND end_s <= ?", (length_s, before_s))

    def close(self) -> None:
        """Finish the file; may be called more than once."""
        self._db.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _write(self, sql: str, values: tuple[Any, ...]) -> None:
        try:
            self._db.execute(sql, values)
        except sqlite3.Error as error:
            self.failure = f"{self.path or 'memory'}: {error}"
        else:
            gone = self._place is not None and identity(self._place) != self._file
            self.failure = f"{self.path} {GHOST}" if gone else ""


def _unusable(error: sqlite3.Error, where: str) -> UsageError:
    """With what helps, by SQLite's own number of what went wrong (its extended ones carry it in their lowest byte)."""
    hint = {
        sqlite3.SQLITE_FULL: "room on its disk, or --store on another",
        sqlite3.SQLITE_IOERR: "room on its disk, or --store on another",
        sqlite3.SQLITE_READONLY: "a file and a folder to write to",
        sqlite3.SQLITE_CANTOPEN: "a folder to write to",
        sqlite3.SQLITE_NOTADB: "the --store of a monitor, or a name that no file has",
    }.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "a file that only one monitor writes to")
    return UsageError(f"cannot be used as a monitor's file: {error}", where=where, hint=hint)


def _locked(path: Path) -> IO[bytes] | None:
    """A lock on a file beside it, which goes with the process that has it; None where the system has no such locks.

    Beside it, for SQLite's own locks on a file are lost when the same process closes the file anywhere.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        file = path.with_name(f"{path.name}-lock").open("ab")
    except OSError as error:
        raise UsageError(f"cannot be used as a monitor's file: {error.strerror}", where=str(path), hint="a folder to write to") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(
            "cannot be used as a monitor's file: another monitor writes to it", where=str(path), hint="a file of its own: --store FILE"
        ) from None
    except OSError:
        pass  # a file system without locks
    return file

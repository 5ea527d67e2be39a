"""The file of the store: opened, laid out, upgraded; whatever SQLite says of it in words that help."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loadstone.errors import StoreError
from loadstone.store.lock_holders import lock_holders
from loadstone.store.schema import APPLICATION_ID, UPGRADES, VERSION, make
from loadstone.store.sql import Session, SqlDatabase

WAIT_S = 5.0
LOCKED, FULL, DAMAGED = {"BUSY", "LOCKED"}, {"FULL"}, {"CORRUPT", "NOTADB"}
GHOST = "is no longer the file that was opened: it was removed, moved or replaced"
SEALED = {"READONLY", "CANTOPEN", "PERM", "IOERR"}


class Database(SqlDatabase):
    """A connection to the file of a store.

    make:   begin an empty one, folder included, where there is none
    raises: StoreError
    """

    conflict = sqlite3.IntegrityError

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self.path, self.where, self._wait_s = path, str(path), WAIT_S
        if not path.exists():
            if not make:
                raise StoreError("no runs are kept here", where=str(path), hint="loadstone run, or --store with another address")
            self._make_folder()
        self.db = self._opened(make)
        self._place, self._file = path.absolute(), identity(path)
        try:
            with self.told():
                self._lay_out()
        except BaseException:
            self.db.close()
            raise

    def wait(self, seconds: float) -> None:
        """How long a locked file is waited for from now on."""
        self._wait_s = seconds
        with self.told():
            self.db.execute(f"PRAGMA busy_timeout = {int(seconds * 1e3)}")

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """What SQLite raises inside becomes a StoreError."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._story(error) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """Everything inside is kept, or nothing."""
        with self.told():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                self._refuse_a_ghost()
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk may have ended it already
                    self.db.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self.told():
            return self.db.execute(sql, values).fetchall()

    def check(self) -> list[str]:
        """What SQLite finds damaged."""
        try:
            found = [str(row[0]) for row in self.db.execute("PRAGMA integrity_check(20)")]
            found += [f"row of {row[0]} without its run" for row in self.db.execute("PRAGMA foreign_key_check")]
        except sqlite3.Error as error:
            return [str(error)]
        return [line for line in found if line != "ok"]

    def close(self) -> None:
        """May be called more than once."""
        self.db.close()

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"the folder cannot be made: {error.strerror}"
            raise StoreError(what, where=str(self.path), hint="--store with a place that you may write to") from None

    def _opened(self, make: bool) -> sqlite3.Connection:
        with self.told():
            db = self._connect(f"file:{_quoted(self.path)}")
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last second, never the file
            except sqlite3.OperationalError as error:
                db.close()
                if make or _name(error) not in SEALED:
                    raise
                # To be read only: nobody else can be writing where we may not.
                return self._connect(f"file:{_quoted(self.path)}?mode=ro&immutable=1")
            except sqlite3.Error:
                db.close()
                raise
            return db

    def _connect(self, uri: str) -> sqlite3.Connection:
        db = sqlite3.connect(uri, uri=True, timeout=self._wait_s, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def _lay_out(self) -> None:
        if self._version() == VERSION:
            return
        with self.transaction() as db:
            version = self._version()  # once more: another process may have been quicker
            if version > VERSION:
                what = f"its layout is version {version}; this Loadstone knows {VERSION}"
                raise StoreError(what, where=str(self.path), hint="the newer Loadstone that wrote it, or --store with another file")
            if version == 0:
                self._refuse_others()
                make(db)
            while 0 < version < VERSION:
                UPGRADES[version](db)
                version += 1
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")

    def _refuse_others(self) -> None:
        if self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StoreError("is a database of another program", where=str(self.path), hint="--store with another file")

    def _refuse_a_ghost(self) -> None:
        # SQLite goes on writing into a file that was deleted or moved: what is kept there, nobody finds.
        if identity(self._place) != self._file:
            raise StoreError(GHOST, where=str(self.path), hint="--store with a place that stays")

    def _version(self) -> int:
        found: int = self.db.execute("PRAGMA user_version").fetchone()[0]
        return found

    def _story(self, error: sqlite3.Error) -> StoreError:
        name, where = _name(error), str(self.path)
        if name in LOCKED:
            beside = self.path.with_name(self.path.name + "-shm")
            holders = ", ".join(lock_holders([self.path, beside]))
            who = f"process {holders}" if holders else "another process"
            return StoreError(f"is locked by {who}; waited {self._wait_s:g} s", where=where, hint="again when that has ended")
        if name in FULL:
            return StoreError("there is no room for it on the disk", where=where, hint="loadstone runs prune --keep 20, or more room")
        if name in DAMAGED:
            return StoreError(f"is damaged, or no store: {error}", where=where, hint="loadstone runs check --move-aside")
        if name in SEALED:
            return StoreError(f"cannot be used: {error}", where=where, hint="--store with a place that you may write to")
        return StoreError(f"cannot be used: {error}", where=where, hint="loadstone runs check")


def _name(error: sqlite3.Error) -> str:
    """`BUSY` of SQLITE_BUSY_SNAPSHOT: the primary code."""
    return getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_").split("_")[0]


def identity(path: Path) -> tuple[int, int] | None:
    """Which file lies there, whatever it holds; None for none."""
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_dev, there.st_ino


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(os.fsencode(path))  # a name may hold any bytes

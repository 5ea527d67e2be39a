"""The store in one file of SQLite: nothing to install, nothing to start, safe against a crash at any moment."""

from __future__ import annotations

from loadstone.store.database import Database
from loadstone.store.location import path_of
from loadstone.store.sql_store import SqlStore


class SqliteStore(SqlStore):
    """See Store. Several processes may write at once; each waits for the others, a few seconds at most."""

    database: Database

    def __init__(self, url: str, *, make: bool = True) -> None:
        super().__init__(url, Database(path_of(url), make=make))

"""The store in PostgreSQL: for teams whose runs come from several machines."""

from __future__ import annotations

from loadstone.errors import StoreError
from loadstone.store.location import shown
from loadstone.store.sql_store import SqlStore


class PostgresStore(SqlStore):
    """See Store. Any number of machines may write at once; its tables lie in a schema of their own."""

    def __init__(self, url: str, *, make: bool = True) -> None:
        try:
            from loadstone.store.postgres_database import PostgresDatabase
        except ImportError as error:  # the driver, or the library that it needs
            raise StoreError(f"the driver of PostgreSQL is not there: {error}", where=shown(url), hint=_HINT) from None
        super().__init__(shown(url), PostgresDatabase(url, make=make))


_HINT = "pip install 'loadstone[postgres]'"

"""The schema of a store in PostgreSQL: connected, laid out, upgraded; whatever the server says of it in words that help."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg

from loadstone.errors import StoreError
from loadstone.store.postgres_address import address_of
from loadstone.store.postgres_dialect import named_rows, statement, values
from loadstone.store.postgres_patience import Impatient, TookTooLong
from loadstone.store.postgres_trouble import is_passing, story
from loadstone.store.schema import UPGRADES, VERSION, make, statements
from loadstone.store.sql import Answer, Session, SqlDatabase

WAIT_S = 5.0
CONNECT_S, LEAST_CONNECT_S = 5, 2  # the driver knows none shorter
QUIET_S = 10.0  # after a connection that failed, while a run goes on: it must not be held up each second
AGAIN_S = 0.25
# A peer that is gone without a word is noticed within so many seconds, also while nothing is said.
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 10_000}
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = ? ORDER BY tablename"


class _Session:
    """Statements of a store on a connection."""

    def __init__(self, db: Impatient) -> None:
        self._db = db

    def execute(self, sql: str, given: Sequence[Any] = (), /) -> Answer:
        cursor = self._db.cursor(binary=True)
        cursor.execute(statement(sql).encode(), values(given))
        return cursor

    def executemany(self, sql: str, given: Iterable[Sequence[Any]], /) -> Any:
        self._db.cursor().executemany(statement(sql).encode(), [values(each) for each in given])


class PostgresDatabase(SqlDatabase):
    """A connection to the schema of a store; one that is lost is made anew when it is next needed.

    make:   begin a new store where there is none
    raises: StoreError
    """

    conflict = psycopg.errors.UniqueViolation

    def __init__(self, url: str, *, make: bool = True) -> None:
        self._address = address_of(url)
        self.where = self._address.where
        self._wait_s = WAIT_S
        self._not_before = 0.0
        self._db: Impatient | None = None
        with self._told():
            self._db = self._connect()
        try:
            self._lay_out(make)
        except BaseException:
            self.close()
            raise

    def wait(self, seconds: float) -> None:
        """How long others, or a server that is away, are waited for from now on."""
        if seconds == self._wait_s:
            return
        self._wait_s, self._not_before = seconds, 0.0
        if self._db is not None and not self._db.closed:
            with self._told():
                self._set_waits(self._db)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """Everything inside is kept, or nothing."""
        with self._told():
            session = self._begun()
            try:
                yield session
                session.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(psycopg.Error):  # a connection that is lost has ended it already
                    session.execute("ROLLBACK")
                raise

    def rows(self, sql: str, given: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; asked once more when the connection was lost meanwhile."""
        with self._told():
            try:
                return _Session(self._connected()).execute(sql, given).fetchall()
            except psycopg.OperationalError as error:
                if not self._was_lost(error):
                    raise
                return _Session(self._connected()).execute(sql, given).fetchall()

    def check(self) -> list[str]:
        """What the server cannot read, table by table: it looks at checksums where it has them, and unpacks what is long."""
        found = []
        for (table,) in self.rows(TABLES, (self._address.schema,)):
            try:
                self.rows(f"SELECT count(md5(each::text)) FROM {table} AS each")  # noqa: S608  our own names
            except StoreError as error:
                found.append(f"table {table}: {error.what}")
        return found

    def close(self) -> None:
        """May be called more than once."""
        if self._db is not None:
            self._db.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if isinstance(error, TookTooLong):
                self._not_before = time.monotonic() + QUIET_S
            raise story(error, self.where, self._wait_s) from error

    def _begun(self) -> _Session:
        """A transaction; begun again on a new connection when the old one turns out to be lost, since nothing was written yet."""
        session = _Session(self._connected())
        try:
            session.execute("BEGIN")
        except psycopg.OperationalError as error:
            if not self._was_lost(error):
                raise
            session = _Session(self._connected())
            session.execute("BEGIN")
        return session

    def _was_lost(self, error: psycopg.Error) -> bool:
        """Has the connection ended meanwhile, so that a new one may do better?"""
        return (self._db is None or self._db.closed) and not isinstance(error, TookTooLong)

    def _connected(self) -> Impatient:
        if self._db is not None and not self._db.closed:
            return self._db
        if time.monotonic() < self._not_before:
            raise psycopg.OperationalError("the connection was lost")
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                db = self._connect()
            except psycopg.OperationalError as error:
                if not is_passing(error) or time.monotonic() + AGAIN_S > deadline:
                    self._not_before = time.monotonic() + QUIET_S
                    raise
            else:
                self._db = db
                return db
            time.sleep(AGAIN_S)

    def _connect(self) -> Impatient:
        options = {
            "connect_timeout": CONNECT_S if self._wait_s >= 1.0 else LEAST_CONNECT_S,
            "application_name": "loadstone",
            **KEEPALIVE,
            **self._address.options,
        }
        db = Impatient.connect(autocommit=True, prepare_threshold=None, **options)
        try:
            db.row_factory = named_rows
            db.execute(f"SET search_path = {self._address.schema}, pg_catalog".encode())
            self._set_waits(db)
        except BaseException:
            db.close()
            raise
        return db

    def _set_waits(self, db: Impatient) -> None:
        db.patience_s = 2.0 + 4.0 * self._wait_s
        db.execute(f"SET lock_timeout = {max(1, int(self._wait_s * 1e3))}".encode())

    def _lay_out(self, wanted: bool) -> None:
        schema = self._address.schema
        if self._version() == VERSION:
            return
        if self._version() == 0 and not wanted:
            raise StoreError("no runs are kept here", where=self.where, hint="loadstone run, or --store with another address")
        with self.transaction() as db:
            db.execute("SELECT pg_advisory_xact_lock(hashtext(?))", (f"loadstone {schema}",))  # two that begin at once: one of them waits
            version = self._version()
            if version > VERSION:
                what = f"its layout is version {version}; this Loadstone knows {VERSION}"
                raise StoreError(what, where=self.where, hint="the newer Loadstone that wrote it, or --store with another schema")
            if version == 0:
                self._begin_schema(db)
                make(db)
            while 0 < version < VERSION:
                UPGRADES[version](db)
                version += 1
            db.execute("DELETE FROM layout")
            db.execute("INSERT INTO layout VALUES (?)", (VERSION,))

    def _begin_schema(self, db: Session) -> None:
        schema = self._address.schema
        if not db.execute("SELECT 1 FROM pg_namespace WHERE nspname = ?", (schema,)).fetchone():
            db.execute(f"CREATE SCHEMA {schema}")
        elif db.execute(TABLES, (schema,)).fetchone():
            raise StoreError(f"the schema {schema} holds tables of another program", where=self.where, hint="?schema=loadstone_runs")
        for each in statements("CREATE TABLE layout (version INTEGER NOT NULL)"):
            db.execute(each)

    def _version(self) -> int:
        """Of the layout; 0 where there is none."""
        # Read from the catalogue's rows: `to_regclass` answers from a cache that does not see what another session has just made.
        if not self.rows("SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'layout'", (self._address.schema,)):
            return 0
        found = self.rows("SELECT version FROM layout")
        return int(found[0][0]) if found else 0

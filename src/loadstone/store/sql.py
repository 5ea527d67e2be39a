"""What the statements of a store ask of a database: few enough words that SQLite and PostgreSQL both have them.

Statements mark values with `?`, types are those of SQLite, and rows answer to places and names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Row(Protocol):
    """A row of an answer."""

    def __getitem__(self, key: Any, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...


class Answer(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any:
        """The next Row; None after the last."""

    def fetchall(self) -> list[Any]:
        """The Rows that are left."""


class Session(Protocol):
    """A transaction that goes on."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Answer:
        """One statement."""

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Any:
        """The same statement for each of many values."""


class SqlDatabase(ABC):
    """A connection to a database that holds a store.

    where:    file or address, as messages show it: without a password
    conflict: what the driver raises for a key that is taken; the cause of the StoreError
    """

    where: str
    conflict: type[Exception]

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """How long others are waited for from now on."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Session]:
        """Everything inside is kept, or nothing; what the driver raises becomes a StoreError."""

    @abstractmethod
    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, each a Row."""

    @abstractmethod
    def check(self) -> list[str]:
        """What is damaged, a line each."""

    @abstractmethod
    def close(self) -> None:
        """May be called more than once."""

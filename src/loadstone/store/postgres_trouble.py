"""What a server of PostgreSQL, or the way to it, says of a failure: where that leaves a person, and what to try."""

from __future__ import annotations

import psycopg

from loadstone.errors import StoreError
from loadstone.store.postgres_patience import TookTooLong

# Beginnings of SQLSTATE (PostgreSQL's appendix A), the longest first that fits: what is said, and what to try.
_STATES: tuple[tuple[str, str, str], ...] = (
    ("28", "refuses the user or the password", "the user in the address; the password in PGPASSWORD or ~/.pgpass"),
    ("3D000", "there is no such database", "createdb, or the name of one that is there"),
    ("42501", "this user may not do that", "GRANT it (docs/store.md says what), or another user"),
    ("25006", "can only be read", "the address of the server that takes writes, or a user who may write"),
    ("55P03", "is locked by another session; waited {wait:g} s", "again when that has ended"),
    ("40", "another session got in the way", "once more"),
    ("23505", "this is there already", "loadstone runs list"),
    ("53100", "there is no room for it on the server's disk", "loadstone runs prune --keep 20, or more room"),
    ("53300", "has no connection left", "later, or a higher max_connections"),
    ("57P03", "is starting or stopping", "in a moment"),
    ("XX001", "is damaged", "a backup of the database"),
    ("XX002", "is damaged", "a backup of the database"),
    ("42P01", "lacks a table of the store", "a backup of the database, or --store with another schema"),
)
_REFUSED = (
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ('role "', "28"),
    ("does not exist", "3D000"),
    ("starting up", "57P03"),
    ("shutting down", "57P03"),
    ("too many clients", "53300"),
    ("no pg_hba.conf entry", "28"),
)
_UNREACHED = "cannot be reached"


def story(error: psycopg.Error, where: str, wait_s: float) -> StoreError:
    """A failure in words that help; they hold no password, since neither server nor library repeats one."""
    state = _state(error)
    for begin, what, hint in _STATES:
        if state.startswith(begin):
            return StoreError(f"{what.format(wait=wait_s)}: {_first_line(error)}", where=where, hint=hint)
    if isinstance(error, TookTooLong):
        return StoreError(f"does not answer: {error}", where=where, hint="whether the server is alive, and the way to it")
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        hint = "whether the server runs there, takes connections from this machine, and host and port are right"
        return StoreError(f"{_UNREACHED}: {_first_line(error)}", where=where, hint=hint)
    return StoreError(f"cannot be used: {_first_line(error)}", where=where, hint="loadstone runs check")


def is_passing(error: psycopg.Error) -> bool:
    """May the next connection get through: is the server away, starting or full, rather than unwilling?"""
    return _state(error)[:2] in {"", "57", "53"}


def _state(error: psycopg.Error) -> str:
    """The SQLSTATE; for a connection that was refused, where libpq hands none on, what its text amounts to."""
    if error.sqlstate:
        return error.sqlstate
    text = str(error)
    return next((state for words, state in _REFUSED if words in text), "") if isinstance(error, psycopg.OperationalError) else ""


def _first_line(error: psycopg.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rpartition("FATAL:")[2].strip() if lines else type(error).__name__

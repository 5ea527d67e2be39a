"""Rows of runs in tables: how they are written, found and named."""

from __future__ import annotations

import secrets
from dataclasses import fields, replace
from datetime import UTC, datetime

from loadstone.errors import StoreError
from loadstone.store.rows import RunFilter, RunRow
from loadstone.store.sql import Row, Session, SqlDatabase

COLUMNS = tuple(each.name for each in fields(RunRow) if each.name != "tags")
FLAGS = ("interrupted", "kernel_clock", "git_dirty")
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: none that is read as another
_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
_TIME_LETTERS, _CHANCE_LETTERS = 6, 3  # seconds until 2054, and one of 32,768 for runs that began in the same one


def new_id(started_at: datetime) -> str:
    """A short id that sorts by time."""
    at = max(0, int((started_at - _SINCE).total_seconds()))
    letters = [_LETTERS[at >> 5 * place & 31] for place in reversed(range(_TIME_LETTERS))]
    return "".join(letters) + "".join(secrets.choice(_LETTERS) for _ in range(_CHANCE_LETTERS))


def insert(db: Session, row: RunRow) -> RunRow:
    """Write a row; gives it with its id. Raises what the driver does when the id is taken."""
    row = row if row.id else replace(row, id=new_id(row.started_at))
    db.execute(f"INSERT INTO runs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})", _values(row))  # noqa: S608  our own names
    db.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(row.id, key, value) for key, value in row.tags.items()])
    return row


def update(db: Session, row: RunRow) -> None:
    """Write what is known at the end over what was known at the begin."""
    changed = ", ".join(f"{name} = ?" for name in COLUMNS[1:])
    db.execute(f"UPDATE runs SET {changed} WHERE id = ?", (*_values(row)[1:], row.id))  # noqa: S608  our own names


def find(database: SqlDatabase, wanted: RunFilter) -> list[RunRow]:
    """Those that fit, oldest first."""
    fitting, values = _fitting(", ".join(COLUMNS), wanted)
    found = database.rows(fitting, values)
    tags = tags_of(database, [row["id"] for row in found])
    return [row_of(row, tags.get(row["id"], {})) for row in reversed(found)]


def count(database: SqlDatabase, wanted: RunFilter) -> int:
    """How many fit."""
    fitting, values = _fitting("id", wanted)
    ((found,),) = database.rows(f"SELECT count(*) FROM ({fitting}) AS fitting", values)  # noqa: S608  our own names
    return int(found)


def named(database: SqlDatabase, name: str) -> RunRow:
    """The run that a name stands for; raises StoreError."""
    base, tilde, back = name.partition("~")
    where = database.where
    if base == "last":
        if tilde and not back.isdecimal():
            raise StoreError(f"{name!r} names no run", where=where, hint="last~1 is the one before the last")
        newest = find(database, RunFilter(most=int(back or 0) + 1))
        if len(newest) <= int(back or 0):
            raise StoreError(f"there is no run {name!r}: {len(newest)} are kept", where=where, hint="loadstone runs list")
        return newest[0]
    ids = [row["id"] for row in database.rows("SELECT id FROM runs WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 4", (len(name), name))]
    if name in ids:
        ids = [name]
    if not ids or not name:
        raise StoreError(f"there is no run {name!r}", where=where, hint="loadstone runs list, or last")
    if len(ids) > 1:
        raise StoreError(f"{name!r} begins the names of several runs: {', '.join(ids[:3])}", where=where, hint=ids[-1])
    sql = f"SELECT {', '.join(COLUMNS)} FROM runs WHERE id = ?"  # noqa: S608  our own names
    return row_of(database.rows(sql, (ids[0],))[0], tags_of(database, ids).get(ids[0], {}))


def tags_of(database: SqlDatabase, ids: list[str]) -> dict[str, dict[str, str]]:
    """The tags of runs."""
    found: dict[str, dict[str, str]] = {}
    for at in range(0, len(ids), 500):
        part = ids[at : at + 500]
        sql = f"SELECT run_id, key, value FROM tags WHERE run_id IN ({', '.join('?' * len(part))}) ORDER BY key"  # noqa: S608  marks only
        for run_id, key, value in database.rows(sql, tuple(part)):
            found.setdefault(run_id, {})[key] = value
    return found


def row_of(row: Row, tags: dict[str, str]) -> RunRow:
    """The run in a row that holds all COLUMNS."""
    values = {name: row[name] for name in COLUMNS}
    values |= {name: None if values[name] is None else bool(values[name]) for name in FLAGS}
    return RunRow(**{**values, "started_at": datetime.fromisoformat(values["started_at"])}, tags=tags)


def _values(row: RunRow) -> tuple[object, ...]:
    return tuple(stamp(row.started_at) if name == "started_at" else sound(getattr(row, name)) for name in COLUMNS)


def sound(value: object) -> object:
    """Texts without lone surrogates, which UTF-8 has no bytes for."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def stamp(moment: datetime) -> str:
    """UTC, in a text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _fitting(columns: str, wanted: RunFilter) -> tuple[str, tuple[object, ...]]:
    """A query for those that fit, the newest first, and its values."""
    conditions, values = _conditions(wanted)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    most = "LIMIT ?" if wanted.most is not None else ""
    values += [wanted.most] if wanted.most is not None else []
    return f"SELECT {columns} FROM runs {where} ORDER BY started_at DESC, id DESC {most}", tuple(values)  # noqa: S608  our own names


def _conditions(wanted: RunFilter) -> tuple[list[str], list[object]]:
    conditions, values = [], list[object]()
    for column, value in (
        ("git_branch", wanted.branch),
        ("verdict", wanted.verdict),
        ("machine", wanted.machine),
        ("work_hash", wanted.work_hash),
    ):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if wanted.suite is not None:
        conditions.append("(suite = ? OR plan_name = ?)")
        values += [wanted.suite, wanted.suite]
    for sign, moment in ((">=", wanted.since), ("<", wanted.before)):
        if moment is not None:
            conditions.append(f"started_at {sign} ?")
            values.append(stamp(moment))
    for key, tag in wanted.tags.items():
        conditions.append("EXISTS (SELECT 1 FROM tags WHERE run_id = id AND key = ? AND value = ?)")
        values += [key, tag]
    return conditions, values

"""Baselines in tables: named sets of runs, and which of their members count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from loadstone.errors import StoreError
from loadstone.store import run_rows
from loadstone.store.rows import Baseline, Member, Policy
from loadstone.store.sql import Row, Session, SqlDatabase


def make(database: SqlDatabase, name: str, policy: Policy) -> Baseline:
    """A new baseline, or another policy for the one that is there; a retired one is in use again, empty."""
    if not name or name != name.strip() or any(letter in name for letter in "/\\~\n"):
        raise StoreError(f"{name!r} cannot be a baseline's name", where="baseline", hint="production, or main-nightly")
    now, text = run_rows.stamp(datetime.now(UTC)), json.dumps(asdict(policy))
    with database.transaction() as db:
        found = db.execute("SELECT id, retired_at FROM baselines WHERE name = ?", (name,)).fetchone()
        if found and found["retired_at"]:
            db.execute("DELETE FROM baselines WHERE id = ?", (found["id"],))
        db.execute(
            "INSERT INTO baselines (name, policy, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET policy = excluded.policy",
            (name, text, now),
        )
    return _whole(database, _row(database, name))


def every(database: SqlDatabase) -> list[Baseline]:
    """All with all their members, by name."""
    return [_whole(database, row) for row in database.rows("SELECT * FROM baselines ORDER BY name")]


def one(database: SqlDatabase, name: str, branch: str | None, machine: str | None) -> Baseline:
    """The members that count."""
    whole = _whole(database, _row(database, name))
    if whole.retired_at is not None:
        raise StoreError(f"the baseline {name!r} is retired", where=database.where, hint="loadstone baseline save with new runs")
    return replace(whole, members=whole.counting(branch, machine))


def add(database: SqlDatabase, name: str, run_id: str | None, figures: Mapping[str, float], *, pinned: bool, source: str) -> None:
    """Put a run, or only figures, into a baseline."""
    row = _row(database, name)
    if row["retired_at"]:
        raise StoreError(f"the baseline {name!r} is retired", where=database.where, hint="loadstone baseline save with new runs")
    values = (row["id"], run_id, json.dumps(dict(figures)), run_rows.stamp(datetime.now(UTC)), pinned, source)
    with database.transaction() as db:
        db.execute(
            "INSERT INTO members (baseline_id, run_id, figures, added_at, pinned, source) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (baseline_id, run_id) DO UPDATE SET pinned = excluded.pinned, source = excluded.source",
            values,
        )


def remove(database: SqlDatabase, name: str, run_id: str) -> None:
    """Take a run out of a baseline."""
    row = _row(database, name)
    with database.transaction() as db:
        if not db.execute("DELETE FROM members WHERE baseline_id = ? AND run_id = ?", (row["id"], run_id)).rowcount:
            raise StoreError(f"run {run_id} is not in the baseline {name!r}", hint=f"loadstone baseline show {name}")


def retire(database: SqlDatabase, name: str) -> None:
    """Compare with it no more."""
    row = _row(database, name)
    with database.transaction() as db:
        db.execute("UPDATE baselines SET retired_at = ? WHERE id = ?", (run_rows.stamp(datetime.now(UTC)), row["id"]))


def baselines_of(db: Session, run_id: str) -> list[str]:
    """The names of the baselines in use that a run belongs to; those that are retired let it go."""
    sql = "SELECT name, retired_at, baselines.id FROM members JOIN baselines ON baselines.id = baseline_id WHERE run_id = ?"
    found = db.execute(sql, (run_id,)).fetchall()
    for row in found:
        if row["retired_at"]:
            db.execute("DELETE FROM members WHERE baseline_id = ? AND run_id = ?", (row["id"], run_id))
    return [row["name"] for row in found if not row["retired_at"]]


def _row(database: SqlDatabase, name: str) -> Row:
    found = database.rows("SELECT * FROM baselines WHERE name = ?", (name,))
    if not found:
        names = [row[0] for row in database.rows("SELECT name FROM baselines WHERE retired_at IS NULL ORDER BY name LIMIT 5")]
        hint = f"one of {', '.join(names)}" if names else f"loadstone baseline save {name} last"
        raise StoreError(f"there is no baseline {name!r}", where=database.where, hint=hint)
    row: Row = found[0]
    return row


def _whole(database: SqlDatabase, row: Row) -> Baseline:
    columns = ", ".join(f"runs.{name}" for name in run_rows.COLUMNS)
    found = database.rows(
        f"SELECT members.run_id, members.figures, members.added_at, members.pinned, members.source, {columns}"  # noqa: S608  our own names
        " FROM members LEFT JOIN runs ON runs.id = members.run_id WHERE baseline_id = ?"
        " ORDER BY coalesce(runs.started_at, members.added_at), members.id",
        (row["id"],),
    )
    tags = run_rows.tags_of(database, [each["run_id"] for each in found if each["run_id"]])
    members = tuple(
        Member(
            run_rows.row_of(each, tags.get(each["run_id"], {})) if each["run_id"] else None,
            json.loads(each["figures"]),
            datetime.fromisoformat(each["added_at"]),
            bool(each["pinned"]),
            each["source"],
        )
        for each in found
    )
    retired = datetime.fromisoformat(row["retired_at"]) if row["retired_at"] else None
    return Baseline(row["name"], Policy(**json.loads(row["policy"])), datetime.fromisoformat(row["created_at"]), members, retired)

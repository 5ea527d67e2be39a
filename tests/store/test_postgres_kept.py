"""What is kept in PostgreSQL: by several machines at once, upgraded step by step, whatever the texts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import StoreError
from loadstone.store import postgres_database
from loadstone.store.rows import RunFilter
from loadstone.store.schema import VERSION, work_hash
from loadstone.store.sql import Session
from loadstone.store.store import Store
from loadstone.testing.kept_runs import PLAN_JSON, make_parts, make_row
from tests.postgres import NewUrl, Server

OLD = Path(__file__).with_name("version_1.sql")
TABLES = ("runs", "tags", "plans", "documents", "series", "failures", "sections", "seconds", "events", "verdicts", "baselines", "members")


@pytest.fixture
def old(new_url: NewUrl, monkeypatch: pytest.MonkeyPatch) -> str:
    """A schema as version 1 would have laid it out, with the rows of the old file."""
    url = new_url()
    with closing(sqlite3.connect(":memory:")) as file:
        file.executescript(OLD.read_text())
        layout = dict(file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall())
        rows = {table: file.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES if table in layout}  # noqa: S608  our own names

    def make(db: Session) -> None:
        for table, kept in rows.items():
            db.execute(layout[table])
            db.executemany(_insert(table, kept), [_bytes(table, row) for row in kept])

    monkeypatch.setattr(postgres_database, "make", make)
    monkeypatch.setattr(postgres_database, "VERSION", 1)
    Store.open(url).close()
    monkeypatch.undo()
    return url


def _insert(table: str, rows: Sequence[Any]) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * (len(rows[0]) if rows else 1))})"  # noqa: S608  our own names


def _bytes(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:-1], row[-1].encode()) if table == "series" and isinstance(row[-1], str) else row


def _columns(postgres: Server, url: str) -> list[Any]:
    wanted = "SELECT table_name, column_name, data_type, collation_name, is_nullable FROM information_schema.columns"
    return sorted(postgres.sql(f"{wanted} WHERE table_schema = current_schema", within=url))


def test_an_old_schema_is_upgraded_by_the_same_steps_and_loses_nothing(old: str, new_url: NewUrl, postgres: Server) -> None:
    assert not any(column[1] == "work_hash" for column in _columns(postgres, old))
    with Store.open(old) as store:
        first, second = store.runs()
        assert first.work_hash == second.work_hash == work_hash(PLAN_JSON)
        assert store.load(first.id).totals.count("http.requests") == 60
        assert len(store.load(first.id).sections) == 3
        assert store.baseline("main").run_ids == [first.id]
    new = new_url()
    Store.open(new).close()
    assert _columns(postgres, old) == _columns(postgres, new)


def test_an_upgrade_that_fails_leaves_the_old_schema_as_it_was(old: str, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(db: Session) -> None:
        db.execute("ALTER TABLE runs ADD COLUMN half TEXT")
        db.execute("SELECT * FROM nowhere")

    before = _columns(postgres, old)
    monkeypatch.setattr(postgres_database, "UPGRADES", {1: half})
    with pytest.raises(StoreError, match="nowhere"):
        Store.open(old)
    assert _columns(postgres, old) == before


def _write(url: str, count: int, suite: str) -> int:
    with Store.open(url) as store:
        for number in range(count):
            row = store.begin(make_row(number, suite=suite), PLAN_JSON)
            store.finish(row, make_parts(keep_seconds=True))
    return count


def test_machines_that_begin_and_write_a_store_at_once_lose_nothing(new_url: NewUrl) -> None:
    url = new_url()
    names = ("one", "two", "three")
    with ThreadPoolExecutor(len(names)) as machines:  # to the server, connections from anywhere are alike
        assert list(machines.map(partial(_write, url, 5), names)) == [5, 5, 5]
    with Store.open(url) as store:
        assert [len(store.runs(RunFilter(suite=name))) for name in names] == [5, 5, 5]
        assert len(store.with_seconds()) == 15
        assert store.check() == []


def test_texts_that_postgresql_cannot_hold_are_kept_with_marks_in_their_place(new_url: NewUrl) -> None:
    with Store.open(new_url()) as store:
        row = store.begin(make_row(plan_name="a\0b \ud800 100% ? %s é"), PLAN_JSON)
        assert store.run(row.id).plan_name == r"a\x00b \ud800 100% ? %s é"
        assert store.runs(RunFilter(suite="a\0b")) == []


def test_runs_go_from_a_file_to_a_server_and_back_unchanged(new_url: NewUrl, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'runs.db'}") as file, Store.open(new_url()) as server:
        row = file.begin(make_row(git_dirty=True, other_load=0.1, seed=2**63 - 1), PLAN_JSON)
        file.finish(row, make_parts(keep_seconds=True))
        server.add(file.run(row.id), file.parts(row.id))
        assert server.run(row.id) == file.run(row.id)
        assert server.parts(row.id) == file.parts(row.id)


def test_the_layout_is_of_this_version(new_url: NewUrl, postgres: Server) -> None:
    url = new_url()
    Store.open(url).close()
    assert postgres.sql("SELECT version FROM layout", within=url) == [(VERSION,)]

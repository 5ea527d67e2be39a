"""A store in PostgreSQL that is away, locked, sealed, frozen, newer or somebody else's; and what a run in it comes to."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from loadstone.errors import StoreError
from loadstone.plan.model import Plan
from loadstone.report.json import render_json
from loadstone.report.told import Told
from loadstone.store import postgres_database
from loadstone.store.bundle import read_bundle
from loadstone.store.location import shown
from loadstone.store.postgres import PostgresStore
from loadstone.store.recording import Recording
from loadstone.store.rescue import rescue
from loadstone.store.schema import VERSION
from loadstone.store.store import Store
from loadstone.testing.conformance import TREE
from loadstone.testing.kept_runs import PLAN_JSON, make_parts, make_row
from loadstone.testing.samples import make_snapshot, make_story
from tests.postgres import PASSWORD, QUOTED, NewUrl, Server

PLAN = Plan.model_validate(TREE)


def opened(url: str, *, make: bool = True) -> PostgresStore:
    store = Store.open(url, make=make)
    assert isinstance(store, PostgresStore)
    return store


def refusal(url: str, *, make: bool = True) -> str:
    """What is said, after a look that it holds no password."""
    with pytest.raises(StoreError) as refused:
        opened(url, make=make)
    text = str(refused.value)
    assert not any(secret in text for secret in (PASSWORD, QUOTED, "wr0ng"))
    return text


def test_an_address_where_nothing_listens_is_told_with_what_to_look_at(postgres: Server) -> None:
    text = refusal(postgres.url(port=1))
    assert "owner:***@127.0.0.1:1/postgres" in text
    assert "cannot be reached" in text
    assert "whether the server runs there" in text


def test_a_wrong_password_an_unknown_user_and_an_unknown_database_are_told_apart(postgres: Server) -> None:
    for url in (postgres.url(key="wr0ng"), postgres.url(user="nobody"), f"postgresql://owner@127.0.0.1:{postgres.port}/postgres"):
        assert "refuses the user or the password" in refusal(url)
    assert "there is no such database" in refusal(postgres.url().replace("/postgres", "/nowhere"))


@pytest.mark.parametrize("address", ["u:wr0ng%zz@h/db", "u:wr0ng@h/db?schema=Robert'); DROP", "u:wr0ng@h/db?nonsense=1"])
def test_what_is_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    pytest.importorskip("psycopg")
    text = refusal(f"postgresql://{address}")
    assert "is no address of PostgreSQL" in text or "is no name of a schema" in text


def test_an_address_is_shown_without_its_password() -> None:
    for url in ("postgresql://u:s3cret@h/db", "postgresql://u:s3@cret@h/db", "postgresql://u@h/db?sslmode=require&password=s3cret"):
        assert "s3" not in shown(url)
        assert "***" in shown(url)
    assert shown("sqlite:///a.db") == "sqlite:///a.db"
    assert shown("postgresql://u@h:5/db?schema=x") == "postgresql://u@h:5/db?schema=x"


def test_nothing_is_made_where_somebody_only_wants_to_read(new_url: NewUrl, postgres: Server) -> None:
    assert "no runs are kept here" in refusal(new_url(), make=False)
    assert postgres.sql("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'runs_%'") == []


def test_a_layout_of_a_newer_version_is_refused_and_not_changed(new_url: NewUrl, postgres: Server) -> None:
    url = new_url()
    opened(url).close()
    postgres.sql("UPDATE layout SET version = version + 1", within=url)
    assert f"version {VERSION + 1}; this Loadstone knows {VERSION}" in refusal(url)
    assert postgres.sql("SELECT version FROM layout", within=url) == [(VERSION + 1,)]


def test_a_schema_of_another_program_is_refused_and_an_empty_one_is_taken(new_url: NewUrl, postgres: Server) -> None:
    foreign, empty = new_url(), new_url()
    postgres.sql(f"CREATE SCHEMA {foreign.rpartition('=')[2]}", f"CREATE TABLE {foreign.rpartition('=')[2]}.runs (song TEXT)")
    assert "another program" in refusal(foreign)
    postgres.sql(f"CREATE SCHEMA {empty.rpartition('=')[2]}")
    with opened(empty) as store:
        assert store.runs() == []


def test_who_may_only_read_can_list_and_is_told_what_a_write_takes(new_url: NewUrl, postgres: Server) -> None:
    url = new_url()
    schema = url.rpartition("=")[2]
    with opened(url) as store:
        row = store.begin(make_row(), PLAN_JSON)
        store.finish(row, make_parts())
    postgres.users.append("reader")
    postgres.sql(
        "CREATE USER reader PASSWORD 'look'",
        f"GRANT USAGE ON SCHEMA {schema} TO reader",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader",
    )
    with opened(postgres.url(user="reader", key="look", schema=schema)) as store:
        assert store.load("last").row == row
        for write in (lambda: store.delete([row.id]), lambda: store.begin(make_row(1), PLAN_JSON)):
            with pytest.raises(StoreError, match=r"this user may not do that: permission denied for table.*GRANT"):
                write()
    standby = f"{postgres.url(user='owner', schema=schema)}&options=-c%20default_transaction_read_only%3Don"
    with opened(standby) as store, pytest.raises(StoreError, match="can only be read"):
        store.delete([row.id])
    assert "this user may not do that" in refusal(postgres.url(user="reader", key="look", schema="runs_of_reader"))


def test_a_table_that_another_session_holds_is_waited_for(new_url: NewUrl) -> None:
    url = new_url()
    with opened(url) as store, opened(url) as other:
        store.wait(0.05)
        with other.database.transaction() as db:
            db.execute("LOCK TABLE runs")
            with pytest.raises(StoreError, match=r"is locked by another session; waited 0.05 s"):
                store.begin(make_row(), PLAN_JSON)
        store.begin(make_row(), PLAN_JSON)


def test_a_server_that_is_frozen_holds_nobody_up(new_url: NewUrl) -> None:
    with opened(new_url()) as store:
        (pid,) = store.database.rows("SELECT pg_backend_pid()")[0]
        database = store.database
        assert isinstance(database, postgres_database.PostgresDatabase)
        assert database._db is not None
        database._db.patience_s = 0.2
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreError, match=r"does not answer: no answer in 0.2 s"):
                store.runs()
            with pytest.raises(StoreError, match="cannot be reached"):  # not asked again at once: the run goes on
                store.runs()
        finally:
            os.kill(pid, signal.SIGCONT)
        store.wait(15.0)  # at the end of a run there is time
        assert store.runs() == []


def test_a_server_that_is_restarted_in_mid_run_costs_nothing(new_url: NewUrl, postgres: Server) -> None:
    url = new_url()
    recording = Recording(opened(url), PLAN, keep_seconds=True)
    recording.snapshot(make_snapshot(0))
    postgres.stop()
    recording.snapshot(make_snapshot(1))
    assert "cannot be reached" in recording.failure
    postgres.start()
    story = make_story()
    run_id = recording.finish(story, render_json(Told.of(story)))
    assert (recording.failure, recording.unkept) == ("", None)
    with opened(url) as store:
        assert [second.seq for second in store.parts(run_id).seconds] == [0, 1]
        assert store.load(run_id).totals.count("http.requests") == 1000
    recording.release()


def test_a_run_whose_server_is_gone_at_the_end_lies_in_a_file_that_finishes_it_later(
    new_url: NewUrl, postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadstone.store.recording.WAIT_AT_END_S", 0.1)
    url = new_url()
    recording = Recording(opened(url), PLAN, keep_seconds=True)
    recording.snapshot(make_snapshot(0))
    begun = recording.run_id
    postgres.stop()
    recording.snapshot(make_snapshot(1))
    story = make_story()
    assert recording.finish(story, render_json(Told.of(story))) == ""
    assert "cannot be reached" in recording.failure
    assert recording.unkept is not None
    path = rescue(*recording.unkept, tmp_path)
    assert PASSWORD.encode() not in path.read_bytes()
    postgres.start()
    with opened(url) as store:
        assert not store.run(begun).finished
        store.add(*read_bundle(path))
        run = store.load(begun)
        assert (run.row.verdict, run.totals.count("http.requests")) == ("pass", 1000)
        assert [second.seq for second in store.parts(begun).seconds] == [0, 1]
        with pytest.raises(StoreError, match="is there already"):
            store.add(*read_bundle(path))
        assert store.check() == []
    recording.release()


def test_what_the_server_cannot_read_is_told_table_by_table(new_url: NewUrl, postgres: Server) -> None:
    url = new_url()
    with opened(url) as store:
        row = store.begin(make_row(), PLAN_JSON)
        store.finish(row, make_parts())
        assert store.check() == []
        (file,) = postgres.sql(
            "SELECT pg_relation_filepath('sections')", "CHECKPOINT", "SELECT pg_relation_filepath('sections')", within=url
        )[0]
        pages = postgres.folder / "data" / file
        postgres.stop()
        pages.write_bytes(b"\xff" * 8192)
        postgres.start()
        (told,) = store.check()
        assert told.startswith("table sections: is damaged: invalid page")
        with pytest.raises(StoreError, match="a backup of the database"):
            store.load(row.id)


def test_a_table_that_is_gone_is_told(new_url: NewUrl, postgres: Server) -> None:
    url = new_url()
    with opened(url) as store:
        row = store.begin(make_row(), PLAN_JSON)
        postgres.sql("ALTER TABLE sections RENAME TO parts", within=url)
        with pytest.raises(StoreError, match="lacks a table of the store"):
            store.load(row.id)

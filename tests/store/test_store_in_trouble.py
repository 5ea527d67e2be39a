"""A store that is old, newer, locked, damaged, sealed, full, or whose writer is killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from loadstone.errors import StoreError
from loadstone.store import database
from loadstone.store.lock_holders import lock_holders
from loadstone.store.rows import UNFINISHED, Packed, RunFilter
from loadstone.store.schema import VERSION, work_hash
from loadstone.store.sqlite import SqliteStore
from loadstone.store.store import Store
from loadstone.testing.kept_runs import PLAN_JSON, make_parts, make_row

OLD = Path(__file__).with_name("version_1.sql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def old(path: Path) -> Path:
    """A file as version 1 wrote it."""
    db = sqlite3.connect(path)
    db.executescript(OLD.read_text())
    db.close()
    return path


def opened(path: Path) -> SqliteStore:
    store = Store.open(f"sqlite:///{path}")
    assert isinstance(store, SqliteStore)
    return store


def columns(path: Path, table: str) -> set[str]:
    db = sqlite3.connect(path)
    try:
        return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    finally:
        db.close()


def test_an_old_file_is_upgraded_and_loses_nothing(old: Path) -> None:
    assert "work_hash" not in columns(old, "runs")
    with opened(old) as store:
        first, second = store.runs()
        assert first.work_hash == second.work_hash == work_hash(PLAN_JSON)
        assert (first.tags, first.flagged, second.verdict) == ({"site": "ci"}, "", UNFINISHED)
        assert store.load(first.id).totals.count("http.requests") == 60
        assert len(store.load(first.id).sections) == 3
        assert store.baseline("main").run_ids == [first.id]
        assert store.check() == []
        store.flag(first.id, "slower")
        assert store.run(first.id).flagged == "slower"


def test_an_upgraded_file_has_the_layout_of_a_new_one(old: Path, tmp_path: Path) -> None:
    opened(old).close()
    opened(tmp_path / "new.db").close()
    for table in ("runs", "members", "series", "sections"):
        assert columns(old, table) == columns(tmp_path / "new.db", table)


def test_an_upgrade_that_fails_leaves_the_old_file_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute("ALTER TABLE runs ADD COLUMN half TEXT")
        db.execute("SELECT * FROM nowhere")

    monkeypatch.setattr(database, "UPGRADES", {1: half})
    with pytest.raises(StoreError, match="nowhere"):
        opened(old)
    assert "half" not in columns(old, "runs")
    monkeypatch.undo()
    with opened(old) as store:
        assert len(store.runs()) == 2


def test_a_plan_that_cannot_be_read_does_not_stop_an_upgrade(old: Path) -> None:
    db = sqlite3.connect(old)
    db.execute("UPDATE plans SET content = 'no json'")
    db.commit()
    db.close()
    with opened(old) as store:
        assert {row.work_hash for row in store.runs()} == {""}


def test_a_file_of_a_newer_version_is_refused_and_not_changed(path: Path) -> None:
    opened(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(StoreError, match=f"version {VERSION + 1}; this Loadstone knows {VERSION}"):
        opened(path)


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE songs (name TEXT)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        opened(path)
    assert columns(path, "runs") == set()


def test_a_file_that_is_no_database_is_told_as_damaged(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="damaged") as refused:
        opened(path)
    assert "loadstone runs check --move-aside" in str(refused.value)


def test_pages_that_were_overwritten_are_found(path: Path) -> None:
    with opened(path) as store:
        for number in range(20):
            row = store.begin(make_row(number), PLAN_JSON)
            store.finish(row, make_parts())
        assert store.check() == []
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))
    with opened(path) as store:
        assert store.check()


def test_measurements_that_cannot_be_read_are_told_with_the_run(path: Path) -> None:
    with opened(path) as store:
        row = store.begin(make_row(), PLAN_JSON)
        store.finish(row, make_parts())
        store.database.db.execute("UPDATE sections SET content = x'00'")
        with pytest.raises(StoreError, match=f"holds of {row.id} cannot be read"):
            store.load(row.id).sections[0]


def test_a_locked_file_is_waited_for_and_then_its_holder_is_named(path: Path) -> None:
    with opened(path) as store, opened(path) as other:
        store.wait(0.05)
        with other.database.transaction(), pytest.raises(StoreError, match=r"is locked by .*waited 0.05 s"):
            store.begin(make_row(), PLAN_JSON)
        store.begin(make_row(), PLAN_JSON)


def test_the_holder_of_a_lock_is_read_from_the_system(tmp_path: Path) -> None:
    file, locks = tmp_path / "runs.db", tmp_path / "locks"
    file.write_text("x")
    locks.write_text(
        f"1: POSIX  ADVISORY  WRITE {os.getpid()} 08:01:{file.stat().st_ino} 0 EOF\n"
        f"2: POSIX  ADVISORY  READ 1 08:01:{file.stat().st_ino} 0 EOF\n3: FLOCK  ADVISORY  WRITE 2 08:01:1 0 EOF\n4: short\n"
    )
    (found,) = lock_holders([file, tmp_path / "nothing"], locks)
    assert found.startswith(f"{os.getpid()} (")
    assert lock_holders([file], tmp_path / "nothing") == []


def test_a_full_disk_loses_the_run_that_is_written_and_no_other(path: Path) -> None:
    with opened(path) as store:
        first = store.begin(make_row(), PLAN_JSON)
        store.finish(first, make_parts())
        pages = store.database.db.execute("PRAGMA page_count").fetchone()[0]
        store.database.db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite then says what a full disk makes it say
        with pytest.raises(StoreError, match="no room"):
            write_runs_into(store, "other", 50)
        assert store.load(first.id).totals.count("http.requests")
        assert store.check() == []


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").exists(), reason="needs a folder where nobody may write")
def test_a_folder_where_nobody_may_write_is_told() -> None:
    with pytest.raises(StoreError, match="cannot be made") as refused:
        opened(Path("/proc/sys/nowhere/runs.db"))
    assert "--store" in str(refused.value)


def test_a_file_that_may_only_be_read_can_be_listed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as store:
        row = store.begin(make_row(), PLAN_JSON)
        store.finish(row, make_parts())
    real = sqlite3.connect

    def sealed(address: str, **given: object) -> object:
        return real(address if "immutable" in address else f"{address}?mode=ro", **given)  # type: ignore[call-overload]

    db = real(path)
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    monkeypatch.setattr(sqlite3, "connect", sealed)
    with Store.open(f"sqlite:///{path}", make=False) as reader:
        assert [each.id for each in reader.runs()] == [row.id]
        with pytest.raises(StoreError, match="cannot be used"):
            reader.delete([row.id])


def test_nothing_is_made_where_somebody_only_wants_to_read(path: Path) -> None:
    with pytest.raises(StoreError, match="no runs are kept here"):
        Store.open(f"sqlite:///{path}", make=False)
    assert not path.exists()


WRITER = """
import sys
from loadstone.store.rows import Packed
from loadstone.store.store import Store
from loadstone.testing.kept_runs import PLAN_JSON, make_parts, make_row
store = Store.open("sqlite:///" + sys.argv[1])
row = store.begin(make_row(), PLAN_JSON)
store.finish(row, make_parts())
row = store.begin(make_row(1, verdict="unfinished", exit_code=None), PLAN_JSON)
for seq in range(10**9):
    store.append(row.id, Packed(seq, seq, seq + 1, bytes(20_000)))
    if seq == 20:
        print("writing", flush=True)
"""


def test_a_writer_that_is_killed_leaves_whole_runs_and_one_that_is_unfinished(path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == "writing\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait(timeout=120)
    with opened(path) as store:
        assert store.check() == []
        first, second = store.runs()
        assert (first.verdict, second.verdict) == ("pass", UNFINISHED)
        assert store.load(first.id).totals.count("http.requests") == 1000
        kept = [second.seq for second in store.parts(second.id).seconds]
        assert len(kept) > 20
        assert kept == list(range(len(kept)))


def write_runs(path: Path, suite: str, count: int) -> None:
    with opened(path) as store:
        store.wait(120)
        write_runs_into(store, suite, count)


def write_runs_into(store: Store, suite: str, count: int) -> None:
    for number in range(count):
        row = store.begin(make_row(number, suite=suite, verdict=UNFINISHED), PLAN_JSON)
        for seq in range(5):
            store.append(row.id, Packed(seq, seq, seq + 1.0, b"x"))
        store.finish(replace(row, verdict="pass"), make_parts())


def test_two_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_runs, args=(path, suite, 12)) for suite in ("one", "other")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with opened(path) as store:
        assert [len(store.runs(RunFilter(suite=suite, verdict="pass"))) for suite in ("one", "other")] == [12, 12]
        assert len({row.id for row in store.runs()}) == 24
        assert store.check() == []


@pytest.mark.parametrize(("version", "other"), [(4, {"pressure": {"cpu": 1}}), (5, {"patience_s": 1.0})])
def test_a_file_of_an_earlier_version_tells_other_work_apart(path: Path, version: int, other: dict[str, object]) -> None:
    pressed = json.dumps({**json.loads(PLAN_JSON), **other})
    with opened(path) as store:
        ids = [store.begin(make_row(number), text).id for number, text in enumerate((PLAN_JSON, pressed))]
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.close()
    with opened(path) as store:
        assert [store.run(run_id).work_hash for run_id in ids] == [work_hash(PLAN_JSON), work_hash(pressed)]


def test_a_file_of_version_3_gets_hashes_of_work_that_no_folder_is_part_of(path: Path) -> None:
    plan = json.loads(PLAN_JSON)
    plan["scenarios"] = [{"name": "a", "code": {"file": "/builds/7/shop.py", "module": "", "classes": ["Shopper"]}}]
    with opened(path) as store:
        ids = [
            store.begin(make_row(number, work_hash=hashed), json.dumps(plan)).id
            for number, hashed in enumerate(("0" * 16, "0" * 16 + "+ab"))
        ]
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 3")
    db.commit()
    db.close()
    plan["scenarios"][0]["code"]["file"] = "/builds/8/load/shop.py"
    with opened(path) as store:
        hashes = [store.run(run_id).work_hash for run_id in ids]
    assert hashes == [work_hash(json.dumps(plan)), work_hash(json.dumps(plan)) + "+ab"]
    plan["scenarios"][0]["code"]["file"] = "/builds/8/load/other.py"
    assert work_hash(json.dumps(plan)) not in hashes


@pytest.mark.parametrize("what", ["removed", "moved", "replaced"])
def test_a_file_that_is_taken_away_meanwhile_keeps_no_run_that_nobody_could_find(path: Path, what: str) -> None:
    with opened(path) as store:
        begun = store.begin(make_row(), PLAN_JSON)
        if what == "removed":
            path.unlink()
        else:
            path.rename(path.with_suffix(".aside"))
        if what == "replaced":
            opened(path).close()
        with pytest.raises(StoreError, match="is no longer the file that was opened"):
            store.finish(replace(begun, verdict="pass"), make_parts())


def test_the_name_of_a_file_may_hold_any_bytes(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/run\xff?%41#.db"))
    with opened(path) as store:
        store.begin(make_row(), PLAN_JSON)
    assert path.exists()

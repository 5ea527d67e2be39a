"""The file of a monitor: what it keeps, what it forgets, and what it refuses."""

import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadstone.errors import UsageError
from loadstone.store.windows import MOST_ALERTS, KeptWindow, WindowStore


@pytest.fixture
def store() -> Iterator[WindowStore]:
    """In memory."""
    store = WindowStore(None)
    yield store
    store.close()


def window(begin_s: float, length_s: float = 60.0) -> KeptWindow:
    return KeptWindow(length_s, 1000.0 + begin_s, begin_s, begin_s + length_s, {"seq": int(begin_s)})


def test_windows_come_back_in_order_and_of_their_length_only(tmp_path: Path) -> None:
    store = WindowStore(tmp_path / "m.sqlite")
    for each in (window(120), window(0), window(60), window(0, 3600.0)):
        store.keep(each)
    store.close()
    again = WindowStore(tmp_path / "m.sqlite")
    assert list(again.windows(60.0)) == [window(0), window(60), window(120)]
    assert list(again.windows(60.0, 60.0)) == [window(60), window(120)]
    again.close()


def test_a_window_that_is_written_again_is_replaced(store: WindowStore) -> None:
    store.keep(window(0))
    store.keep(window(0)._replace(end_s=30.0))
    assert [each.end_s for each in store.windows(60.0)] == [30.0]


def test_what_is_older_than_its_time_is_forgotten_and_the_rest_is_not(store: WindowStore) -> None:
    for minute in range(10):
        store.keep(window(minute * 60.0))
    store.forget(60.0, 300.0)
    assert [each.begin_s for each in store.windows(60.0)] == [300.0, 360.0, 420.0, 480.0, 540.0]
    assert store.count(60.0) == 5


def test_alerts_are_bounded_and_the_newest_are_read(store: WindowStore) -> None:
    for number in range(MOST_ALERTS + 5):
        store.keep_alert(float(number), {"number": number})
    assert [record["number"] for _, record in store.alerts(2)] == [MOST_ALERTS + 3, MOST_ALERTS + 4]
    assert len(store.alerts(MOST_ALERTS * 2)) == MOST_ALERTS


def test_a_state_comes_back_and_an_absent_one_is_empty(store: WindowStore) -> None:
    store.keep_state("monitor", {"monitored_s": 5.0})
    assert store.state("monitor") == {"monitored_s": 5.0}
    assert store.state("other") == {}


def test_a_second_monitor_on_the_same_file_is_refused(tmp_path: Path) -> None:
    first = WindowStore(tmp_path / "m.sqlite")
    first.keep(window(0))
    with pytest.raises(UsageError, match="cannot be used"):
        WindowStore(tmp_path / "m.sqlite")
    first.close()


def test_a_full_disk_is_refused_with_a_hint_about_its_room(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # what is past it fails as on a disk without room
    try:
        with pytest.raises(UsageError) as refused:
            WindowStore(tmp_path / "m.sqlite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refused.value.hint == "room on its disk, or --store on another"


def test_a_file_that_is_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, not a database at all" * 100)
    with pytest.raises(UsageError, match="cannot be used") as refused:
        WindowStore(path)
    assert refused.value.hint == "the --store of a monitor, or a name that no file has"
    assert path.read_text().startswith("my notes")


def test_a_file_that_was_refused_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 9999")
    with pytest.raises(UsageError, match="of version 9999"):
        WindowStore(path)
    with contextlib.closing(sqlite3.connect(path)) as older:
        older.execute("PRAGMA user_version = 0")
    WindowStore(path).close()


def test_a_write_that_fails_is_told_and_raises_nothing(store: WindowStore) -> None:
    store._db.execute("PRAGMA query_only = ON")
    store.keep(window(0))
    assert store.failure
    store._db.execute("PRAGMA query_only = OFF")
    store.keep(window(60))
    assert not store.failure


def test_a_file_that_was_removed_keeps_nothing_that_anybody_finds_and_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "monitor.sqlite"
    with contextlib.closing(WindowStore(path)) as store:
        store.keep(window(0))
        assert not store.failure
        path.unlink()
        store.keep(window(60))
        assert store.failure == f"{path} is no longer the file that was opened: it was removed, moved or replaced"

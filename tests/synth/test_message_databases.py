"""Message databases: made, read from somebody's own file, analysed, and asked about."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.synth.message_content import PHASES, Content, analyse
from loadstone.synth.message_queries import AGENTS, KINDS, make_queries
from loadstone.synth.message_tables import adopt, seconds_of
from loadstone.synth.messages import Size, make_messages

SMALL = Size(messages=2000, users=40, channels=6, days=60)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_messages(tmp_path_factory.mktemp("messages") / "small.db", SMALL)


@pytest.fixture(scope="module")
def content(database: Path) -> Content:
    return analyse(database)


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def written(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script)
    return path


def test_the_default_size_is_fifteen_thousand_messages() -> None:
    assert Size().messages >= 15_000


def test_a_database_has_exactly_what_was_asked_for_and_is_the_same_for_the_same_seed(database: Path, tmp_path: Path) -> None:
    again, other = make_messages(tmp_path / "again.db", SMALL), make_messages(tmp_path / "other.db", SMALL, seed=2)
    everything = "SELECT * FROM messages"
    assert rows(database, "SELECT count(*) FROM messages") == [(2000,)]
    assert rows(database, everything) == rows(again, everything)
    assert rows(database, everything) != rows(other, everything)
    assert list(tmp_path.glob("*.partial")) == []


def test_few_people_write_most_on_working_days_and_threads_stay_in_their_channel(database: Path) -> None:
    by_user = [count for _, count in Counter(row[0] for row in rows(database, "SELECT user_id FROM messages")).most_common()]
    assert sum(by_user[:4]) > 0.4 * sum(by_user)
    weekdays = analyse(database).weekdays
    assert sum(weekdays[5:]) < 0.15 * sum(weekdays)
    strays = (
        "SELECT 1 FROM messages a JOIN messages b ON a.thread_id = b.id WHERE a.channel_id <> b.channel_id OR b.created_at > a.created_at"
    )
    assert rows(database, strays) == []
    assert rows(database, "SELECT 1 FROM messages WHERE edited_at < created_at") == []


@pytest.mark.parametrize("wrong", [{"messages": 0}, {"users": 1}, {"channels": 0}, {"days": 0}])
def test_a_size_that_no_workplace_has_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be from"):
        Size(**wrong)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        make_messages(tmp_path / "file" / "messages.db", SMALL)


def test_the_analysis_tells_its_phases_and_agrees_with_plain_counts(database: Path) -> None:
    phases: list[str] = []
    content = analyse(database, phases.append)
    assert tuple(phases) == PHASES
    assert content.messages == sum(content.hours) == sum(content.weekdays) == 2000
    assert sum(count for _, count in content.channels) == 2000
    assert content.channel_count == len(rows(database, "SELECT DISTINCT channel_id FROM messages"))
    assert "2,000 messages" in content.told()


def test_queries_are_of_all_kinds_name_what_exists_and_are_the_same_for_the_same_seed(database: Path, content: Content) -> None:
    queries = make_queries(database, content, 50)
    assert len(queries) == 50
    assert {query.kind for query in queries} == set(KINDS)
    assert {query.agent for query in queries} == set(AGENTS.values())
    assert queries == make_queries(database, content, 50) != make_queries(database, content, 50, seed=2)
    names = {name for name, _ in content.channels}
    assert all(word.strip("?#,") in names for query in queries for word in query.text.split() if word.startswith("#"))
    assert all(query.expect for query in queries if query.kind in {"user", "digest"})


def test_no_queries_at_all_are_refused(database: Path, content: Content) -> None:
    with pytest.raises(UsageError, match="cannot be asked"):
        make_queries(database, content, 0)


def test_a_file_of_ones_own_is_found_by_its_names_and_read_with_its_times(tmp_path: Path) -> None:
    script = """
        CREATE TABLE Members (member_id TEXT, display_name TEXT);
        INSERT INTO Members VALUES ('u1', 'Ada Example'), ('u2', 'Bo');
        CREATE TABLE rooms (id TEXT, title TEXT);
        INSERT INTO rooms VALUES ('r1', '#general');
        CREATE TABLE posts (id TEXT, room_id TEXT, author_id TEXT, ts TEXT, body TEXT, parent_id TEXT);
        INSERT INTO posts VALUES ('b', 'r1', 'u2', '2024-03-02T10:00:00Z', '@Ada-Example thanks', 'a'),
          ('a', 'r1', 'u1', '2024-03-01 10:00:00', 'invoice', NULL),
          ('c', 'r1', 'u1', 'no time', 'lost', NULL),
          ('d', 'r1', 'u9', 1709460000000, 'late', 'zz');
    """
    found = adopt(written(tmp_path / "own.db", script), tmp_path / "adopted.db")
    content = analyse(found)
    assert content.messages == 3
    assert dict(content.users) == {"Ada-Example": 1, "Bo": 1, "u9": 1}
    assert dict(content.channels) == {"general": 3}
    assert (content.first_day, content.last_day) == ("2024-03-01", "2024-03-03")
    assert rows(found, "SELECT a.text, b.text FROM messages a JOIN messages b ON a.thread_id = b.id") == [
        ("@Ada-Example thanks", "invoice")
    ]
    assert rows(found, "SELECT name FROM mentions JOIN users ON users.id = user_id") == [("Ada-Example",)]


def test_names_in_the_table_of_messages_itself_will_do(tmp_path: Path) -> None:
    script = """
        CREATE TABLE messages (user TEXT, channel TEXT, timestamp REAL, content TEXT);
        INSERT INTO messages VALUES ('ada', 'ops', 1e9, 'up');
    """
    content = analyse(adopt(written(tmp_path / "flat.db", script), tmp_path / "adopted.db"))
    assert (content.users, content.channels) == ((("ada", 1),), (("ops", 1),))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("CREATE TABLE orders (id, price)", r"no table of messages.*it has orders \(id, price\)"),
        ("CREATE TABLE messages (id, text)", "no column for the author and the time; it has id, text"),
        ("CREATE TABLE messages (user, created_at, text)", "no messages with a text"),
        ("SELECT 1", "no table at all"),
    ],
)
def test_a_file_without_messages_is_refused_with_what_it_has(tmp_path: Path, script: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        adopt(written(tmp_path / "own.db", script), tmp_path / "adopted.db")
    assert not (tmp_path / "adopted.db").exists()


def test_a_file_that_is_missing_or_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, and longer than its header would be " * 40)
    for name, says in (("text.db", "SQLite"), ("none.db", "no such file")):
        with pytest.raises(UsageError, match=says):
            adopt(tmp_path / name, tmp_path / "adopted.db")


@given(st.integers(1, 4_000_000_000))
def test_seconds_milliseconds_and_iso_texts_are_the_same_time(moment: int) -> None:
    assert seconds_of(moment) == seconds_of(str(moment)) == moment
    if moment > 1e8:  # before 1973 a number of milliseconds could be one of seconds
        assert seconds_of(moment * 1000) == moment


@pytest.mark.parametrize("nothing", [None, "", "yesterday", -5, b"\x00"])
def test_what_is_no_time_is_none(nothing: object) -> None:
    assert seconds_of(nothing) is None

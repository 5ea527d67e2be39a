"""Messages in somebody's own SQLite file: which tables hold them, and the same content in the form that the rest understands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from loadstone.errors import UsageError
from loadstone.synth.messages import INDEXES, SCHEMA

# What each part is usually called, the likeliest first.
MESSAGES = ("messages", "message", "chat_messages", "posts", "post", "msgs", "events", "comments")
CHANNELS = ("channels", "channel", "rooms", "conversations", "chats", "groups")
USERS = ("users", "user", "members", "authors", "people", "accounts", "participants")
TEXT = ("text", "content", "body", "message", "message_text", "msg")
AUTHOR = ("user_id", "author_id", "sender_id", "member_id", "user", "author", "sender", "username", "user_name", "from_user")
CHANNEL = ("channel_id", "room_id", "conversation_id", "chat_id", "group_id", "channel", "room", "channel_name", "conversation")
TIME = ("created_at", "timestamp", "sent_at", "created", "time", "ts", "date", "datetime", "posted_at")
THREAD = ("thread_id", "parent_id", "reply_to", "reply_to_id", "thread")
KEY = ("id", "message_id", "user_id", "channel_id", "room_id", "member_id", "author_id", "uuid")
NAME = ("name", "username", "user_name", "display_name", "channel_name", "title", "handle", "login")
MILLIS = 1e11  # plain numbers above are milliseconds since 1970: in seconds that would be the year 5138
NOBODY = "unknown"


@dataclass(frozen=True, slots=True)
class Tables:
    """Where things are: tables, and columns of the table of messages; "" for what is not there."""

    messages: str
    text: str
    author: str
    channel: str
    time: str
    key: str
    thread: str
    users: tuple[str, str, str] | None  # table, key, name
    channels: tuple[str, str, str] | None


def opened(path: Path) -> sqlite3.Connection:
    """The file, to read only; raises UsageError when it is missing or no database."""
    if not path.is_file():
        raise UsageError("there is no such file", where=str(path), hint="--database with the path of a SQLite file, or without it")
    connection = None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
        connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise UsageError(
            f"cannot be read as SQLite: {error}", where=str(path), hint="a SQLite file, with its -wal file beside it"
        ) from None
    return connection


def find_tables(connection: sqlite3.Connection, where: str) -> Tables:
    """The tables by their names and columns; raises UsageError that lists what is there and what is missing."""
    kept = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
    there = {name: [row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(name)})")] for (name,) in connection.execute(kept)}
    candidates = [name for name in _like(there, MESSAGES) or there if _like(there[name], TEXT)]
    messages = max(candidates, key=lambda name: sum(bool(_like(there[name], words)) for words in (AUTHOR, CHANNEL, TIME)), default="")
    if not messages:
        listed = "; ".join(f"{name} ({', '.join(columns)})" for name, columns in there.items()) or "no table at all"
        what = f"has no table of messages with a column of text; it has {listed[:600]}"
        raise UsageError(what, where=where, hint="a table messages with the columns id, user_id, channel_id, created_at and text")
    columns = there[messages]
    found = {name: next(iter(_like(columns, words)), "") for name, words in (("author", AUTHOR), ("channel", CHANNEL), ("time", TIME))}
    if missing := [name for name in ("author", "time") if not found[name]]:
        words = {"author": AUTHOR, "time": TIME}[missing[0]]
        what = f"its table {messages} has no column for the {' and the '.join(missing)}; it has {', '.join(columns)}"
        raise UsageError(what, where=where, hint=f"a view with a column called {words[0]}")
    others = {name: own for name, own in there.items() if name != messages}
    return Tables(
        messages,
        _like(columns, TEXT)[0],
        found["author"],
        found["channel"],
        found["time"],
        next(iter(_like(columns, ("id", "message_id", "uuid"))), "rowid"),
        next(iter(_like(columns, THREAD)), ""),
        _names(others, USERS),
        _names(others, CHANNELS),
    )


def adopt(source: Path, path: Path) -> Path:
    """Copy the messages of a file into one of our own form; the source is only read.

    raises: UsageError when it has no messages, or cannot be read
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with closing(opened(source)) as theirs, closing(sqlite3.connect(partial)) as ours, ours:
            ours.execute("PRAGMA synchronous=OFF")
            ours.executescript(SCHEMA)
            _copy(theirs, ours, find_tables(theirs, str(source)), str(source))
            ours.executescript(INDEXES)
        partial.replace(path)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"could not be read whole: {error}", where=str(source)) from None
    except UsageError:
        partial.unlink(missing_ok=True)
        raise
    return path


def _copy(theirs: sqlite3.Connection, ours: sqlite3.Connection, tables: Tables, where: str) -> None:
    users, channels = _Register(_known(theirs, tables.users)), _Register(_known(theirs, tables.channels))
    keys: dict[Any, int] = {}
    answers: list[tuple[Any, int]] = []
    ours.executemany("INSERT INTO messages VALUES (?, ?, ?, NULL, ?, NULL, ?)", _rows(theirs, tables, users, channels, keys, answers))
    if not keys:
        raise UsageError(f"its table {tables.messages} has no messages with a text and a time", where=where)
    ours.executemany("INSERT INTO users VALUES (?, ?, '', 0)", users.rows())
    ours.executemany("INSERT INTO channels VALUES (?, ?, '')", channels.rows())
    threads = [(keys[parent], number) for parent, number in answers if parent in keys]  # a parent may stand after its answers
    ours.executemany("UPDATE messages SET thread_id = ? WHERE id = ?", threads)
    ours.execute("INSERT INTO about VALUES ('source', ?)", (Path(where).name,))
    named = {name.lower(): number for number, name in users.rows()}
    said = ours.execute("SELECT id, text FROM messages WHERE text LIKE '%@%'").fetchall()
    words = ((number, word[1:].rstrip(".,:;!?").lower()) for number, text in said for word in text.split() if word.startswith("@"))
    ours.executemany("INSERT INTO mentions VALUES (?, ?)", [(number, named[word]) for number, word in words if word in named])


def _rows(
    theirs: sqlite3.Connection, tables: Tables, users: _Register, channels: _Register, keys: dict[Any, int], answers: list[tuple[Any, int]]
) -> Iterator[tuple[object, ...]]:
    columns = (tables.key, tables.channel, tables.author, tables.thread, tables.time, tables.text)
    asked = ", ".join(_quoted(name) if name else "NULL" for name in columns)
    order = f"ORDER BY {_quoted(tables.time)}"
    # Names of tables and columns come from the file's own schema, quoted.
    for key, channel, author, thread, moment, text in theirs.execute(f"SELECT {asked} FROM {_quoted(tables.messages)} {order}"):  # noqa: S608
        when = seconds_of(moment)
        if when is None or not isinstance(text, str) or not text.strip():
            continue
        number = keys[key] = len(keys) + 1
        if thread is not None:
            answers.append((thread, number))
        yield number, channels.number(channel), users.number(author), when, text


class _Register:
    """Numbers for users or channels, whose names are unique and fit for a question: no blanks."""

    def __init__(self, known: Mapping[Any, str]) -> None:
        self._known, self._numbers, self._names = known, {}, {}  # type: Mapping[Any, str], dict[Any, int], dict[str, int]

    def number(self, key: Any) -> int:
        """The number of whoever has this key, or is called so."""
        found = self._numbers.get(key)
        if found is None:
            name = "-".join(str(self._known.get(key, key if key is not None else NOBODY)).strip("#@ ").split()) or NOBODY
            unique = name if name not in self._names else f"{name}-{len(self._names) + 1}"
            found = self._numbers[key] = self._names[unique] = len(self._names) + 1
        return found

    def rows(self) -> list[tuple[int, str]]:
        """(number, name) of all."""
        return [(number, name) for name, number in self._names.items()]


def seconds_of(moment: Any) -> float | None:
    """Seconds since 1970 of a number (seconds or milliseconds) or an ISO 8601 text; None for what is no time."""
    try:
        value = float(moment)
    except (TypeError, ValueError):
        try:
            time = datetime.fromisoformat(str(moment).strip())
        except ValueError:
            return None
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return value / 1e3 if value > MILLIS else value if value > 0 else None


def _known(connection: sqlite3.Connection, table: tuple[str, str, str] | None) -> dict[Any, str]:
    if table is None:
        return {}
    name, key, shown = map(_quoted, table)
    return {key: str(value) for key, value in connection.execute(f"SELECT {key}, {shown} FROM {name}") if value is not None}  # noqa: S608


def _names(there: Mapping[str, Sequence[str]], words: Sequence[str]) -> tuple[str, str, str] | None:
    for table in _like(there, words):
        keys, names = _like(there[table], KEY), _like(there[table], NAME)
        if keys and names:
            return table, keys[0], names[0]
    return None


def _like(there: Sequence[str] | Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Names that are among the words, in any case, in the order of the words."""
    by_name = {name.lower(): name for name in there}
    return [by_name[word] for word in words if word in by_name]


def _quoted(name: str) -> str:
    return name if name == "rowid" else '"' + name.replace('"', '""') + '"'

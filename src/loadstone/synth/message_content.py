"""What is in a message database: who writes how much, where, when and about what."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loadstone.errors import UsageError
from loadstone.synth.message_tables import opened

PHASES = ("messages", "channels", "users", "activity", "topics")
MOST_NAMED = 40
_WORD = re.compile(r"[^\W\d_]{4,}")
# Words that say nothing about a topic, of the languages that are met most.
_COMMON_WORDS = (
    "about after again also anybody avec because been before changes could dans does down eine each ensure every find from "
    "going good have hier into itself just keep know like line look looked made make more most move much need next nicht only "
    "open over please some than thanks that their them then there they this those time today tomorrow under until very want "
    "wegen week well were what when which while with would write wrote year your estaba para pour noch schon think works "
    "worse drop done monday tuesday wednesday thursday friday saturday sunday heads hours minutes questions decided proposal "
    "quick help review reminder give agreed sounds late morning seconds fixed went owns change blocks bring sure"
)
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Content:
    """Figures of one database.

    channels, users: (name, messages), the busiest first, at most 40
    hours, weekdays: messages in each hour (UTC) and on each day from Monday
    topics:          (word, messages with it), the most frequent that are no common words
    """

    messages: int
    channel_count: int
    user_count: int
    first_day: str
    last_day: str
    channels: tuple[tuple[str, int], ...]
    users: tuple[tuple[str, int], ...]
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    replies: int
    topics: tuple[tuple[str, int], ...]

    def told(self) -> str:
        """One line for people."""
        busiest = f"most in #{self.channels[0][0]}, most by @{self.users[0][0]}"
        hour = max(range(24), key=lambda index: self.hours[index])
        words = ", ".join(word for word, _ in self.topics[:4]) or "nothing that stands out"
        return (
            f"{self.messages:,} messages in {self.channel_count:,} channels by {self.user_count:,} users,"
            f" {self.first_day} to {self.last_day}; {busiest}, most at {hour}:00 UTC; about {words}"
        )


def analyse(path: Path, progress: Callable[[str], None] = lambda _phase: None) -> Content:
    """Read a database that `make_messages` or `adopt` made, in five phases.

    progress: is told each phase as it begins
    raises:   UsageError when there are no messages in it
    """
    try:
        with closing(opened(path)) as connection:
            return _read(connection, progress)
    except sqlite3.Error as error:
        raise UsageError(f"is no message database of ours: {error}", where=str(path), hint="remove it, and it is made anew") from None


def _read(connection: sqlite3.Connection, progress: Callable[[str], None]) -> Content:
    progress(PHASES[0])
    total, replies, first, last = connection.execute(
        "SELECT count(*), count(thread_id), min(created_at), max(created_at) FROM messages"
    ).fetchone()
    if not total:
        raise UsageError("has no messages", where="database")
    progress(PHASES[1])
    channels = _busiest(connection, "channels", "channel_id")
    progress(PHASES[2])
    users = _busiest(connection, "users", "user_id")
    progress(PHASES[3])
    hours, weekdays = [0] * 24, [0] * 7
    grid = (
        "SELECT CAST(created_at / 3600 AS INTEGER) % 24, (CAST(created_at / 86400 AS INTEGER) + 3) % 7, count(*)"
        " FROM messages GROUP BY 1, 2"  # 1970 began on a Thursday
    )
    for hour, weekday, count in connection.execute(grid):
        hours[hour] += count
        weekdays[weekday] += count
    progress(PHASES[4])
    return Content(
        total,
        len(channels),
        len(users),
        day_of(first),
        day_of(last),
        tuple(channels[:MOST_NAMED]),
        tuple(users[:MOST_NAMED]),
        tuple(hours),
        tuple(weekdays),
        replies,
        _topics(connection),
    )


def day_of(moment: float) -> str:
    """The day of a time, as 2024-03-14, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def words_of(text: str) -> set[str]:
    """The words of a text that may say what it is about, in lower case."""
    return {word for word in _WORD.findall(text.lower()) if word not in _COMMON}


def _busiest(connection: sqlite3.Connection, table: str, column: str) -> list[tuple[str, int]]:
    asked = f"SELECT name, count(*) FROM messages JOIN {table} ON {table}.id = {column} GROUP BY {table}.id ORDER BY 2 DESC, 1"  # noqa: S608
    return [(name, count) for name, count in connection.execute(asked)]


def _topics(connection: sqlite3.Connection) -> tuple[tuple[str, int], ...]:
    found: Counter[str] = Counter()
    for (text,) in connection.execute("SELECT text FROM messages"):
        found.update(words_of(text))
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_NAMED])

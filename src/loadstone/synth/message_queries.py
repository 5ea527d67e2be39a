"""Questions about a message database, in the words of its users, with what a right answer must mention where that can be counted."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loadstone.errors import UsageError
from loadstone.synth.message_content import Content
from loadstone.synth.message_tables import opened

# kind -> the agent that answers it, which is also the critical path that it lies on
AGENTS: Mapping[str, str] = {
    "count": "server_analysis",
    "trend": "server_analysis",
    "search": "semantic_search",
    "user": "user_analysis",
    "digest": "digest_generation",
}
KINDS = tuple(AGENTS)
DIGEST_DAYS = 7


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    expect: texts that a right answer contains, in any case and without separators of thousands; empty where nobody can say
    """

    kind: str
    text: str
    expect: tuple[str, ...] = ()

    @property
    def agent(self) -> str:
        """Who answers it."""
        return AGENTS[self.kind]


def make_queries(path: Path, content: Content, count: int = 50, seed: int = 1) -> list[Query]:
    """Questions of all kinds by turns, about channels, users, words and days that exist; the same for the same database and seed.

    raises: UsageError when none is asked for
    """
    if count < 1:
        raise UsageError(f"{count} queries cannot be asked", where="query count", hint="50")
    rng = random.Random(f"queries {seed}")
    with closing(opened(path)) as connection:
        return [_MAKERS[kind](connection, content, rng) for kind in (KINDS[index % len(KINDS)] for index in range(count))]


def _count(connection: sqlite3.Connection, content: Content, rng: random.Random) -> Query:
    about = rng.choice(("channel", "user", "word") if content.topics else ("channel", "user"))
    if about == "channel":
        name, found = rng.choice(content.channels)
        return Query("count", f"How many messages are there in #{name}?", (str(found),))
    if about == "user":
        name, found = rng.choice(content.users)
        return Query("count", f"How many messages did @{name} write?", (str(found),))
    word = rng.choice(content.topics)[0]
    (found,) = connection.execute("SELECT count(*) FROM messages WHERE instr(lower(text), ?)", (word,)).fetchone()
    return Query("count", f'How many messages contain "{word}"?', (str(found),) if word.isascii() else ())


def _trend(connection: sqlite3.Connection, content: Content, rng: random.Random) -> Query:
    name = rng.choice(content.channels)[0]
    months = connection.execute(
        "SELECT strftime('%Y-%m', created_at, 'unixepoch'), count(*) FROM messages JOIN channels ON channels.id = channel_id"
        " WHERE name = ? GROUP BY 1 ORDER BY 2 DESC LIMIT 2",
        (name,),
    ).fetchall()
    clear = len(months) < 2 or months[0][1] > months[1][1]
    return Query("trend", f"What is the trend by month in #{name}?", (months[0][0],) if clear else ())


def _search(_: sqlite3.Connection, content: Content, rng: random.Random) -> Query:
    if not content.topics:
        return Query("search", f"Find messages of @{rng.choice(content.users)[0]}")
    word = rng.choice(content.topics)[0]
    return Query("search", f"Find messages about {word}", (word,))


def _user(connection: sqlite3.Connection, content: Content, rng: random.Random) -> Query:
    name, found = rng.choice(content.users)
    places = connection.execute(
        "SELECT channels.name, count(*) FROM messages JOIN channels ON channels.id = channel_id JOIN users ON users.id = user_id"
        " WHERE users.name = ? GROUP BY 1 ORDER BY 2 DESC LIMIT 2",
        (name,),
    ).fetchall()
    clear = len(places) < 2 or places[0][1] > places[1][1]
    return Query("user", f"What does @{name} do here, and where?", (str(found), places[0][0]) if clear else (str(found),))


def _digest(connection: sqlite3.Connection, content: Content, rng: random.Random) -> Query:
    name = rng.choice(content.channels)[0]
    first, last = (datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) for day in (content.first_day, content.last_day))
    begin = first + timedelta(days=rng.randrange(max(1, (last - first).days - DIGEST_DAYS + 1)))
    end = begin + timedelta(days=DIGEST_DAYS)
    (found,) = connection.execute(
        "SELECT count(*) FROM messages JOIN channels ON channels.id = channel_id WHERE name = ? AND created_at >= ? AND created_at < ?",
        (name, begin.timestamp(), end.timestamp()),
    ).fetchone()
    return Query("digest", f"Write a digest of #{name} from {begin:%Y-%m-%d} until {end:%Y-%m-%d}", (str(found),))


_MAKERS: Mapping[str, Callable[[sqlite3.Connection, Content, random.Random], Query]] = {
    "count": _count,
    "trend": _trend,
    "search": _search,
    "user": _user,
    "digest": _digest,
}

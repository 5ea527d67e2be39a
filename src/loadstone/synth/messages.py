"""A message database as a busy workplace leaves it: seeded, without a network, the same file for the same numbers.

Few people write most (Zipf), on working days and at daytime of their own time zone; messages answer each other in threads, mention people,
carry emoji, come in six languages, and now and then are edited.
"""

from __future__ import annotations

import random
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from loadstone.errors import UsageError
from loadstone.synth.phrases import CHANNELS, EMOJI, FIRST_NAMES, PHRASES, SHARES, TOPICS

VERSION = 1  # of what the same numbers give
BEGIN_S = 1_704_067_200  # 2024-01-01 00:00 UTC, a Monday
DAY_S = 86_400
# How much is written in each hour of a writer's day, and on each day of the week from Monday.
HOURS = (1, 1, 1, 1, 1, 2, 4, 9, 22, 38, 42, 36, 20, 28, 38, 40, 34, 24, 12, 8, 7, 6, 4, 2)
WEEKDAYS = (1.1, 1.15, 1.15, 1.1, 0.9, 0.12, 0.1)
REPLIES, MENTIONS, WITH_EMOJI, EDITS, LONG = 0.35, 0.12, 0.14, 0.03, 0.04
ZIPF = 1.05
SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE channels (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, topic TEXT NOT NULL);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, language TEXT NOT NULL, zone_hours INTEGER NOT NULL);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY, channel_id INTEGER NOT NULL REFERENCES channels(id), user_id INTEGER NOT NULL REFERENCES users(id),
  thread_id INTEGER REFERENCES messages(id), created_at REAL NOT NULL, edited_at REAL, text TEXT NOT NULL);
CREATE TABLE mentions (message_id INTEGER NOT NULL REFERENCES messages(id), user_id INTEGER NOT NULL REFERENCES users(id));
"""
INDEXES = """
CREATE INDEX messages_of_channel ON messages(channel_id, created_at);
CREATE INDEX messages_of_user ON messages(user_id, created_at);
CREATE INDEX messages_of_thread ON messages(thread_id, user_id);
CREATE INDEX messages_by_time ON messages(created_at);
CREATE INDEX mentions_of_user ON mentions(user_id);
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to be.

    raises: UsageError for numbers that no workplace has
    """

    messages: int = 15_000
    users: int = 240
    channels: int = 20
    days: int = 180

    def __post_init__(self) -> None:
        for name, least, most in (("messages", 1, 5_000_000), ("users", 2, 100_000), ("channels", 1, 10_000), ("days", 1, 3650)):
            if not least <= getattr(self, name) <= most:
                what = f"must be from {least:,} to {most:,}, not {getattr(self, name):,}"
                raise UsageError(what, where=f"Size.{name}", hint=f"{name}={getattr(Size, name, least)}")


@dataclass(frozen=True, slots=True)
class _Person:
    id: int
    name: str
    language: str
    zone_hours: int


@dataclass(frozen=True, slots=True)
class _Channel:
    id: int
    name: str
    topic: str


def make_messages(path: Path, size: Size | None = None, seed: int = 1) -> Path:
    """Write the database to a file, whole or not at all; one that is there already is replaced.

    raises: UsageError when the file cannot be written
    """
    size = size or Size()
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial)) as connection, connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.executescript(SCHEMA)
            _fill(connection, size, random.Random(f"messages {VERSION} {seed}"))
            about = {"version": VERSION, "seed": seed, "messages": size.messages}
            connection.executemany("INSERT INTO about VALUES (?, ?)", [(key, str(value)) for key, value in about.items()])
            connection.executescript(INDEXES)
        partial.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f"cannot be written: {error}", where=str(path), hint="another folder") from None
    return path


def _fill(connection: sqlite3.Connection, size: Size, rng: random.Random) -> None:
    channels = list(_channels(size.channels))
    people = list(_people(size.users, rng))
    connection.executemany("INSERT INTO channels VALUES (?, ?, ?)", [(each.id, each.name, each.topic) for each in channels])
    rows = [(each.id, each.name, each.language, each.zone_hours) for each in people]
    connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", rows)
    mentions: list[tuple[int, int]] = []
    written = _messages(size, channels, people, mentions, rng)
    connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)", written)
    connection.executemany("INSERT INTO mentions VALUES (?, ?)", mentions)


def _channels(count: int) -> Iterator[_Channel]:
    for index in range(count):
        name, topic = CHANNELS[index % len(CHANNELS)]
        yield _Channel(index + 1, name if index < len(CHANNELS) else f"{name}-{index // len(CHANNELS) + 1}", topic)


def _people(count: int, rng: random.Random) -> Iterator[_Person]:
    names = FIRST_NAMES.split()
    languages, weights = list(SHARES), list(SHARES.values())
    for index in range(count):
        name = names[index] if index < len(names) else f"{names[index % len(names)]}-{index // len(names) + 1}"
        yield _Person(index + 1, name, rng.choices(languages, weights)[0], rng.choice((-8, -5, 0, 0, 1, 1, 1, 2, 3, 9)))


def _drawer(weights: Sequence[float], rng: random.Random) -> Callable[[], int]:
    """Draws indexes by weight."""
    ends = list(accumulate(weights))
    return lambda: bisect_left(ends, rng.random() * ends[-1])


def _times(size: Size, people: list[_Person], rng: random.Random) -> list[tuple[float, int]]:
    """(when, who), in order of time."""
    person = _drawer([1 / (rank + 1) ** ZIPF for rank in range(len(people))], rng)
    hour = _drawer(HOURS, rng)
    day = _drawer([WEEKDAYS[index % 7] * (1 + 0.5 * index / size.days) for index in range(size.days)], rng)
    found = []
    for _ in range(size.messages):
        who = person()
        moment = BEGIN_S + day() * DAY_S + (hour() - people[who].zone_hours) * 3600 + rng.random() * 3600
        found.append((round(moment, 3), who))
    return sorted(found)


def _messages(
    size: Size, channels: list[_Channel], people: list[_Person], mentions: list[tuple[int, int]], rng: random.Random
) -> Iterator[tuple[int, int, int, int | None, float, float | None, str]]:
    popular = _drawer([1 / (rank + 1) ** 0.8 for rank in range(len(channels))], rng)
    favourites = [[popular() for _ in range(3)] for _ in people]
    latest: dict[int, list[int]] = {}  # channel -> threads that are still talked in
    for number, (moment, who) in enumerate(_times(size, people, rng), 1):
        channel = channels[rng.choice(favourites[who]) if rng.random() < 0.8 else popular()]
        threads = latest.setdefault(channel.id, [])
        thread = rng.choice(threads) if threads and rng.random() < REPLIES else None
        if thread is None:
            threads.append(number)
            del threads[:-6]
        text = _text(people[who], channel, rng, answer=thread is not None)
        if rng.random() < MENTIONS:
            other = people[min(int(rng.expovariate(0.1)), len(people) - 1)]
            text = f"@{other.name} {text}"
            mentions.append((number, other.id))
        edited = round(moment + rng.expovariate(1 / 300), 3) if rng.random() < EDITS else None
        yield number, channel.id, people[who].id, thread, moment, edited, text


def _text(person: _Person, channel: _Channel, rng: random.Random, *, answer: bool) -> str:
    language = person.language if rng.random() < 0.7 else "en"
    phrases, short = PHRASES[language]
    if answer and rng.random() < 0.4:
        parts = [rng.choice(short)]
    else:
        count = rng.randint(8, 20) if rng.random() < LONG else rng.choice((1, 1, 1, 2, 2, 3))
        parts = [_phrase(rng.choice(phrases), channel.topic, rng) for _ in range(count)]
    if rng.random() < WITH_EMOJI:
        parts.append(rng.choice(EMOJI))
    return " ".join(parts)


def _phrase(phrase: str, topic: str, rng: random.Random) -> str:
    nouns = TOPICS[topic] if rng.random() < 0.85 else TOPICS[rng.choice(list(TOPICS))]
    noun, other = rng.sample(nouns, 2)
    return phrase.format(noun=noun, noun2=other, number=rng.randint(2, 48))

"""The bot's four agents: each computes its answer from the messages, every time anew."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from loadstone.reference.bodies import Refusal
from loadstone.reference.bot.message_base import MessageBase
from loadstone.reference.bot.question import Question
from loadstone.reference.bot.search_index import SearchIndex

MOST_FOUND = 8
MOST_READ = 600  # texts of a user that are read for what they are about
MOST_DIGESTED = 600  # the latest messages of a digest
HIGHLIGHTS = 5
_LONG_WORD = re.compile(r"[^\W\d_]{5,}")


@dataclass(frozen=True, slots=True)
class Finding:
    """What an agent found.

    answer:  in words
    facts:   the same in numbers and names
    sources: ids of the messages that it stands on
    asked:   other agents that helped
    """

    answer: str
    facts: dict[str, Any] = field(default_factory=dict)
    sources: list[int] = field(default_factory=list)
    asked: tuple[str, ...] = ()


def server_analysis(base: MessageBase, question: Question) -> Finding:
    """How much is written where, by whom and when; by month for a trend."""
    where, values = _chosen(base, question)
    whole = f"SELECT count(*), min(created_at), max(created_at) FROM messages {where}"  # noqa: S608
    ((total, first, last),) = base.rows(whole, *values)
    if not total:
        return Finding("There are 0 messages like that.", {"messages": 0})
    months = _counted(base, "strftime('%Y-%m', created_at, 'unixepoch')", where, values, "ORDER BY 1")
    channels = _named(base, "channels", _counted(base, "channel_id", where, values, "ORDER BY 2 DESC LIMIT 5"))
    users = _named(base, "users", _counted(base, "user_id", where, values, "ORDER BY 2 DESC LIMIT 5"))
    hours = _counted(base, "CAST(created_at / 3600 AS INTEGER) % 24", where, values, "ORDER BY 2 DESC LIMIT 1")
    peak = max(months, key=lambda row: row[1])
    slope = float(np.polyfit(range(len(months)), [count for _, count in months], 1)[0]) if len(months) > 1 else 0.0
    facts = {
        "messages": total,
        "first_s": first,
        "last_s": last,
        "months": dict(months),
        "peak_month": peak[0],
        "per_month": round(slope, 1),
        "channels": dict(channels),
        "users": dict(users),
        "busiest_hour": hours[0][0],
    }
    way = "growing" if slope > 0.05 else "falling" if slope < -0.05 else "steady"
    answer = (
        f"There are {total} messages. The month with the most is {peak[0]} with {peak[1]}; the trend is {way} by {abs(slope):.1f} a month."
        f" Most are in #{channels[0][0]} and by @{users[0][0]}, and the busiest hour is {hours[0][0]}:00 UTC."
    )
    return Finding(answer, facts)


def semantic_search(base: MessageBase, question: Question) -> Finding:
    """The messages that are most like the question."""
    nearest = base.index.nearest(_LEADING.sub("", question.text), MOST_FOUND)
    found = []
    for row, score in nearest:
        ((text, user, channel),) = base.rows(
            "SELECT text, users.name, channels.name FROM messages"
            " JOIN users ON users.id = user_id JOIN channels ON channels.id = channel_id"
            " WHERE messages.id = ?",
            base.ids[row],
        )
        found.append({"id": base.ids[row], "score": round(score, 4), "user": user, "channel": channel, "text": text[:500]})
    if not found:
        return Finding("Nothing like that was ever written.", {"found": []})
    told = " | ".join(f"@{each['user']} in #{each['channel']}: {each['text'][:200]}" for each in found[:3])
    return Finding(f"{len(found)} messages are like that. {told}", {"found": found}, [each["id"] for each in found])


_LEADING = re.compile(r"^\s*(?:please\s+)?(?:find|search for|search|look for)\s+(?:messages\s+)?(?:about\s+)?", re.IGNORECASE)


def user_analysis(base: MessageBase, question: Question) -> Finding:
    """What one user does: how much, where, when, with whom and about what."""
    if question.user is None:
        raise Refusal(400, "names no user: write @name", param="text")
    known = base.rows("SELECT id FROM users WHERE name = ?", question.user)
    if not known:
        raise Refusal(404, f"there is no user @{question.user[:40]}", code="not_found")
    ((number,),) = known
    ((total, replies),) = base.rows("SELECT count(*), count(thread_id) FROM messages WHERE user_id = ?", number)
    if not total:
        return Finding(f"@{question.user} wrote 0 messages.", {"messages": 0})
    places = base.rows(
        "SELECT name, count(*) FROM messages JOIN channels ON channels.id = channel_id"
        " WHERE user_id = ? GROUP BY 1 ORDER BY 2 DESC LIMIT 3",
        number,
    )
    hours = base.rows(
        "SELECT CAST(created_at / 3600 AS INTEGER) % 24, count(*) FROM messages WHERE user_id = ? GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
        number,
    )
    texts = base.rows("SELECT text FROM messages WHERE user_id = ? ORDER BY created_at DESC LIMIT ?", number, MOST_READ)
    said = Counter(word for (text,) in texts for word in set(_LONG_WORD.findall(text.lower())))
    words = sorted(said, key=lambda word: (-said[word] * (base.index.rarity(word) - 1) ** 2, word))[:6]
    ((mentioned,),) = base.rows("SELECT count(*) FROM mentions WHERE user_id = ?", number)
    company = base.rows(
        "SELECT users.name, count(*) FROM messages AS theirs JOIN messages AS mine ON theirs.thread_id = mine.thread_id"
        " JOIN users ON users.id = theirs.user_id WHERE mine.user_id = ? AND theirs.user_id <> mine.user_id"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3",
        number,
    )
    facts = {
        "messages": total,
        "channels": dict(places),
        "busiest_hour": hours[0][0],
        "words": words,
        "replies": replies,
        "mentioned": mentioned,
        "talks_with": [name for name, _ in company],
    }
    answer = (
        f"@{question.user} wrote {total} messages, {replies} of them answers, most in #{places[0][0]} and around {hours[0][0]}:00 UTC,"
        f" about {', '.join(words[:3]) or 'little'}; was mentioned {mentioned} times."
    )
    return Finding(answer, facts)


def digest_generation(base: MessageBase, question: Question) -> Finding:
    """The messages that stand for all of a channel and time: each most like the whole, and unlike those chosen before."""
    where, values = _chosen(base, question)
    ((total,),) = base.rows(f"SELECT count(*) FROM messages {where}", *values)  # noqa: S608
    if not total:
        return Finding("There were 0 messages.", {"messages": 0, "highlights": []})
    latest = f"SELECT id, user_id, text FROM messages {where} ORDER BY created_at DESC LIMIT {MOST_DIGESTED}"  # noqa: S608
    rows = [(number, user, text) for number, user, text in base.rows(latest, *values)]
    texts = [text for *_, text in rows]
    index = SearchIndex(texts)
    likeness = index.scores(" ".join(text[:400] for text in texts))
    highlights = []
    for _ in range(min(HIGHLIGHTS, len(rows))):
        best = int(np.argmax(likeness))
        highlights.append({"id": rows[best][0], "user": _name(base, "users", rows[best][1]), "text": texts[best][:300]})
        likeness = likeness - 0.7 * index.scores(texts[best])  # maximal marginal relevance, Carbonell & Goldstein 1998
        likeness[best] = -np.inf
    writers = Counter(user for _, user, _ in rows)
    people = _named(base, "users", writers.most_common(3))
    told = " ".join(f"@{each['user']}: {each['text'][:160]}" for each in highlights)
    answer = f"{total} messages by {len(writers)} people, most by @{people[0][0]}. {told}"
    facts = {"messages": total, "people": dict(people), "highlights": highlights}
    return Finding(answer, facts, [each["id"] for each in highlights], ("semantic_search",))


AGENTS: Mapping[str, Callable[[MessageBase, Question], Finding]] = {
    "server_analysis": server_analysis,
    "semantic_search": semantic_search,
    "user_analysis": user_analysis,
    "digest_generation": digest_generation,
}


def _chosen(base: MessageBase, question: Question) -> tuple[str, list[Any]]:
    """The messages that a question is about, as SQL; raises Refusal 404 for a channel or user that nobody knows."""
    clauses, values = [], []
    for table, mark, name in (("channels", "#", question.channel), ("users", "@", question.user)):
        if name is not None:
            known = base.rows(f"SELECT id FROM {table} WHERE name = ?", name)  # noqa: S608  one of two names of ours
            if not known:
                raise Refusal(404, f"there is nothing called {mark}{name[:40]}", code="not_found")
            clauses.append("channel_id = ?" if table == "channels" else "user_id = ?")
            values.append(known[0][0])
    words = question.words[0].lower() if question.words else None
    for clause, value in (("created_at >= ?", question.begin_s), ("created_at < ?", question.end_s), ("instr(lower(text), ?)", words)):
        if value is not None:
            clauses.append(clause)
            values.append(value)
    return f"WHERE {' AND '.join(clauses)}" if clauses else "", values


def _counted(base: MessageBase, by: str, where: str, values: list[Any], order: str) -> list[tuple[Any, int]]:
    """Messages by an expression of ours."""
    rows = base.rows(f"SELECT {by}, count(*) FROM messages {where} GROUP BY 1 {order}", *values)  # noqa: S608
    return [(key, count) for key, count in rows]


def _named(base: MessageBase, table: str, counts: list[tuple[Any, int]]) -> list[tuple[str, int]]:
    """The same by name."""
    return [(_name(base, table, number), count) for number, count in counts]


def _name(base: MessageBase, table: str, number: int) -> str:
    ((name,),) = base.rows(f"SELECT name FROM {table} WHERE id = ?", number)  # noqa: S608
    return str(name)

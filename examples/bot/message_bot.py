"""A bot of one's own over one's own messages: loadstone run bot --call message_bot:ask --database board.db

It answers from the file that MESSAGE_BOT_DB names, whose tables are called otherwise than ours: posts, rooms, people.
"""

import os
import re
import sqlite3
from contextlib import closing

WORD = r"(?:about |contain \")([^\W\d_]+)"
FROM = "FROM posts JOIN people ON people.id = author_id JOIN rooms ON rooms.id = room_id"


def ask(question: str, agent: str = "") -> dict[str, object]:
    """Answer a question; ValueError says that it is none."""
    if not isinstance(question, str) or not question.strip():
        raise ValueError("what is the question?")
    answer = "\n".join(_lines(question[:2000]))
    return {"answer": answer, "agents": [{"agent": agent or "all", "calls": 1}]}


def clean_up(part: str, user: int) -> None:
    """Called once for each user of the load, also when the run is stopped."""


def _lines(question: str) -> list[str]:
    where, values = _asked(question)
    with closing(sqlite3.connect(f"file:{os.environ.get('MESSAGE_BOT_DB', 'board.db')}?mode=ro", uri=True)) as board:

        def most(what: str) -> list[str]:
            found = board.execute(f"SELECT {what}, count(*) {FROM} WHERE {where} GROUP BY 1 ORDER BY 2 DESC LIMIT 1", values)
            return [f"most in {name}" for name, _ in found]

        (count,) = board.execute(f"SELECT count(*) {FROM} WHERE {where}", values).fetchone()
        return [f"{count} posts", *most("substr(sent_at, 1, 7)"), *most("rooms.title"), *re.findall(WORD, question)]


def _asked(question: str) -> tuple[str, list[str]]:
    """What a question is about, as a condition with its values."""
    clauses = {
        "people.handle = ?": re.findall(r"@([\w.-]+)", question)[:1],
        "rooms.title = ?": re.findall(r"#([\w.-]+)", question)[:1],
        "instr(lower(body), lower(?))": re.findall(WORD, question)[:1],
        "sent_at >= ? AND sent_at < ?": re.findall(r"\d{4}-\d\d-\d\d", question)[:2],
    }
    there = {clause: values for clause, values in clauses.items() if len(values) == clause.count("?")}
    return " AND ".join(["1", *there]), [value for values in there.values() for value in values]

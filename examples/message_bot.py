"""A bot of one's own over one's own messages, as a callable: loadstone run bot --call message_bot:ask --database board.db

It answers from the file that MESSAGE_BOT_DB names, whose tables are called otherwise than ours: posts, rooms, people.
"""

import os
import re
import sqlite3
from contextlib import closing

COUNTED = "SELECT count(*) FROM posts JOIN people ON people.id = author_id JOIN rooms ON rooms.id = room_id"


def ask(question: str, agent: str = "") -> dict[str, object]:
    """Answer a question; ValueError says that it is none."""
    if not isinstance(question, str) or not question.strip():
        raise ValueError("what is the question?")
    answer = "\n".join(line for line in _lines(question[:2000]) if line) or "I found nothing."
    return {"answer": answer, "agents": [{"agent": agent or "all", "calls": 1}]}


def clean_up(part: str, user: int) -> None:
    """Called once for each user of the load, also when the run is stopped."""


def _lines(question: str) -> list[str]:
    with closing(sqlite3.connect(f"file:{os.environ.get('MESSAGE_BOT_DB', 'board.db')}?mode=ro", uri=True)) as board:
        person, room = (re.search(rf"{sign}([\w.-]+)", question) for sign in "@#")
        dates = re.findall(r"\d{4}-\d\d-\d\d", question)
        word = re.search(r"(?:about |contain \")([^\W\d_]+)", question)
        where, values = ["1"], []
        for clause, found in (("people.handle = ?", person), ("rooms.title = ?", room)):
            if found:
                where.append(clause)
                values.append(found[1])
        if word:
            where.append("instr(lower(body), ?)")
            values.append(word[1].lower())
        if len(dates) == 2:
            where.append("sent_at >= ? AND sent_at < ?")
            values += dates
        these = f"{COUNTED} WHERE {' AND '.join(where)}"
        (count,) = board.execute(these, values).fetchone()
        busiest = (
            "SELECT {0}, count(*) FROM posts JOIN people ON people.id = author_id JOIN rooms ON rooms.id = room_id WHERE "
            + " AND ".join(where)
        )
        months = board.execute(busiest.format("substr(sent_at, 1, 7)") + " GROUP BY 1 ORDER BY 2 DESC LIMIT 1", values).fetchall()
        rooms = board.execute(busiest.format("rooms.title") + " GROUP BY 1 ORDER BY 2 DESC LIMIT 1", values).fetchall()
        return [f"{count} posts", *(f"most in {name}" for name, _ in (*months, *rooms)), f"about {word[1]}" if word else ""]

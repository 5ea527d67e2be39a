"""What a question to the bot is about: a channel, a user, quoted words, days, and which agent should answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from loadstone.reference.bodies import Refusal

AGENTS = ("server_analysis", "semantic_search", "user_analysis", "digest_generation")
MOST_CHARACTERS = 20_000
_CHANNEL = re.compile(r"#([\w-]+)")
_USER = re.compile(r"(?<![\w.])@([\w.-]*\w)")
_QUOTED = re.compile(r'"([^"]{1,200})"')
_DAY = re.compile(r"\b(\d{4}-\d{2}-\d{2})\b")
_SIGNS = (
    ("digest_generation", re.compile(r"\b(?:digest|summar\w+|recap|catch me up)\b", re.IGNORECASE)),
    ("semantic_search", re.compile(r"\b(?:find|search|look for|who said)\b", re.IGNORECASE)),
    ("server_analysis", re.compile(r"\b(?:how many|trend|statistics|busiest|server)\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what was recognised in it.

    begin_s, end_s: of the days that it names, in seconds since 1970; None where it names none
    """

    text: str
    agent: str
    channel: str | None = None
    user: str | None = None
    words: tuple[str, ...] = ()
    begin_s: float | None = None
    end_s: float | None = None


def read_question(text: str, agent: str | None = None) -> Question:
    """The question in a text; raises Refusal 400 for what is none."""
    if not text.strip():
        raise Refusal(400, "'text' is blank: there is nothing to answer", param="text")
    if "\0" in text:
        raise Refusal(400, "'text' holds a null byte", param="text")
    if len(text) > MOST_CHARACTERS:
        raise Refusal(413, f"'text' has {len(text)} characters, and {MOST_CHARACTERS} are read", param="text")
    if agent is not None and agent not in AGENTS:
        raise Refusal(404, f"there is no agent {agent[:40]!r}; known: {', '.join(AGENTS)}", param="agent", code="not_found")
    channel, user = _CHANNEL.search(text), _USER.search(text)
    days = [_seconds(day) for day in _DAY.findall(text)[:2]]
    known = agent or next((name for name, sign in _SIGNS if sign.search(text)), "user_analysis" if user else "semantic_search")
    return Question(
        text,
        known,
        channel[1] if channel else None,
        user[1] if user else None,
        tuple(_QUOTED.findall(text)[:4]),
        days[0] if days else None,
        days[1] if len(days) > 1 else None,
    )


def _seconds(day: str) -> float:
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refusal(400, f"there is no day {day}", param="text") from None

"""Somebody else's messages, and a service that answers questions about them: nothing in them is called as we call it."""

from __future__ import annotations

import random
import sqlite3
import sys
import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.suites.threaded_services import ThreadedService

EXAMPLES = Path(__file__).parents[2] / "examples" / "bot"
SCHEMA = """
CREATE TABLE people (id TEXT PRIMARY KEY, handle TEXT);
CREATE TABLE rooms (id TEXT PRIMARY KEY, title TEXT);
CREATE TABLE posts (uuid TEXT PRIMARY KEY, author_id TEXT, room_id TEXT, sent_at TEXT, body TEXT);
"""
WORDS = ["zeppelin", "harbour", "lantern", "orchard", "violin", "compass", "granite", "meadow"]


def make_board(path: Path, posts: int = 600) -> Path:
    """A database of posts in rooms by people; the same each time."""
    rng, first = random.Random(1), datetime(2025, 1, 1, tzinfo=UTC)
    with closing(sqlite3.connect(path)) as board, board:
        board.executescript(SCHEMA)
        board.executemany("INSERT INTO people VALUES (?, ?)", [(f"p{n}", f"pilot{n}") for n in range(12)])
        board.executemany("INSERT INTO rooms VALUES (?, ?)", [(f"r{n}", f"deck{n}") for n in range(5)])
        rows = [
            (
                f"u{n}",
                f"p{rng.randrange(12)}",
                f"r{min(4, int(rng.expovariate(0.8)))}",
                (first + timedelta(hours=4 * n)).strftime("%Y-%m-%dT%H:%M:%S"),
                f"the {rng.choice(WORDS)} near the {rng.choice(WORDS)}, number {n}",
            )
            for n in range(posts)
        ]
        board.executemany("INSERT INTO posts VALUES (?, ?, ?, ?, ?)", rows)
    return path


def message_bot() -> Any:
    """The example's module."""
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    return import_module("message_bot")


class BoardService(ThreadedService):
    """The same bot behind HTTP, in a thread: POST /ask {"input": {"text": …}} → {"result": {"text": …}}.

    fails: the share of attempts that are answered 503
    """

    def __init__(self, fails: float = 0.0) -> None:
        self._fails, self._rng = fails, random.Random(7)
        self.seen: Counter[str] = Counter()
        self.cleaned: list[dict[str, Any]] = []
        self.asked = threading.Event()
        routes = [Route(path, self._answer, methods=["POST"]) for path in ("/ask", "/simple")]
        routes.append(Route("/forget", self._forget, methods=["POST"]))
        super().__init__(routes)

    async def _answer(self, request: Request) -> JSONResponse:
        text = (await request.json()).get("input", {}).get("text")
        self.seen[request.url.path] += 1
        if self.seen[request.url.path] > 3:
            self.asked.set()
        if request.url.path == "/ask" and self._rng.random() < self._fails:
            return JSONResponse({"error": "busy"}, 503)
        try:
            found = message_bot().ask(text)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"result": {"text": found["answer"]}, "agents": found["agents"]})

    async def _forget(self, request: Request) -> JSONResponse:
        self.cleaned.append(await request.json())
        return JSONResponse({})

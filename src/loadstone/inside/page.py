"""The protected page: who may ask, what can be asked, and the answer; without a web framework."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from loadstone.errors import UsageError
from loadstone.inside.sites import FRAMES
from loadstone.inside.watcher import Watcher

TOKEN_VARIABLE = "LOADSTONE_INSIDE_TOKEN"  # noqa: S105  a name, not a token
SHORTEST_TOKEN = 8
MOST_FRAMES = 64
ACTIONS = ("checkpoint", "restart", "trim", "trace", "untrace")


class Answer(NamedTuple):
    """Status, JSON body, and headers beside its type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class InsidePage:
    """Answers GET PATH with the levels, and POST PATH/ACTION with what came of it, to whoever shows the token.

    token: None reads the environment variable LOADSTONE_INSIDE_TOKEN
    raises: UsageError without a token, with one of fewer than 8 characters, or for a path that is none
    """

    def __init__(self, token: str | None, path: str, watcher: Watcher | None = None) -> None:
        given = token if token is not None else os.environ.get(TOKEN_VARIABLE, "")
        if len(given) < SHORTEST_TOKEN:
            what = "is shorter than 8 characters" if given else "is missing"
            raise UsageError(
                f"the token of the inside page {what}: whoever reads it sees what the application holds",
                hint=f"{TOKEN_VARIABLE}=$(openssl rand -hex 16)",
            )
        if not path.startswith("/") or len(path) < 2 or path.endswith("/"):
            raise UsageError(f"the path of the inside page is {path!r}", hint="path='/_inside'")
        self._expected, self._path = f"Bearer {given}".encode(), path
        self.watcher = watcher or Watcher()

    def owns(self, path: str) -> bool:
        """Is a request for this path one for the page."""
        return path == self._path or path.startswith(f"{self._path}/")

    def answer(self, method: str, path: str, authorization: bytes, query: str) -> Answer:
        """The answer to one request; nothing that is asked raises."""
        if not hmac.compare_digest(authorization, self._expected):
            return _said(401, {"error": "no token, or a wrong one"}, ("WWW-Authenticate", "Bearer"))
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        action = path[len(self._path) + 1 :]
        if not action:
            return self._levels(asked) if method == "GET" else _said(405, {"error": "levels are read with GET"}, ("Allow", "GET"))
        if action not in ACTIONS:
            return _said(404, {"error": f"no action {action!r}", "actions": list(ACTIONS)})
        if method != "POST":
            return _said(405, {"error": "actions are asked for with POST"}, ("Allow", "POST"))
        return self._act(action, asked)

    def _levels(self, asked: Mapping[str, str]) -> Answer:
        since_ns = asked.get("since_ns", "0")
        if not (since_ns.isascii() and since_ns.isdigit()):
            return _said(400, {"error": "since_ns is the now_ns of an earlier answer"})
        return _said(200, self.watcher.levels(int(since_ns)))

    def _act(self, action: str, asked: Mapping[str, str]) -> Answer:
        watcher = self.watcher
        if action == "trace":
            frames = asked.get("frames", str(FRAMES))
            if not (frames.isascii() and frames.isdigit() and 1 <= int(frames) <= MOST_FRAMES):
                return _said(400, {"error": f"frames is a number from 1 to {MOST_FRAMES}"})
            return _said(200, watcher.trace(int(frames)))
        if action == "restart":
            watcher.restart()
            return _said(200, {})
        if action == "checkpoint":
            return _said(200, watcher.checkpoint(sites=asked.get("sites", "1") != "0"))
        return _said(200, {"trim": watcher.trim, "untrace": watcher.untrace}[action]())


def _said(status: int, document: Mapping[str, Any], *headers: tuple[str, str]) -> Answer:
    return Answer(status, json.dumps(document).encode(), (*headers, ("Cache-Control", "no-store")))

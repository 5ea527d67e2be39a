"""Chat sessions that are kept: what is acknowledged is in the database."""

from __future__ import annotations

import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.reference.bodies import Refusal, query_number, read_object, text_field
from loadstone.reference.database import Database
from loadstone.reference.simulator import answer
from loadstone.reference.state import backend_of


async def create_session(request: Request) -> Response:
    """A new, empty session; `user` is optional."""
    user = text_field(await read_object(request, optional=True), "user", default="")
    session = {"id": secrets.token_hex(8), "user": user, "created": time.time()}
    backend_of(request).database.write("INSERT INTO sessions (id, user, created) VALUES (?, ?, ?)", tuple(session.values()))
    return JSONResponse(session, 201, headers={"location": f"/api/chat/sessions/{session['id']}"})


async def get_session(request: Request) -> Response:
    """One session and how many messages it has."""
    database = backend_of(request).database
    session = _session(database, request)
    count = database.rows("SELECT count(*) AS count FROM messages WHERE session = ?", (session["id"],))[0]["count"]
    return JSONResponse({**session, "messages": count})


async def send_message(request: Request) -> Response:
    """Keep a user's message and the assistant's answer to it, both or neither."""
    text = text_field(await read_object(request), "text")
    backend = backend_of(request)
    database = backend.database
    session = _session(database, request)["id"]
    with database.transaction():
        earlier = database.rows("SELECT count(*) AS count FROM messages WHERE session = ?", (session,))[0]["count"]
        said = answer(f"{earlier} {text}", seed=backend.settings.seed).text
        asked_id = _keep(database, session, "user", text)
        said_id = _keep(database, session, "assistant", said)
    reply = {"id": said_id, "role": "assistant", "text": said, "in_reply_to": asked_id, "turn": earlier // 2 + 1, "simulated": True}
    return JSONResponse(reply, 201)


async def list_messages(request: Request) -> Response:
    """Messages in order: `?limit=100&after=ID`."""
    limit = query_number(request, "limit", 100, least=1, greatest=10_000)
    after = query_number(request, "after", 0, least=0, greatest=2**62)
    database = backend_of(request).database
    rows = database.rows(
        "SELECT id, role, text, created FROM messages WHERE session = ? AND id > ? ORDER BY id LIMIT ?",
        (_session(database, request)["id"], after, limit),
    )
    return JSONResponse({"messages": rows, "next": rows[-1]["id"] if len(rows) == limit else None})


async def delete_session(request: Request) -> Response:
    """Forget a session and its messages."""
    database = backend_of(request).database
    database.write("DELETE FROM sessions WHERE id = ?", (_session(database, request)["id"],))
    return Response(status_code=204)


def _keep(database: Database, session: str, role: str, text: str) -> int:
    cursor = database.write("INSERT INTO messages (session, role, text, created) VALUES (?, ?, ?, ?)", (session, role, text, time.time()))
    return cursor.lastrowid or 0


def _session(database: Database, request: Request) -> dict[str, Any]:
    wanted = request.path_params["id"]
    session = database.row("SELECT * FROM sessions WHERE id = ?", (wanted,))
    if session is None:
        raise Refusal(404, f"there is no session {wanted[:40]!r}", code="not_found")
    return session


ROUTES = [
    Route("/api/chat/sessions", create_session, methods=["POST"]),
    Route("/api/chat/sessions/{id}", get_session, methods=["GET"]),
    Route("/api/chat/sessions/{id}", delete_session, methods=["DELETE"]),
    Route("/api/chat/sessions/{id}/messages", send_message, methods=["POST"]),
    Route("/api/chat/sessions/{id}/messages", list_messages, methods=["GET"]),
]

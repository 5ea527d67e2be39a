"""A plain JSON API over a table: what most requests to most backends look like."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadstone.reference.bodies import Refusal, number, query_number, read_object, text_field
from loadstone.reference.database import Database
from loadstone.reference.simulator import MODEL, answer, count_tokens
from loadstone.reference.state import backend_of

FIRST_ITEMS = 100
_GREATEST_ID = 2**62


def fill_items(database: Database) -> None:
    """Put the first items into an empty table."""
    if database.row("SELECT 1 FROM items LIMIT 1") is not None:
        return
    with database.transaction():
        for index in range(1, FIRST_ITEMS + 1):
            tags = json.dumps(["even" if index % 2 == 0 else "odd"])
            database.write("INSERT INTO items (name, price, tags) VALUES (?, ?, ?)", (f"item {index}", index * 0.5, tags))


async def list_items(request: Request) -> Response:
    """A page of items: `?limit=20&after=ID`."""
    limit = query_number(request, "limit", 20, least=1, greatest=1000)
    after = query_number(request, "after", 0, least=0, greatest=_GREATEST_ID)
    rows = backend_of(request).database.rows("SELECT * FROM items WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    return JSONResponse({"items": [_shown(row) for row in rows], "next": rows[-1]["id"] if len(rows) == limit else None})


async def create_item(request: Request) -> Response:
    """A new item."""
    values = _values(await read_object(request))
    database = backend_of(request).database
    row = database.row("INSERT INTO items (name, price, tags) VALUES (?, ?, ?) RETURNING *", values)
    return JSONResponse(_shown(row or {}), 201, headers={"location": f"/api/items/{(row or {})['id']}"})


async def get_item(request: Request) -> Response:
    """One item."""
    return JSONResponse(_found(backend_of(request).database.row("SELECT * FROM items WHERE id = ?", (_id(request),)), request))


async def put_item(request: Request) -> Response:
    """Replace one item."""
    values = _values(await read_object(request))
    row = backend_of(request).database.row(
        "UPDATE items SET name = ?, price = ?, tags = ? WHERE id = ? RETURNING *", (*values, _id(request))
    )
    return JSONResponse(_found(row, request))


async def delete_item(request: Request) -> Response:
    """Remove one item."""
    _found(backend_of(request).database.row("DELETE FROM items WHERE id = ? RETURNING *", (_id(request),)), request)
    return Response(status_code=204)


async def ask(request: Request) -> Response:
    """A short answer to a question, without a model's delays."""
    question = text_field(await read_object(request), "question")
    said = answer(question, seed=backend_of(request).settings.seed)
    tokens = {"prompt": count_tokens(question), "completion": len(said.tokens)}
    return JSONResponse({"answer": said.text, "model": MODEL, "simulated": True, "tokens": tokens})


def _values(body: dict[str, Any]) -> tuple[str, float, str]:
    price = body.get("price", 0.0)
    if not isinstance(price, int | float) or isinstance(price, bool) or not 0 <= price < 1e12:
        raise Refusal(400, "'price' must be a number from 0", param="price")
    tags = body.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Refusal(400, "'tags' must be a list of texts", param="tags")
    return text_field(body, "name"), float(price), json.dumps(tags)


def _id(request: Request) -> int:
    return number(request.path_params["id"], "id", least=0, greatest=_GREATEST_ID)


def _found(row: dict[str, Any] | None, request: Request) -> dict[str, Any]:
    if row is None:
        raise Refusal(404, f"there is no item {request.path_params['id']}", code="not_found")
    return _shown(row)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "price": float(row["price"]), "tags": json.loads(row["tags"])}


ROUTES = [
    Route("/api/items", list_items, methods=["GET"]),
    Route("/api/items", create_item, methods=["POST"]),
    Route("/api/items/{id}", get_item, methods=["GET"]),
    Route("/api/items/{id}", put_item, methods=["PUT"]),
    Route("/api/items/{id}", delete_item, methods=["DELETE"]),
    Route("/api/ask", ask, methods=["POST"]),
]

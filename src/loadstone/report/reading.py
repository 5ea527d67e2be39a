"""A JSON document read back: whole, cut off, of an older version or of a newer one; what cannot be read is named, the rest is told."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from loadstone.errors import UsageError
from loadstone.report.document import SCHEMA, Document

FAMILY = SCHEMA.partition("/")[0]
NEEDED = ("verdict", "exit_code", "load")  # without these nothing is left to tell
MOST_ROUNDS = 200
_HINT = "a document that `loadstone run --json` printed or --out kept"
BRACKETS = {"{": "}", "[": "]"}
_EMPTY: dict[str, Any] = {name: [] for name in ("steps", "errors", "checks", "gates", "bands", "notices")}
_UNKNOWN = {
    "plan": "(unknown)",
    "target": "",
    "started_at": "1970-01-01T00:00:00Z",
    "version": "(unknown)",
    "python": "",
    "platform": "",
    "kernel": "",
    "cpu": "",
    "cores": 0,
    "git_commit": None,
    "seed": 0,
    "command": "",
    "plan_hash": "",
    "event_loop": "",
    "kernel_clock": False,
    "clock_resolution_ns": 0,
    "clock_steps": 0,
}
_GENERATOR = {
    "trust": "degraded",
    "reasons": ["what the report said of the generator could not be read"],
    "cpu_percent": None,
    "send_lag_p99_ms": None,
    "share_p99_ms": None,
    "loop_lag_p99_ms": None,
    "coalesced_share": None,
    "kernel_clock": False,
    "workers": 0,
}
_DEFAULTS = {**_EMPTY, "metrics": {}, "requirements": {}, "score": None, "generator": _GENERATOR, "provenance": _UNKNOWN}


def read_document(data: bytes, where: str) -> tuple[Document, list[str]]:
    """The document, and a line for each thing that was cut, damaged or unknown.

    raises: UsageError when it is no document of a run, or when verdict or load are lost
    """
    damage: list[str] = []
    tree = _tree(data, where, damage)
    found = tree.get("schema")
    if not isinstance(found, str) or found.partition("/")[0] != FAMILY:
        raise UsageError(f"is no report of a run: its schema is {str(found)[:60]!r}", where=where, hint=_HINT)
    if found != SCHEMA:
        damage.append(f"it is of the schema {found[:60]}, and {SCHEMA} is known here: what is new in it is left out")
        tree["schema"] = SCHEMA
    if lost := [name for name in NEEDED if name not in tree]:
        raise UsageError(f"is damaged: {', '.join(lost)} cannot be read", where=where, hint="another copy of it")
    return _typed(tree, where, damage), damage


def _tree(data: bytes, where: str, damage: list[str]) -> dict[str, Any]:
    text = data.decode("utf-8", "replace")
    try:
        tree = json.loads(text)
    except ValueError as error:
        tree = _cut(text)
        if isinstance(tree, dict):
            damage.append(f"it ends or breaks at character {getattr(error, 'pos', len(text))} of {len(text)}: what follows is lost")
    if not isinstance(tree, dict):
        raise UsageError("is no JSON document", where=where, hint=_HINT)
    return tree


def _cut(text: str) -> object:
    """What a text holds up to the last value that is whole, or None."""
    whole = _last_whole(text)
    if whole is None:
        return None
    end, closers = whole
    try:
        return json.loads(text[:end] + closers)
    except json.JSONDecodeError as error:  # broken before its end: what stands before that place may be whole
        at = min(error.pos, end - 1)
        return _cut(text[:at]) if at > 0 else None


def _last_whole(text: str) -> tuple[int, str] | None:
    """Where the last whole value ends, and the brackets that are open there, closed; None when there is none."""
    closers: list[str] = []
    quoted = escaped = False
    whole: tuple[int, str] | None = None
    for at, sign in enumerate(text):
        if quoted:
            quoted, escaped = escaped or sign != '"', not escaped and sign == "\\"
        elif sign == '"':
            quoted = True
        elif sign in BRACKETS:
            closers.append(BRACKETS[sign])
        elif sign in "}]" and (not closers or closers.pop() != sign):
            break
        elif sign in "}],":
            whole = (at if sign == "," else at + 1), "".join(reversed(closers))
    return whole


def _typed(tree: dict[str, Any], where: str, damage: list[str]) -> Document:
    """The document of a tree; whatever does not fit is taken out, deepest part first, until the rest does."""
    for _ in range(MOST_ROUNDS):
        try:
            return Document.model_validate(tree)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                _mend(tree, each, where, damage)
    raise UsageError("is damaged beyond reading", where=where, hint="another copy of it")


def _mend(tree: dict[str, Any], error: ErrorDetails, where: str, damage: list[str]) -> None:
    place = [part for part in error["loc"] if not isinstance(part, str) or part not in {"Distribution", "Count", "Level"}]
    name = ".".join(str(part) for part in place)
    if error["type"] == "missing" and len(place) == 1:
        if name in NEEDED:
            raise UsageError(f"is damaged: {name} cannot be read", where=where, hint="another copy of it")
        tree[name] = _DEFAULTS.get(name)
        damage.append(f"{name} is missing")
        return
    if place[0] == "load" and error["type"] != "extra_forbidden":
        raise UsageError(f"is damaged: {name} cannot be read", where=where, hint="another copy of it")
    gone = _take_out(tree, place, extra=error["type"] == "extra_forbidden")
    if gone:
        damage.append(f"{gone} {'is unknown here' if error['type'] == 'extra_forbidden' else 'cannot be read'}")


def _take_out(tree: dict[str, Any], place: list[Any], *, extra: bool) -> str:
    """Remove the part at a place: an unknown field alone, else the entry of a list or table that it belongs to; gives what was removed."""
    if extra:
        return _field(tree, place)
    first, second = place[0], place[1] if len(place) > 1 else None
    inner, default = tree.get(first), _DEFAULTS.get(first)
    if second is not None and (
        (isinstance(inner, list) and isinstance(second, int) and second < len(inner))
        or (first in {"metrics", "requirements"} and isinstance(inner, dict) and second in inner)
    ):
        del inner[second]
    elif second is not None and isinstance(default, dict) and isinstance(inner, dict):
        inner[second] = default.get(second)
    else:
        second = None
        if default is None:
            tree.pop(first, None)  # what may be left out is left out
        if first in _DEFAULTS:
            tree[first] = default
    return f"{first}.{second}" if second is not None else str(first)


def _field(tree: Any, place: list[Any]) -> str:
    """Remove one field; the same one may be named several times, once for each type that it could have been of."""
    for part in place[:-1]:
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            return ""
    if not isinstance(tree, dict) or place[-1] not in tree:
        return ""
    del tree[place[-1]]
    return ".".join(map(str, place))

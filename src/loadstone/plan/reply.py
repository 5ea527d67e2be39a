"""Where in a reply a value is: `json.items[0].id`, `header content-type`, `body`, `status`, `response_time`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from loadstone.plan.wrong import Wrong, suggest


class Reply(Protocol):
    """What checks and extracts may look at."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header values; names in lower case."""

    @property
    def body(self) -> bytes:
        """The body after decompression."""

    @property
    def text(self) -> str:
        """The body as text."""

    @property
    def response_time_s(self) -> float:
        """Due to last byte, in seconds."""

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""


class Missing:
    """The value of a place that the reply does not have; null is a value."""


MISSING = Missing()
Look = Callable[[Reply], Any]
SUBJECTS = ("json.NAME", "body", "text", "header NAME", "status", "response_time")
_STEP = re.compile(r"""\.([^.\[\]\s"']+)|\[(-?\d+)\]|\["([^"]*)"\]|\['([^']*)'\]""")


def look(subject: str) -> Look:
    """The function that finds a place in a reply; raises Wrong for a place that nobody knows."""
    name = re.split(r"\W", subject.strip(), maxsplit=1)[0]
    rest = subject.strip()[len(name) :]
    if name == "json":
        return _in_json(subject, rest)
    if name == "header" and (wanted := rest.strip(". :").lower()):
        return lambda reply: reply.headers.get(wanted, MISSING)
    if not rest.strip() and name in {"status", "body", "text", "response_time"}:
        attribute = {"body": "text", "response_time": "response_time_s"}.get(name, name)
        return lambda reply: getattr(reply, attribute)
    raise Wrong(f"unknown place {subject!r}", hint=suggest(name, SUBJECTS))


def _in_json(subject: str, rest: str) -> Look:
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise Wrong(f"cannot read {subject!r} from character {position + 5}", hint="json.items[0].name")
        index = match[2]
        steps.append(int(index) if index is not None else next(text for text in (match[1], match[3], match[4]) if text is not None))
        position = match.end()

    def find(reply: Reply) -> Any:
        try:
            value = reply.json()
        except ValueError:
            return MISSING
        for step in steps:
            value = _inside(value, step)
        return value

    return find


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and -len(value) <= step < len(value) else MISSING
    if isinstance(value, dict):
        return value.get(step, MISSING) if step in value or step != "length" else len(value)
    return len(value) if step == "length" and isinstance(value, (list, str)) else MISSING

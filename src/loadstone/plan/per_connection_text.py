"""The gate on what a connection costs: `per_connection(target.memory) < 20kB`."""

from __future__ import annotations

import re
from typing import Any

from loadstone.errors import UsageError
from loadstone.units import parse_size

KIND = "per_connection"
EXAMPLE = "per_connection(target.memory) < 20kB"
_START = re.compile(r"\s*per_connection\s*\(")
_WHOLE = re.compile(r"\s*per_connection\s*\(\s*target\.memory\s*\)\s*<=?\s*(?P<limit>\S+)\s*")


def per_connection_settings(text: str) -> dict[str, Any] | None:
    """Settings of the gate in code that a text means; None when it is no such text.

    raises: UsageError for one that cannot be read
    """
    if not _START.match(text):
        return None
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text.strip()!r} is no limit for a connection's memory", hint=EXAMPLE)
    return {"limit_bytes": parse_size(match["limit"])}

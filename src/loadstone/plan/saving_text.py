"""The gate on what one variant saves beside another: `saving(target.memory{probe=old} to {probe=new}) > 30% each 30s`."""

from __future__ import annotations

import re
from typing import Any

from loadstone.errors import UsageError
from loadstone.units import parse_duration, parse_share

KIND = "saving"
EXAMPLE = "saving(target.memory{probe=old} to {probe=new}) > 30%"
EACH_S = 30.0
_START = re.compile(r"\s*saving\s*\(")
_TAGS = r"\{\s*([^{}]+?)\s*\}"
_WHOLE = re.compile(
    rf"\s*saving\s*\(\s*(?P<metric>[\w.]+)\s*(?P<before>{_TAGS})\s*to\s*(?P<after>{_TAGS})\s*\)\s*>=?\s*(?P<limit>\S+)"
    r"(?:\s+each\s+(?P<each>\S+))?\s*"
)


def saving_settings(text: str) -> dict[str, Any] | None:
    """Settings of the gate in code that a text means; None when it is no such text.

    raises: UsageError for one that cannot be read
    """
    if not _START.match(text):
        return None
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text.strip()!r} is no limit for a saving", hint=f"{EXAMPLE} each 30s")
    each_s = parse_duration(match["each"]) if match["each"] else EACH_S
    if each_s < 1:
        raise UsageError("a phase takes 1 s or more", hint=f"{EXAMPLE} each 30s")
    least = parse_share(match["limit"])
    return {"metric": match["metric"], "before": _tags(match["before"]), "after": _tags(match["after"]), "least": least, "each_s": each_s}


def _tags(text: str) -> dict[str, str]:
    found = {}
    for pair in text.strip("{} \t").split(","):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UsageError(f"{pair.strip()!r} is no tag with its value", hint=EXAMPLE)
        found[key.strip()] = value.strip().strip('"')
    return found

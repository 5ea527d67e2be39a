"""The gate on what follows a spike: `recovery(http.response_time) < 30s within 1.5x for 5s`."""

from __future__ import annotations

import re
from typing import Any

from loadstone.errors import UsageError
from loadstone.units import parse_duration

KIND = "recovery"
EXAMPLE = "recovery(http.response_time) < 30s"
WITHIN, HOLD_S = 1.5, 5.0
_START = re.compile(r"\s*recovery\s*\(")
_WHOLE = re.compile(
    r"\s*recovery\s*\(\s*(?P<metric>[\w.]+)\s*(?:\{\s*scenario\s*=\s*(?P<scenario>[^{}\"]+?)\s*\}\s*)?\)\s*<=?\s*(?P<limit>\S+?)"
    r"(?:\s+within\s+(?P<within>\d+(?:\.\d+)?)\s*[x×])?(?:\s+for\s+(?P<hold>\S+))?\s*"
)


def recovery_settings(text: str) -> dict[str, Any] | None:
    """Settings of the gate in code that a text means; None when it is no such text.

    raises: UsageError for one that cannot be read
    """
    if not _START.match(text):
        return None
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text.strip()!r} is no limit for a recovery", hint=f"{EXAMPLE} within 1.5x for 5s")
    within = float(match["within"]) if match["within"] else WITHIN
    hold_s = parse_duration(match["hold"]) if match["hold"] else HOLD_S
    if within < 1 or hold_s < 1:
        raise UsageError("a level is back within 1x or more of what it was, for 1 s or more", hint=f"{EXAMPLE} within 1.5x for 5s")
    settings = {"metric": match["metric"], "limit_s": parse_duration(match["limit"]), "within": within, "hold_s": hold_s}
    return settings | ({"scenario": match["scenario"]} if match["scenario"] else {})

"""A control that was done, as plain values that a log holds, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from loadstone.errors import UsageError
from loadstone.load.control import Applied, Control, Pause, Resume, Scale, SetRate, SetUsers, Spike, Stop

_KINDS: dict[str, type[Control]] = {
    "pause": Pause,
    "resume": Resume,
    "stop": Stop,
    "scale": Scale,
    "spike": Spike,
    "rate": SetRate,
    "users": SetUsers,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def record_of(applied: Applied) -> dict[str, Any]:
    """JSON's own types: when, who, what, and its numbers."""
    return {"at_s": applied.at_s, "by": applied.by, "do": _NAMES[type(applied.control)], **asdict(applied.control)}


def applied_of(record: Mapping[str, Any]) -> Applied:
    """What `record_of` wrote; raises ValueError for anything else."""
    try:
        given = dict(record)
        at_s, by, kind = float(given.pop("at_s")), str(given.pop("by")), _KINDS[given.pop("do")]
        return Applied(kind(**given), at_s, by)
    except (KeyError, TypeError, UsageError) as error:
        raise ValueError(f"no control: {error}") from None

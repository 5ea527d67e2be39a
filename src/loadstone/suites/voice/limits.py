"""Limits by environment: named profiles that inherit, or a file that inherits from one of them; each value knows where it came from."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import loadstone as ls

# What is asked for everywhere; `laptop` is these very values.
USUAL: dict[str, float] = {
    "vad_ms_per_s": 50,
    "growth_mb": 100,
    "tool_mean_ms": 10,
    "tool_max_ms": 50,
    "tools_per_s": 100,
    "create_ms": 100,
    "insert_ms": 50,
    "query_ms": 100,
    "messages_per_s": 50,
    "concurrent_sessions": 5,
    "measuring_us": 20,
    "answer_ms": 500,
    "gap_ms": 1000,
    "setup_ms": 500,
    "wer_percent": 15,
}
PROFILES: dict[str, dict[str, Any]] = {
    "laptop": USUAL,
    # Neighbours on shared machines make single calls late.
    "ci": {"inherits": "laptop", "tool_max_ms": 200, "measuring_us": 60, "answer_ms": 1000},
    "production": {"inherits": "laptop", "vad_ms_per_s": 25, "tool_mean_ms": 5, "insert_ms": 25},
}


@dataclass(frozen=True)
class Limit:
    """A value, and the profile or file that says it."""

    value: float
    origin: str

    def __str__(self) -> str:
        return f"{self.value:g}"


def limits_of(name: str) -> dict[str, Limit]:
    """All limits of a profile, or of a file `{inherits: ci, insert_ms: 20}` as YAML, JSON or TOML."""
    found: dict[str, Limit] = {}
    seen: list[str] = []
    while name:
        if name in seen:
            raise ls.UsageError(f"limits inherit from themselves: {' -> '.join([*seen, name])}", where="--limits")
        seen.append(name)
        values = dict(PROFILES[name] if name in PROFILES else read(name))
        parent = values.pop("inherits", "" if name in PROFILES else "laptop")
        for key, value in values.items():
            found.setdefault(key, Limit(checked(key, value, name), name))
        name = parent
    return found


def checked(key: str, value: Any, origin: str) -> float:
    """A number above zero of a known limit."""
    if key not in USUAL:
        raise ls.UsageError(f"unknown limit {key!r}", where=origin, hint=f"one of {', '.join(USUAL)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ls.UsageError(f"{key} = {value!r}: must be a number above 0", where=origin, hint=f"{key}: {USUAL[key]:g}")
    return float(value)


def read(name: str) -> dict[str, Any]:
    """A file of limits."""
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise ls.UsageError(f"cannot be read: {error.strerror}", where=name, hint=f"--limits {'|'.join(PROFILES)}, or a file") from None
    except (ValueError, yaml.YAMLError) as error:
        raise ls.UsageError(f"is no file of limits: {' '.join(str(error).split())}", where=name, hint="inherits: ci") from None
    if not isinstance(found, dict):
        raise ls.UsageError("is no mapping of limits", where=name, hint="inherits: ci")
    return found

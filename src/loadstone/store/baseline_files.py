"""Baselines as files: JSON (`performance_baselines/performance_baseline_<time>.json`) and lines of text (`performance_baseline.txt`).

Both hold, for each metric, the median of the members' figures, and how many members there are.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from loadstone.errors import StoreError
from loadstone.store.admission import FIGURES, figures_of
from loadstone.store.rows import Baseline, Member, Policy, RunRow

FORMAT = "loadstone.baseline/1"
FOLDER, TEXT_FILE = "performance_baselines", "performance_baseline.txt"
AGENT = "agent."
# How others call our figures, and how many of ours one of theirs is.
ALIASES: Mapping[str, tuple[str, float]] = {
    "response_time_p50": ("response_p50_ms", 1e3),
    "response_time_p95": ("response_p95_ms", 1e3),
    "response_time_p99": ("response_p99_ms", 1e3),
    "p50_ms": ("response_p50_ms", 1.0),
    "p95_ms": ("response_p95_ms", 1.0),
    "p99_ms": ("response_p99_ms", 1.0),
    "memory_peak_mb": ("peak_memory_mb", 1.0),
    "cpu_usage": ("cpu_percent", 1.0),
}


def json_name(at: datetime) -> str:
    """The name of a JSON file of a baseline that is written now, in local time."""
    return f"performance_baseline_{at:%Y%m%d_%H%M%S}.json"


def summary(figures: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """For each figure the median of the members that have it."""
    columns: dict[str, list[float]] = {}
    for member in figures:
        for name, value in member.items():
            columns.setdefault(name, []).append(value)
    order = {name: place for place, name in enumerate(FIGURES)}
    return {name: statistics.median(columns[name]) for name in sorted(columns, key=lambda name: (order.get(name, len(order)), name))}


def to_json(baseline: Baseline) -> str:
    """The JSON file; `members` are what `from_json` puts back, one by one."""
    members = [
        {"run": member.run.id if member.run else None, "started_at": _moment(member.run.started_at) if member.run else None}
        | {"machine": member.run.machine_text if member.run else None, "figures": dict(member.figures), "pinned": member.pinned}
        for member in baseline.members
    ]
    document = {
        "format": FORMAT,
        "name": baseline.name,
        "created_at": _moment(baseline.created_at),
        "figures": summary(member.figures for member in baseline.members),
        "members": members,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def run_to_json(name: str, row: RunRow, document: Mapping[str, Any]) -> str:
    """The JSON file of a baseline of one run."""
    member = Member(row, figures_of(document), row.started_at, source="by itself")
    return to_json(Baseline(name, Policy(), row.started_at, (member,)))


def to_text(baseline: Baseline) -> str:
    """The lines of text: name, number of runs, and `figure: value` each."""
    figures = summary(member.figures for member in baseline.members)
    lines = [f"# baseline {baseline.name}", f"runs: {len(baseline.members)}", *(f"{name}: {value!r}" for name, value in figures.items())]
    return "\n".join(lines) + "\n"


def read_file(path: Path) -> list[dict[str, float]]:
    """The members' figures in a file of either kind; also flat JSON `{"p95_ms": 12.5, …}` of other tools.

    raises: StoreError when it holds none
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot be read: {error}", where=str(path), hint="a file of a baseline") from None
    try:
        found = _from_json(json.loads(text), str(path)) if text.lstrip().startswith("{") else [_from_text(text, str(path))]
    except (json.JSONDecodeError, RecursionError) as error:
        raise StoreError(f"is no JSON: {error}", where=str(path), hint="a file of a baseline") from None
    found = [member for member in found if member]
    if not found:
        raise StoreError("holds no figure that is known", where=str(path), hint=f"one of {', '.join(FIGURES)}")
    return found


def _from_json(document: Mapping[str, Any], where: str) -> list[dict[str, float]]:
    if document.get("format", FORMAT) != FORMAT:
        raise StoreError(f"is of format {str(document['format'])[:40]!r}; {FORMAT} is known", where=where, hint="a newer Loadstone")
    members = document.get("members")
    if isinstance(members, list) and members:
        listed = [member.get("figures") for member in members if isinstance(member, dict)]
        return [_known(member, where) for member in listed if isinstance(member, dict)]
    for key in ("figures", "metrics", "baseline"):
        if isinstance(document.get(key), dict):
            return [_known(document[key], where)]
    return [_known(document, where)]


def _from_text(text: str, where: str) -> dict[str, float]:
    pairs = (line.partition(":") for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return _known({name.strip(): value.strip() for name, _, value in pairs}, where)


def _known(pairs: Mapping[str, Any], where: str) -> dict[str, float]:
    """Those that are figures; a known name whose value is no finite number is a mistake."""
    found = {}
    for name, value in pairs.items():
        ours, times = ALIASES.get(name, (name, 1.0))
        if ours not in FIGURES and not ours.startswith(AGENT):
            continue
        try:
            number = float(value) * times
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or isinstance(value, bool):
            raise StoreError(f"{name} = {str(value)[:40]!r} is no number", where=where, hint=f"{name}: 12.5")
        found[ours] = number
    return found


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")

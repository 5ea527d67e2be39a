"""Runs for stores, made by hand: rows, parts and long courses, the same each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.event import Event
from loadstone.measure.packing import pack
from loadstone.measure.sections import Sections
from loadstone.measure.snapshot import Snapshot
from loadstone.store.rows import Packed, RunParts, RunRow
from loadstone.store.schema import work_hash
from loadstone.testing.samples import make_snapshot

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLAN_JSON = '{"name": "shop", "target": "http://127.0.0.1:9", "seed": 1, "scenarios": [{"name": "shop"}]}'
DOCUMENT = b'{"verdict": "pass", "gates": [], "metrics": {}}'


def make_row(number: int = 0, **changed: Any) -> RunRow:
    """A run that passed; each number began a minute later than the one before."""
    facts: dict[str, Any] = {
        "id": "",
        "plan_name": "shop",
        "suite": "shop.yaml",
        "target": "http://127.0.0.1:9",
        "started_at": BEGAN + timedelta(minutes=number),
        "verdict": "pass",
        "exit_code": 0,
        "trust": "ok",
        "seconds": 10.0,
        "machine": "aaaa1111",
        "git_branch": "main",
        "work_hash": work_hash(PLAN_JSON),
    }
    return RunRow(**{**facts, **changed})


def make_parts(snapshots: list[Snapshot] | None = None, *, document: bytes = DOCUMENT, keep_seconds: bool = False) -> RunParts:
    """What a run of these seconds leaves (ten like `make_snapshot()` when None)."""
    snapshots = [make_snapshot(seq) for seq in range(10)] if snapshots is None else snapshots
    course = Sections(len(snapshots))
    for snapshot in snapshots:
        course.add(snapshot)
    total = Aggregate(snapshot for snapshot in snapshots if snapshot.judged)
    sections = [Packed(seq, each.start_s, each.end_s, each.content) for seq, each in enumerate(course.so_far())]
    seconds = [Packed(each.seq, each.start_s, each.end_s, pack(each)) for each in snapshots] if keep_seconds else []
    events = (Event(0.0, "phase", "steady"), Event(None, "notice few", "few samples"))
    return RunParts(PLAN_JSON, document, pack(total.as_snapshot()), tuple(sections), tuple(seconds), events)

"""The layout of the store's tables, and the steps from each older one to the next.

Version 1 told runs apart by the hash of the whole plan, so that a run with one more gate could not be compared with those before it.
Version 2 adds a hash of the work alone, computed for the runs that are there, and the mark of a suspicious run.
Version 3 adds the whole run over time, so that a report needs no seconds; older runs have their sections, or seconds where they were kept.
Version 4 computes the hash of the work anew: it had the folder of a suite's files in it, so that no checkout was like another.
Version 5 computes it once more, for runs under pressure and of calls: without those two, such runs were compared with runs of other work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from loadstone.measure.event import Event
from loadstone.store.sql import Session

APPLICATION_ID = 0x4C44_5354  # "LDST": which program a file belongs to
HASH_LENGTH = 16
USUAL_PATIENCE_S = 10.0  # whoever never changed it keeps the hash of before
JUDGES_VOICE = ("targets", "calibrate")
WORK = ("scenarios", "seed", "http", "websocket", "llm")  # of a plan, what decides how much a target has to do

TIMELINE = """
CREATE TABLE timeline (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, seq INTEGER NOT NULL,
    start_s REAL NOT NULL, end_s REAL NOT NULL, content BLOB NOT NULL, UNIQUE (run_id, seq));
"""
V2 = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, plan_name TEXT NOT NULL, suite TEXT NOT NULL, target TEXT NOT NULL, started_at TEXT NOT NULL,
    verdict TEXT NOT NULL, exit_code INTEGER, trust TEXT NOT NULL, interrupted INTEGER NOT NULL, seconds REAL NOT NULL,
    warm_up_s REAL NOT NULL, seed INTEGER NOT NULL, version TEXT NOT NULL, python TEXT NOT NULL, platform TEXT NOT NULL,
    kernel TEXT NOT NULL, cpu TEXT NOT NULL, cores INTEGER NOT NULL, machine TEXT NOT NULL, machine_text TEXT NOT NULL,
    git_commit TEXT, git_branch TEXT, git_dirty INTEGER, other_load REAL, command TEXT NOT NULL, plan_hash TEXT NOT NULL,
    work_hash TEXT NOT NULL DEFAULT '', event_loop TEXT NOT NULL, kernel_clock INTEGER NOT NULL,
    clock_resolution_ns INTEGER NOT NULL, clock_steps INTEGER NOT NULL, workers INTEGER NOT NULL, flagged TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX runs_by_time ON runs (started_at, id);
CREATE TABLE tags (run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)) WITHOUT ROWID;
CREATE TABLE plans (run_id TEXT PRIMARY KEY REFERENCES runs ON DELETE CASCADE, content TEXT NOT NULL);
CREATE TABLE documents (run_id TEXT PRIMARY KEY REFERENCES runs ON DELETE CASCADE, content BLOB NOT NULL);
CREATE TABLE series (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, metric TEXT NOT NULL,
    tags TEXT NOT NULL, kind TEXT NOT NULL, content NOT NULL);
CREATE INDEX series_by_run ON series (run_id, metric);
CREATE TABLE failures (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, kind TEXT NOT NULL,
    step TEXT NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL);
CREATE INDEX failures_by_run ON failures (run_id);
CREATE TABLE sections (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, seq INTEGER NOT NULL,
    start_s REAL NOT NULL, end_s REAL NOT NULL, content BLOB NOT NULL, UNIQUE (run_id, seq));
CREATE TABLE seconds (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, seq INTEGER NOT NULL,
    start_s REAL NOT NULL, end_s REAL NOT NULL, content BLOB NOT NULL, UNIQUE (run_id, seq));
CREATE TABLE events (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, at_s REAL, kind TEXT NOT NULL,
    text TEXT NOT NULL);
CREATE INDEX events_by_run ON events (run_id);
CREATE TABLE verdicts (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, gate TEXT NOT NULL,
    requirement TEXT NOT NULL, status TEXT NOT NULL, value REAL, low REAL, high REAL, limit_ REAL, unit TEXT NOT NULL,
    samples INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE INDEX verdicts_by_run ON verdicts (run_id);
CREATE TABLE baselines (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, policy TEXT NOT NULL, created_at TEXT NOT NULL,
    retired_at TEXT);
CREATE TABLE members (id INTEGER PRIMARY KEY, baseline_id INTEGER NOT NULL REFERENCES baselines ON DELETE CASCADE,
    run_id TEXT REFERENCES runs ON DELETE RESTRICT, figures TEXT NOT NULL, added_at TEXT NOT NULL, pinned INTEGER NOT NULL,
    source TEXT NOT NULL, UNIQUE (baseline_id, run_id));
"""
_V1_TO_V2 = """
ALTER TABLE runs ADD COLUMN work_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN flagged TEXT NOT NULL DEFAULT '';
"""


def changes_hash(events: Iterable[Event]) -> str:
    """What belongs to `work_hash` for a run whose load people changed: it is alike no other; empty for one that nobody changed."""
    changes = [(event.at_s, event.text) for event in events if event.kind == "control"]
    return "+" + hashlib.sha256(repr(changes).encode()).hexdigest()[:8] if changes else ""


def work_hash(plan_json: str) -> str:
    """The same for plans that do the same work, whatever they are called, aimed at or judged by."""
    plan = json.loads(plan_json)
    work = {key: plan.get(key) for key in WORK}
    if plan.get("patience_s", USUAL_PATIENCE_S) != USUAL_PATIENCE_S:
        work["patience_s"] = plan["patience_s"]  # decides which arrivals are dropped; workers only share the work out
    if plan.get("pressure"):
        work["pressure"] = plan["pressure"]
    if any(step.get("voice") for scenario in work["scenarios"] or () for step in scenario.get("steps") or ()):
        work["voice"] = {key: value for key, value in (plan.get("voice") or {}).items() if key not in JUDGES_VOICE}
    for scenario in work["scenarios"] or ():
        if isinstance(scenario.get("profile"), dict):
            scenario["profile"].pop("max_duration", None)  # ends what takes too long, and adds no work
    return hashlib.sha256(json.dumps(_placeless(work), sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:HASH_LENGTH]


def work_hash_now(kept: str, plan_json: str) -> str:
    """The hash that a run kept by an earlier version has now; what people did to the load stands behind it."""
    return work_hash(plan_json) + kept[HASH_LENGTH:]


def _placeless(part: Any) -> Any:
    """The same, with names of files without their folders: another checkout does the same work."""
    if isinstance(part, list):
        return [_placeless(each) for each in part]
    if not isinstance(part, dict):
        return part
    names = {key: value.replace("\\", "/").rpartition("/")[2] for key, value in part.items() if key == "file" and isinstance(value, str)}
    return {key: _placeless(value) for key, value in part.items()} | names


def statements(script: str) -> list[str]:
    """The statements of a script: `executescript` would end the transaction that an upgrade needs."""
    return [text for part in script.split(";") if (text := part.strip())]


def _from_1(db: Session) -> None:
    for statement in statements(_V1_TO_V2):
        db.execute(statement)
    for run_id, plan in db.execute("SELECT run_id, content FROM plans").fetchall():
        try:
            found = work_hash(plan)
        except (ValueError, AttributeError):
            continue  # a plan that nobody can read does no known work
        db.execute("UPDATE runs SET work_hash = ? WHERE id = ?", (found, run_id))


def _from_2(db: Session) -> None:
    for statement in statements(TIMELINE):
        db.execute(statement)


def _from_3(db: Session) -> None:
    for run_id, old, plan in db.execute("SELECT id, work_hash, content FROM runs JOIN plans ON plans.run_id = runs.id").fetchall():
        try:
            found = work_hash_now(old, plan)
        except (ValueError, AttributeError):
            continue
        db.execute("UPDATE runs SET work_hash = ? WHERE id = ?", (found, run_id))


# version -> the step from it to the next one; each runs inside one transaction with the change of the version
UPGRADES: Mapping[int, Callable[[Session], None]] = {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_3, 5: _from_3}
VERSION = 6


def make(db: Session) -> None:
    """The tables of this version in an empty file."""
    for statement in statements(V2 + TIMELINE):
        db.execute(statement)

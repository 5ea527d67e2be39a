"""A run's measurements in tables: totals by series, sections, seconds, events, verdicts, plan and document."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, overload

from loadstone.errors import StoreError
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.event import Event
from loadstone.measure.packing import level_row, pack, series_of, unpack
from loadstone.measure.snapshot import LOAD, Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram
from loadstone.store.rows import Packed, RunParts, RunRow, Span, StoredRun
from loadstone.store.run_rows import sound
from loadstone.store.sql import Session, SqlDatabase

Part = TypeVar("Part")
_VERDICT = ("gate", "requirement", "status", "value", "low", "high", "limit", "unit", "samples", "reason")


class Stretches(Sequence[Aggregate]):
    """Sections that are unpacked each time one is asked for: all of an hour's at once would take 150 MB."""

    def __init__(self, database: SqlDatabase, run_id: str, contents: Sequence[bytes]) -> None:
        self._database, self._run_id, self._contents = database, run_id, contents

    def __len__(self) -> int:
        return len(self._contents)

    @overload
    def __getitem__(self, at: int) -> Aggregate: ...
    @overload
    def __getitem__(self, at: slice) -> Stretches: ...
    def __getitem__(self, at: int | slice) -> Aggregate | Stretches:
        if isinstance(at, slice):
            return Stretches(self._database, self._run_id, self._contents[at])
        try:
            return Aggregate.of(unpack(self._contents[at]))
        except ValueError as error:
            raise _damaged(self._database, self._run_id, error) from error


def write(db: Session, run_id: str, parts: RunParts) -> None:
    """Everything but plan and row."""
    if parts.document:
        db.execute(
            "INSERT INTO documents VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET content = excluded.content",
            (run_id, zlib.compress(parts.document, 6)),
        )
        _write_verdicts(db, run_id, json.loads(parts.document).get("gates", []))
    if parts.totals:
        _write_totals(db, run_id, unpack(parts.totals))
    for table, stretches in (("sections", parts.sections), ("timeline", parts.timeline), ("seconds", parts.seconds)):
        _write_stretches(db, table, run_id, stretches)
    db.executemany(
        "INSERT INTO events (run_id, at_s, kind, text) VALUES (?, ?, ?, ?)",
        [(run_id, event.at_s, *map(sound, (event.kind, event.text))) for event in parts.events],
    )


def write_second(db: Session, run_id: str, second: Packed) -> None:
    """One second of a run that goes on."""
    _write_stretches(db, "seconds", run_id, [second])


def read(database: SqlDatabase, run_id: str, *, seconds: bool) -> RunParts:
    """Everything beside the row, as bytes."""
    plan = database.rows("SELECT content FROM plans WHERE run_id = ?", (run_id,))
    document = database.rows("SELECT content FROM documents WHERE run_id = ?", (run_id,))
    totals = _totals(database, run_id)
    return RunParts(
        plan_json=plan[0][0] if plan else "{}",
        document=_inflated(database, document[0][0]) if document else b"",
        totals=pack(totals) if document else b"",
        sections=tuple(_stretches(database, "sections", run_id)),
        timeline=tuple(_stretches(database, "timeline", run_id)),
        seconds=tuple(_stretches(database, "seconds", run_id)) if seconds else (),
        events=tuple(_events(database, run_id)),
    )


def read_what_can(database: SqlDatabase, run_id: str, *, seconds: bool) -> tuple[RunParts, list[str]]:
    """Everything beside the row, but what is damaged; a line says of each such part why."""
    damage: list[str] = []

    def tried(what: str, part: Callable[[], Part], without: Part) -> Part:
        try:
            return part()
        except StoreError as error:
            damage.append(f"{what} cannot be read: {error.what}")
            return without

    def document() -> bytes:
        found = database.rows("SELECT content FROM documents WHERE run_id = ?", (run_id,))
        return _inflated(database, found[0][0]) if found else b""

    def plan() -> str:
        found = database.rows("SELECT content FROM plans WHERE run_id = ?", (run_id,))
        return str(found[0][0]) if found else "{}"

    parts = RunParts(
        plan_json=tried("the plan", plan, "{}"),
        document=tried("the report", document, b""),
        totals=tried("the totals", lambda: pack(_totals(database, run_id)), b""),
        sections=tried("the sections", lambda: tuple(_stretches(database, "sections", run_id)), ()),
        timeline=tried("the run over time", lambda: tuple(_stretches(database, "timeline", run_id)), ()),
        seconds=tried("the seconds", lambda: tuple(_stretches(database, "seconds", run_id)), ()) if seconds else (),
        events=tried("the events", lambda: tuple(_events(database, run_id)), ()),
    )
    return parts, damage


def load(database: SqlDatabase, row: RunRow) -> StoredRun:
    """The run, ready to be asked."""
    plan = database.rows("SELECT content FROM plans WHERE run_id = ?", (row.id,))
    document = database.rows("SELECT content FROM documents WHERE run_id = ?", (row.id,))
    stretches = list(_stretches(database, "sections", row.id))
    try:
        told = json.loads(_inflated(database, document[0][0])) if document else {}
        totals = Aggregate.of(_totals(database, row.id, row.seconds))
    except ValueError as error:
        raise _damaged(database, row.id, error) from error
    spans = [Span(section.start_s, section.end_s) for section in stretches]
    sections = Stretches(database, row.id, [section.content for section in stretches])
    return StoredRun(row, plan[0][0] if plan else "{}", told, totals, sections, spans, list(_events(database, row.id)))


def _write_totals(db: Session, run_id: str, totals: Snapshot) -> None:
    rows = [(run_id, series, "distribution", values.to_bytes()) for series, values in totals.distributions.items()]
    counts = [(run_id, series, "count", str(count).encode()) for series, count in totals.counts.items()]  # as text: it may pass 63 bits
    levels = [(run_id, series, "gauge", json.dumps(level_row(level)).encode()) for series, level in totals.gauges.items()]
    db.executemany(
        "INSERT INTO series (run_id, metric, tags, kind, content) VALUES (?, ?, ?, ?, ?)",
        [(run, series.metric, json.dumps(series.tags), kind, content) for run, series, kind, content in (*rows, *counts, *levels)],
    )
    db.executemany(
        "INSERT INTO failures (run_id, kind, step, text, count) VALUES (?, ?, ?, ?, ?)",
        [(run_id, *(json.dumps(text) for text in failure), count) for failure, count in totals.failures.items()],
    )


def _totals(database: SqlDatabase, run_id: str, seconds: float | None = None) -> Snapshot:
    distributions: dict[Series, Histogram] = {}
    counts: dict[Series, int] = {}
    gauges: dict[Series, Gauge] = {}
    if seconds is None:
        found = database.rows("SELECT seconds FROM runs WHERE id = ?", (run_id,))
        seconds = float(found[0][0]) if found else 0.0
    try:
        for metric, tags, kind, content in database.rows(
            "SELECT metric, tags, kind, content FROM series WHERE run_id = ? ORDER BY id", (run_id,)
        ):
            series = series_of(metric, json.loads(tags))
            if kind == "distribution":
                distributions[series] = Histogram.from_bytes(content)
            elif kind == "count":
                counts[series] = int(content)
            else:
                gauges[series] = Gauge(*json.loads(content))
        failures = {
            Failure(*(json.loads(text) for text in row[:3])): int(row[3])
            for row in database.rows("SELECT kind, step, text, count FROM failures WHERE run_id = ? ORDER BY id", (run_id,))
        }
    except (ValueError, TypeError) as error:
        raise _damaged(database, run_id, error) from error
    return Snapshot(0, 0.0, seconds, True, LOAD, distributions, counts, gauges, failures)


def _write_stretches(db: Session, table: str, run_id: str, stretches: Iterable[Packed]) -> None:
    db.executemany(
        f"INSERT INTO {table} (run_id, seq, start_s, end_s, content) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run_id, seq) DO NOTHING",  # noqa: S608  our own names
        [(run_id, *stretch) for stretch in stretches],
    )


def _stretches(database: SqlDatabase, table: str, run_id: str) -> Iterable[Packed]:
    sql = f"SELECT seq, start_s, end_s, content FROM {table} WHERE run_id = ? ORDER BY seq"  # noqa: S608  our own names
    return (Packed(*row) for row in database.rows(sql, (run_id,)))


def _events(database: SqlDatabase, run_id: str) -> Iterable[Event]:
    return (Event(*row) for row in database.rows("SELECT at_s, kind, text FROM events WHERE run_id = ? ORDER BY id", (run_id,)))


def _write_verdicts(db: Session, run_id: str, gates: list[dict[str, Any]]) -> None:
    db.executemany(
        "INSERT INTO verdicts (run_id, gate, requirement, status, value, low, high, limit_, unit, samples, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(run_id, *(gate[key] for key in _VERDICT)) for gate in gates],
    )


def _inflated(database: SqlDatabase, content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error as error:
        raise _damaged(database, "a document", error) from error


def _damaged(database: SqlDatabase, what: str, error: Exception) -> StoreError:
    return StoreError(f"what it holds of {what} cannot be read: {error}", where=database.where, hint="loadstone runs check")

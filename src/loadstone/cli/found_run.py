"""The run that a command names: kept in the store, in a log, in a JSON document or in an exported bundle; as it can be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from loadstone.cli.keeping import opened
from loadstone.cli.resume import newest_log, plan_in
from loadstone.errors import StoreError, UsageError

if TYPE_CHECKING:
    from loadstone.measure.snapshot import Snapshot
    from loadstone.plan.model import Plan
    from loadstone.report.told import Told
    from loadstone.store.rows import RunParts, RunRow
    from loadstone.store.store import Store

GZIP = b"\x1f\x8b"
LOG_HEAD = b'{"format":'
FILE_LIKE = (".json", ".jsonl", ".gz", ".xml", ".txt")


@dataclass(frozen=True, slots=True)
class Found:
    """A run, and what a page over time is drawn from.

    snapshots: the seconds, or longer stretches where they are not kept; read anew each time
    log:       the log that it was read from
    plan:      what it was asked to do; None where that is not known, or not read by this version
    row:       its row, for one of the store
    """

    told: Told
    snapshots: Callable[[], Iterable[Snapshot]]
    log: Path | None = None
    plan: Plan | None = None
    row: RunRow | None = None


def found_run(name: str, store_url: str | None = None) -> Found:
    """The run of a file, a folder of --out, or the store.

    raises: UsageError and StoreError, with what to try
    """
    path = Path(name)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return _in_file(path)
    if "/" in name or path.suffix in FILE_LIKE:
        raise UsageError("no such file or folder", where=name, hint="a folder of --out, or a run of `loadstone runs list`")
    with opened(store_url) as store:
        return _in_store(store, name)


def _in_folder(folder: Path) -> Found:
    results = sorted(folder.glob("result_*.json"))
    if results and not any(folder.glob("snapshots_*.jsonl")):
        return _in_file(results[-1])
    return _in_log(newest_log(folder))


def _in_file(path: Path) -> Found:
    from loadstone.report.stored import told_of_document, told_of_parts

    try:
        with path.open("rb") as file:
            head = file.read(len(LOG_HEAD))
            if head.startswith(GZIP):
                from loadstone.store.bundle import read_bundle

                row, parts = read_bundle(path)
                return _of_parts(row, parts, [], lambda: told_of_parts(row, parts))
            if head == LOG_HEAD or path.suffix == ".jsonl":
                return _in_log(path)
            data = head + file.read()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint="a file that you may read") from None
    return Found(told_of_document(data, str(path)), tuple)


def _in_log(path: Path) -> Found:
    """Judged again: a log holds no judgement."""
    from loadstone.measure.timeline import Timeline
    from loadstone.report.series import read_changes, read_gaps, read_snapshots
    from loadstone.report.told import Told
    from loadstone.run import judge_again

    plan, started_at = plan_in(path)
    damage: list[str] = []
    timeline = Timeline()

    def seen() -> Iterable[Snapshot]:
        for snapshot in read_snapshots(path, damage):
            timeline.snapshot(snapshot)
            yield snapshot

    story = judge_again(plan, seen(), started_at, gaps_s=tuple(read_gaps(path)), changes=tuple(read_changes(path)))
    told = replace(Told.of(story, timeline.so_far()), damage=tuple(damage))
    return Found(told, lambda: read_snapshots(path, []), path, plan)


def _in_store(store: Store, name: str) -> Found:
    from loadstone.report.stored import told_of_parts

    row = store.run(name)
    parts, damage = store.readable(row.id, seconds=False)  # an hour's would take seconds to read
    if not (parts.timeline and parts.document):
        parts, damage = store.readable(row.id)
    return replace(_of_parts(row, parts, damage, lambda: told_of_parts(row, parts, damage)), row=row)


def _of_parts(row: RunRow, parts: RunParts, damage: list[str], told_of: Callable[[], Told]) -> Found:
    """As the run was judged; where its report is lost, or was never made, its seconds are judged again."""
    try:
        told = told_of()
    except (UsageError, StoreError) as error:
        if not parts.seconds:
            if damage:
                raise StoreError("; ".join(damage), where=f"run {row.id}", hint="a bundle of it, or `loadstone runs check`") from None
            raise
        if parts.document:
            damage = [*damage, error.what]
        told = _judged_again(row, parts, damage)
    return Found(told, lambda: (each.snapshot() for each in told.timeline), plan=_plan_of(parts))


def _plan_of(parts: RunParts) -> Plan | None:
    from loadstone.plan.model import Plan

    try:
        return Plan.model_validate_json(parts.plan_json)
    except ValueError:
        return None


def _judged_again(row: RunRow, parts: RunParts, damage: list[str]) -> Told:
    from loadstone.measure.timeline import Timeline
    from loadstone.report.stored import seconds_of
    from loadstone.report.told import Told
    from loadstone.run import judge_again

    plan = _plan_of(parts)
    if plan is None:
        raise StoreError("its plan cannot be read, so nothing can be judged", where=f"run {row.id}", hint="loadstone runs list")
    timeline = Timeline()
    seconds = seconds_of(parts, damage)
    for snapshot in seconds:
        timeline.snapshot(snapshot)
    story = judge_again(plan, cast("Iterable[Snapshot]", seconds), row.started_at)
    return replace(Told.of(story, timeline.so_far()), damage=tuple(damage), run_id=row.id)

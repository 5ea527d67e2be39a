"""A store in tables of a database that understands SQL: SQLite and PostgreSQL differ in their SqlDatabase alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadstone.errors import StoreError
from loadstone.store import baseline_rows, run_parts, run_rows
from loadstone.store.rows import UNFINISHED, Baseline, Packed, Policy, RunFilter, RunParts, RunRow, StoredRun
from loadstone.store.sql import Session, SqlDatabase
from loadstone.store.store import Store

TRIES = 5  # for an id that nobody has


class SqlStore(Store):
    """See Store. Several processes may write at once; each waits for the others, a few seconds at most."""

    def __init__(self, url: str, database: SqlDatabase) -> None:
        self.url, self.database = url, database

    def wait(self, seconds: float) -> None:
        """See Store."""
        self.database.wait(seconds)

    def begin(self, row: RunRow, plan_json: str) -> RunRow:
        """See Store."""
        for _ in range(TRIES):
            try:
                with self.database.transaction() as db:
                    written = run_rows.insert(db, row)
                    db.execute("INSERT INTO plans VALUES (?, ?)", (written.id, plan_json))
                    return written
            except StoreError as error:
                if row.id or not isinstance(error.__cause__, self.database.conflict):
                    raise
        raise StoreError("found no free id for a run", where=self.url)

    def append(self, run_id: str, second: Packed) -> None:
        """See Store."""
        with self.database.transaction() as db:
            run_parts.write_second(db, run_id, second)

    def finish(self, row: RunRow, parts: RunParts) -> None:
        """See Store."""
        with self.database.transaction() as db:
            self._end(db, row, parts)

    def add(self, row: RunRow, parts: RunParts) -> None:
        """See Store."""
        with self.database.transaction() as db:
            found = db.execute("SELECT verdict FROM runs WHERE id = ?", (row.id,)).fetchone()
            if found and not (found[0] == UNFINISHED and row.finished):
                raise StoreError(f"a run {row.id} is there already", where=self.url, hint=f"loadstone runs rm {row.id}")
            if found:
                self._end(db, row, parts)
                return
            run_rows.insert(db, row)
            db.execute("INSERT INTO plans VALUES (?, ?)", (row.id, parts.plan_json))
            run_parts.write(db, row.id, parts)

    def runs(self, wanted: RunFilter | None = None) -> list[RunRow]:
        """See Store."""
        return run_rows.find(self.database, wanted or RunFilter())

    def count(self, wanted: RunFilter | None = None) -> int:
        """See Store."""
        return run_rows.count(self.database, wanted or RunFilter())

    def run(self, name: str) -> RunRow:
        """See Store."""
        return run_rows.named(self.database, name)

    def load(self, run_id: str) -> StoredRun:
        """See Store."""
        return run_parts.load(self.database, self.run(run_id))

    def parts(self, run_id: str, *, seconds: bool = True) -> RunParts:
        """See Store."""
        return run_parts.read(self.database, self.run(run_id).id, seconds=seconds)

    def readable(self, run_id: str, *, seconds: bool = True) -> tuple[RunParts, list[str]]:
        """See Store."""
        return run_parts.read_what_can(self.database, self.run(run_id).id, seconds=seconds)

    def flag(self, run_id: str, reason: str) -> None:
        """See Store."""
        found = self.run(run_id).id
        with self.database.transaction() as db:
            db.execute("UPDATE runs SET flagged = ? WHERE id = ?", (reason, found))

    def delete(self, run_ids: Sequence[str]) -> None:
        """See Store."""
        with self.database.transaction() as db:
            for run_id in run_ids:
                if taken := baseline_rows.baselines_of(db, run_id):
                    hint = f"loadstone baseline remove {taken[0]} {run_id}"
                    raise StoreError(f"run {run_id} belongs to the baseline {', '.join(taken)}", where=self.url, hint=hint)
                db.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def drop_seconds(self, run_ids: Sequence[str]) -> int:
        """See Store."""
        with self.database.transaction() as db:
            return sum(db.execute("DELETE FROM seconds WHERE run_id = ?", (run_id,)).rowcount for run_id in run_ids)

    def with_seconds(self) -> list[str]:
        """See Store."""
        return [row[0] for row in self.database.rows("SELECT DISTINCT run_id FROM seconds ORDER BY run_id")]

    def make_baseline(self, name: str, policy: Policy) -> Baseline:
        """See Store."""
        return baseline_rows.make(self.database, name, policy)

    def baselines(self, *, retired: bool = False) -> list[Baseline]:
        """See Store."""
        return [each for each in baseline_rows.every(self.database) if retired or each.retired_at is None]

    def baseline(self, name: str, *, branch: str | None = None, machine: str | None = None) -> Baseline:
        """See Store."""
        return baseline_rows.one(self.database, name, branch, machine)

    def add_member(self, name: str, run_id: str | None, figures: Mapping[str, float], *, pinned: bool = False, source: str = "") -> None:
        """See Store."""
        baseline_rows.add(self.database, name, run_id, figures, pinned=pinned, source=source)

    def remove_member(self, name: str, run_id: str) -> None:
        """See Store."""
        baseline_rows.remove(self.database, name, run_id)

    def retire(self, name: str) -> None:
        """See Store."""
        baseline_rows.retire(self.database, name)

    def check(self) -> list[str]:
        """See Store."""
        return self.database.check()

    def close(self) -> None:
        """See Store."""
        self.database.close()

    @staticmethod
    def _end(db: Session, row: RunRow, parts: RunParts) -> None:
        run_rows.update(db, row)
        db.execute("UPDATE plans SET content = ? WHERE run_id = ?", (parts.plan_json, row.id))
        run_parts.write(db, row.id, parts)

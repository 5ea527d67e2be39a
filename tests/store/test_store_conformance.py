"""The SQLite store through the suite that authors of other stores use, and the suite against stores that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadstone.plugins import Plugins
from loadstone.store.rows import Packed, Policy, RunFilter, RunParts, RunRow
from loadstone.store.sqlite import SqliteStore
from loadstone.store.store import Store
from loadstone.testing.store_conformance import StoreConformance
from tests.postgres import NewUrl

CHECKS = [name for name in dir(StoreConformance) if name.startswith("test_")]
BUILT_IN = Plugins(points={})


class AnyStore(StoreConformance):
    def __init__(self, factory: Callable[..., Store]) -> None:
        self.factory = factory

    def open(self, folder: Path, *, make: bool = True) -> Store:
        return self.factory(f"sqlite:///{folder / 'runs.db'}", make=make)


@pytest.mark.parametrize("check", CHECKS)
def test_stores_in_files_conform(check: str) -> None:
    getattr(AnyStore(BUILT_IN.get("store", "sqlite")), check)()


class SchemaStore(StoreConformance):
    """A schema for each folder of the suite."""

    def __init__(self, new_url: NewUrl) -> None:
        self.new_url = new_url
        self.urls: dict[Path, str] = {}

    def open(self, folder: Path, *, make: bool = True) -> Store:
        store: Store = BUILT_IN.get("store", "postgresql")(self.urls.setdefault(folder, self.new_url()), make=make)
        return store


@pytest.mark.parametrize("check", CHECKS)
def test_stores_in_postgresql_conform(new_url: NewUrl, check: str) -> None:
    getattr(SchemaStore(new_url), check)()


def test_every_built_in_scheme_is_held_to_the_suite() -> None:
    assert set(BUILT_IN.names("store")) == {"sqlite", "postgres", "postgresql"}
    assert BUILT_IN.get("store", "postgres") is BUILT_IN.get("store", "postgresql")


class Forgetful(SqliteStore):
    """Seconds and marks are lost."""

    def append(self, run_id: str, second: Packed) -> None:
        pass

    def flag(self, run_id: str, reason: str) -> None:
        pass


class NewestFirst(SqliteStore):
    """The order is turned round, and everything is made unasked."""

    def __init__(self, url: str, *, make: bool = True) -> None:
        super().__init__(url, make=make or True)

    def runs(self, wanted: RunFilter | None = None) -> list[RunRow]:
        return super().runs(wanted)[::-1]


class Careless(SqliteStore):
    """Takes what is there already, and leaves out members' figures and the policy."""

    def add(self, row: RunRow, parts: RunParts) -> None:
        if row.id not in [each.id for each in self.runs()]:
            super().add(row, parts)

    def add_member(self, name: str, run_id: str | None, figures: Mapping[str, float], *, pinned: bool = False, source: str = "") -> None:
        super().add_member(name, run_id, dict.fromkeys(figures, 0.0), pinned=pinned, source=source)

    def make_baseline(self, name: str, policy: Policy) -> Any:
        return super().make_baseline(name, replace(policy, last=None, per_branch=False))


class Hasty(SqliteStore):
    """Forgets runs one by one, and damages what it finishes."""

    def delete(self, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            super().delete([run_id])

    def finish(self, row: RunRow, parts: RunParts) -> None:
        super().finish(row, RunParts(parts.plan_json, parts.document, parts.totals, parts.sections[1:], parts.seconds, parts.events))


class Guessing(SqliteStore):
    """Takes the first run for a name that fits none."""

    def run(self, name: str) -> RunRow:
        return next((row for row in self.runs() if row.id.startswith(name)), self.runs()[0])


@pytest.mark.parametrize(
    ("factory", "failing"),
    [
        (Forgetful, {"test_an_unfinished_run_keeps", "test_a_mark_is_put"}),
        (NewestFirst, {"test_runs_are_found_by", "test_it_is_closed_more", "test_a_run_of_a_baseline"}),
        (Careless, {"test_a_run_from_elsewhere", "test_a_baseline_counts"}),
        (Hasty, {"test_a_run_comes_back", "test_a_run_of_a_baseline"}),
        (Guessing, {"test_runs_are_named", "test_a_mark_is_put"}),
    ],
)
def test_the_suite_finds_what_is_wrong_with_a_store(factory: Callable[..., Store], failing: set[str]) -> None:
    found = set()
    for check in CHECKS:
        try:
            getattr(AnyStore(factory), check)()
        except Exception:  # noqa: BLE001  whatever tells the author
            found.add(check)
    assert found == {check for check in CHECKS if check.startswith(tuple(failing))}

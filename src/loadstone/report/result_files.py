"""The files in which a suite leaves its results: their names, and what is written into each, as one table of the suite.

A table is a tuple of `ResultFile` under the plug-in kind `result_file`; a plan names it as `results.files`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from loadstone.judge.beside import PastRun
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.measure.under_load import LOAD_TIME
from loadstone.plan.model import Plan
from loadstone.plugins import BUILT_IN, installed
from loadstone.report.json_schema import shipped
from loadstone.report.told import Told
from loadstone.store.rows import RunRow

STAMP: Final = "{stamp}"


class FilePart(BaseModel):
    """Part of a file: keys are closed, and null means that there is no value."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


@dataclass(frozen=True, slots=True)
class KeptRun:
    """The run as the store keeps it.

    history: runs that did the same work, oldest first, this one the last
    """

    row: RunRow
    history: Callable[[], Sequence[PastRun]]


@dataclass(frozen=True, slots=True)
class Part:
    """Some scenarios of a run.

    view:    what their judged part recorded
    seconds: in which one of them or more was under load
    """

    view: Aggregate
    seconds: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What files are made of.

    kept: None where the store does not have the run
    """

    told: Told
    kept: KeptRun | None = None
    _judged: dict[tuple[str, ...], Part | None] = field(default_factory=dict)

    @cached_property
    def stretches(self) -> tuple[Snapshot, ...]:
        """The judged part over time; empty where it was not kept."""
        return tuple(stretch.snapshot() for stretch in self.told.timeline if stretch.judged)

    def part(self, *scenarios: str) -> Part | None:
        """What these scenarios came to; None where nothing of them was kept or judged."""
        if scenarios not in self._judged:
            self._judged[scenarios] = self._part(frozenset(scenarios))
        return self._judged[scenarios]

    def _part(self, scenarios: frozenset[str]) -> Part | None:
        found = [_only(each, scenarios) for each in self.stretches]
        if not any(each.distributions or each.counts for each in found):
            return None
        return Part(Aggregate(found), sum(_under_load_s(each) for each in found))


def _only(snapshot: Snapshot, scenarios: frozenset[str]) -> Snapshot:
    """The series of these scenarios alone."""

    def mine(table: Any) -> dict[Series, Any]:
        return {series: value for series, value in table.items() if dict(series.tags).get("scenario") in scenarios}

    distributions, counts, gauges = mine(snapshot.distributions), mine(snapshot.counts), mine(snapshot.gauges)
    return Snapshot(
        snapshot.seq, snapshot.start_s, snapshot.end_s, snapshot.judged, snapshot.phase, distributions, counts, gauges, snapshot.failures
    )


def _under_load_s(snapshot: Snapshot) -> float:
    """Scenarios one after another add up; those side by side fill the stretch, and no more."""
    busy_ns = sum(count for series, count in snapshot.counts.items() if series.metric == LOAD_TIME)
    return min(snapshot.end_s - snapshot.start_s, busy_ns / 1e9)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file.

    pattern: its name below the folder of results; `{stamp}` stands for the time; `/` for a folder of its own
    build:   what is in it: a document, bytes, or None where the run has nothing for it
    report:  in place of `build`, the name of a report: html, text, junit
    about:   scenarios and requirements, of which the plan has one or more; empty: any plan
    schema:  name of the shipped JSON schema of what `build` makes
    model:   its type
    during:  also written while the run goes on
    """

    pattern: str
    build: Callable[[Evidence], BaseModel | bytes | None] | None = None
    report: str = ""
    about: frozenset[str] = frozenset()
    schema: str = ""
    model: type[BaseModel] | None = None
    during: bool = False

    def name(self, stamp: str) -> str:
        """The file's name for a run of that time."""
        return self.pattern.replace(STAMP, stamp)

    def concerns(self, plan: Plan) -> bool:
        """Does a run of this plan have something for it?"""
        there = {scenario.name for scenario in plan.scenarios} | {line.requirement for line in plan.gates}
        return not self.about or bool(self.about & there)

    def content(self, evidence: Evidence) -> bytes | None:
        """What `build` makes of the run, as bytes; None for no file."""
        made = self.build(evidence) if self.build is not None else None
        if isinstance(made, BaseModel):
            return (json.dumps(made.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
        return made


def schema_of(file: ResultFile) -> str:
    """The JSON schema of a file's documents, as shipped in `schema/NAME-1.json`."""
    if file.model is None:
        raise ValueError(f"{file.pattern} is no document")
    schema = file.model.model_json_schema(by_alias=True, mode="serialization")
    return shipped(schema, f"urn:loadstone.{file.schema}:1")


def shipped_schemas() -> dict[str, str]:
    """The JSON schemas of all tables that come with Loadstone, by file name."""
    found = {}
    for name in BUILT_IN["result_file"]:
        for file in installed().get("result_file", name):
            if file.model is not None:
                found[f"{file.schema}-1.json"] = schema_of(file)
    return found


if __name__ == "__main__":
    for file_name, text in shipped_schemas().items():
        (Path(__file__).parent / "schema" / file_name).write_text(text, encoding="utf-8")

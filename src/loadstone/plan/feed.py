"""Rows of test data for users: CSV or JSON lines, given out by position so that any number of workers agree."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from loadstone.errors import UsageError

Row = Mapping[str, Any]


class FeedPlan(BaseModel):
    """Where the rows are and who gets which.

    take: `next`: every iteration takes the next row; `per_user`: user number k keeps row k
    exhausted: start again (`wrap`), or end that user (`stop`)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    format: Literal["csv", "jsonl"] | None = None
    order: Literal["sequential", "shuffle", "random"] = "sequential"
    take: Literal["next", "per_user"] = "next"
    exhausted: Literal["wrap", "stop"] = "wrap"

    @property
    def read_as(self) -> str:
        """The format, by the file's name unless it is given."""
        return self.format or ("jsonl" if Path(self.file).suffix in {".jsonl", ".ndjson"} else "csv")


class Feed:
    """The rows of a file, all in memory (about twice the file's size per worker process)."""

    def __init__(self, plan: FeedPlan, seed: int) -> None:
        self.plan = plan
        self.columns, self._rows = read_rows(plan)
        self._seed = seed
        self._order = list(range(len(self._rows)))
        if plan.order == "shuffle":
            random.Random(seed).shuffle(self._order)

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, position: int) -> Row | None:
        """The row for a position (number of the user, or of the iteration over all users); None: no more rows.

        A pure function of file, seed and position: worker w of W takes positions w, w + W, … and no row is given twice.
        """
        count = len(self._rows)
        if self.plan.exhausted == "stop" and position >= count:
            return None
        if self.plan.order == "random":
            return self._rows[random.Random(f"{self._seed}/{position}").randrange(count)]
        return self._rows[self._order[position % count]]


def read_rows(plan: FeedPlan) -> tuple[list[str], list[Row]]:
    """Column names and rows; raises UsageError for a file that is missing, empty or unreadable."""
    try:
        with Path(plan.file).open(encoding="utf-8-sig", newline="") as lines:
            rows = _json_lines(plan.file, lines.readlines()) if plan.read_as == "jsonl" else _csv_rows(plan.file, lines.readlines())
    except OSError as error:
        raise UsageError(f"cannot read the data file: {error.strerror}", where=plan.file) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8 text (byte {error.start})", where=plan.file, hint="save the file as UTF-8") from None
    if not rows:
        raise UsageError("has no rows", where=plan.file, hint="one row of data for each user or iteration")
    return list(rows[0]), rows


def _csv_rows(file: str, lines: list[str]) -> list[Row]:
    reader = csv.reader(lines, strict=True)
    rows: list[Row] = []
    try:
        names = next(reader, [])
        if len(set(names)) < len(names):
            raise UsageError("two columns have the same name", where=f"{file}:1", hint="rename one of them")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                what = f"has {len(cells)} cells, the header has {len(names)}"
                raise UsageError(what, where=f"{file}:{reader.line_num}", hint="put texts with a comma in double quotes")
            rows.append(dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise UsageError(f"is not CSV: {error}", where=f"{file}:{reader.line_num}") from None
    return rows


def _json_lines(file: str, lines: list[str]) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"is not JSON: {error.msg}", where=f"{file}:{number}", hint="one JSON object on each line") from None
        if not isinstance(row, dict):
            raise UsageError("is not a JSON object", where=f"{file}:{number}", hint='{"name": "value"}')
        rows.append(row)
    return rows

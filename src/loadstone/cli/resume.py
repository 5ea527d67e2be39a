"""`loadstone run --resume DIR`: go on with a run whose process ended, from the newest log in its folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.load.control import Applied
    from loadstone.measure.earlier import Earlier
    from loadstone.plan.model import Plan


def newest_log(place: Path) -> Path:
    """The file itself, or the newest log in a folder of --out; raises UsageError where there is none."""
    if place.is_file():
        return place
    logs = sorted(place.glob("snapshots_*.jsonl")) if place.is_dir() else []
    if not logs:
        raise UsageError("no log of a run", where=str(place), hint="the folder of `loadstone run --out DIR`")
    return logs[-1]


def plan_in(path: Path) -> tuple[Plan, datetime]:
    """The plan that a log names, without its secrets, and when the run started; raises UsageError for a log without one."""
    from loadstone.plan.model import Plan
    from loadstone.report.series import read_head

    head = read_head(path)
    try:
        return Plan.model_validate(head["plan"]), datetime.fromisoformat(head["started_at"])
    except (KeyError, TypeError, ValueError):
        raise UsageError("holds no plan, so nothing can be judged", where=str(path), hint="a log of this version of Loadstone") from None


def plan_to_resume(path: Path, again: Plan | None) -> tuple[Plan, Earlier, list[Applied]]:
    """The plan to go on with, what was played of it, and what people did to its load meanwhile.

    again:  the plan from its suite, which has the secrets that a log leaves out
    raises: UsageError when secrets are missing, when it is another plan, or when nothing is left to do
    """
    from loadstone.measure.earlier import Earlier
    from loadstone.plan.http import MASK
    from loadstone.plan.rest import rest_of
    from loadstone.report.series import read_changes, read_gaps, read_snapshots

    kept, started_at = plan_in(path)
    if again is not None:
        if _shown(again) != _shown(kept):
            raise UsageError("is another plan than that of the log", where=f"--resume {path}", hint="the same suite, flags and seed")
    elif MASK in json.dumps(_shown(kept)):
        raise UsageError(
            "its log holds no secrets, and the plan needs some", where=f"--resume {path}", hint="loadstone run SUITE --resume DIR"
        )
    earlier = Earlier.of(partial(read_snapshots, path), started_at, tuple(read_gaps(path)), datetime.now(UTC))
    plan = again or kept
    rest_of(plan, earlier.ran_s, earlier.end_s)  # refused now, not after the files were touched
    return plan, earlier, list(read_changes(path))


def _shown(plan: Plan) -> object:
    # `source` says where a plan was read from; a target that an embedded backend had is that of its time.
    return json.loads(plan.model_dump_json(exclude={"source"} | ({"target"} if plan.embedded else set())))

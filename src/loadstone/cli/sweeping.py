"""What every command with `--sweep` does: the plans of all levels, their runs, one table, one document."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zlib import crc32

import click

from loadstone.cli.account_files import asked_of_run, tell_account
from loadstone.cli.dashboard_options import refuse_dashboard
from loadstone.cli.embedded import aimed
from loadstone.cli.kept_levels import KeptLevels, refuse_baselines
from loadstone.cli.outlets import refuse_outlets
from loadstone.cli.perform import Showing, result_folder, view_of, watched_of
from loadstone.cli.streams import telling
from loadstone.errors import UsageError
from loadstone.load.spawn import WorkerProcess
from loadstone.units import nearest

if TYPE_CHECKING:
    from loadstone.judge.sweep import Level
    from loadstone.measure.sink import Sink
    from loadstone.plan.model import Plan
    from loadstone.report.account import Account


def sweep_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--sweep, --sweep-pause and --sweep-errors."""
    options = [
        click.option("--sweep", metavar="KNOB=LEVELS", help="A run per level: users=1,2,4,8, rate=10..100x10, users=1..64*2."),
        click.option("--sweep-pause", metavar="TIME", default="2s", show_default=True, help="Rest between two levels."),
        click.option("--sweep-errors", metavar="SHARE", default="10%", show_default=True, help="End after a level with more failures."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def perform_sweep(
    given: Mapping[str, Any],
    plan_at: Callable[[str, str], Plan],
    showing: Showing,
    *,
    worker: WorkerProcess,
) -> int:
    """Run every level of `given["sweep"]`, keep and tell each, answer the exit code.

    given:   the values of `sweep_options`
    plan_at: the plan with a knob set to a level, both as they were written; it raises for a knob that it does not have
    """
    from loadstone.plan.levels import parse_levels
    from loadstone.report.accounts.sweep import account_of_sweep
    from loadstone.report.file_names import stamp_of
    from loadstone.report.sweep_document import sweep_document_of
    from loadstone.sweep import sweep
    from loadstone.units import parse_duration, parse_share

    keeper: KeptLevels | None = None
    try:
        refuse_baselines()
        refuse_outlets()
        refuse_dashboard()
        asked = asked_of_run(showing.out)
        levels = parse_levels(given["sweep"])
        pause_s, error_limit = parse_duration(given["sweep_pause"]), parse_share(given["sweep_errors"])
        plans = {level: plan_at(levels.knob, level) for level in levels.values}
        stamp = stamp_of(datetime.now(UTC))
        kept = keeper = KeptLevels("sweep", stamp, lambda plan: watched_of(plan, showing), quiet=showing.quiet or showing.json)
        with aimed(next(iter(plans.values()))) as first:
            at_target = {level: plan.model_copy(update={"target": plan.target or first.target}) for level, plan in plans.items()}
            found = sweep(
                levels.knob,
                at_target,
                sinks=lambda level, plan: [
                    *kept.begin(plan, f"{levels.knob}={level}"),
                    *_sinks(levels.knob, level, plan, showing, stamp),
                ],
                told=lambda level: _tell(levels.knob, level, showing, kept),
                pause_s=pause_s,
                error_limit=error_limit,
                worker=worker,
                command=["loadstone", *sys.argv[1:]],
            )
    finally:
        if keeper is not None:
            keeper.release()
    account = account_of_sweep(sweep_document_of(found))
    with telling(over=True):
        return tell_account(account, asked, lambda: _page(account, showing))


def _page(account: Account, showing: Showing) -> str:
    """What standard output gets of a sweep."""
    from loadstone.report.text import look_of

    if showing.json:
        return account.document.decode()
    text = account.page(look_of(sys.stdout, plain=showing.no_color))
    return text.partition("\n\n")[0] if showing.quiet else text


def with_own_seed(plan: Plan, level: str) -> Plan:
    """The plan with a seed that no other level has: a target that keeps answers would otherwise give those of the level before."""
    return plan.model_copy(update={"seed": plan.seed + crc32(level.encode())})


def at_level(given: Mapping[str, Any], knob: str, level: str, *, command: str, knobs: Sequence[str]) -> dict[str, Any]:
    """The flags with one of a command's knobs set to a level; raises UsageError for one that it does not have, or that is set as well."""
    if knob not in knobs:
        what = f"{knob!r} is no knob of {command}{nearest(knob, list(knobs))}"
        raise UsageError(what, where="flag --sweep", hint=f"one of {', '.join(knobs)}")
    not_with_sweep(given, knob)
    return {**given, _flag(knob): level}


def not_with_sweep(given: Mapping[str, Any], knob: str) -> None:
    """A knob that is swept is not set as well."""
    if given.get(_flag(knob)) not in (None, False, ()):
        raise UsageError(f"{knob} is swept, so it cannot be set as well", where=f"flag --{knob}", hint="leave one of them out")


def _flag(knob: str) -> str:
    return knob.replace("-", "_")


def _sinks(knob: str, level: str, plan: Plan, showing: Showing, stamp: str) -> list[Sink]:
    from loadstone.report.series import SnapshotLog, log_name

    folder = result_folder(showing.out)
    name = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in f"{knob}-{level}")
    sinks: list[Sink] = [SnapshotLog(folder / log_name(f"{stamp}_{name}"))] if folder else []
    if not showing.quiet:
        sinks.append(view_of(plan.model_copy(update={"name": f"{plan.name} {knob}={level}"}), showing))
    return sinks


def _tell(knob: str, level: Level, showing: Showing, keeper: KeptLevels) -> None:
    keeper.end(level.story)
    if showing.quiet:
        return
    from loadstone.report.sweep_document import level_document
    from loadstone.report.sweep_text import row_text

    click.echo(row_text(knob, level_document(level)), err=True)

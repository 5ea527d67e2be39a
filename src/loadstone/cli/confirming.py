"""`--confirm N`: a run that is worse than before is made again, and fails only when the new one bears it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from loadstone.cli.keeping import COMPARING, asked
from loadstone.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadstone.judge.story import Story
    from loadstone.plan.model import Plan

MOST = 5  # a regression that is still in doubt after so many runs is none that a gate should be about


def confirmations(plan: Plan) -> int:
    """How many more runs may be made to confirm a regression; raises UsageError for a plan that compares with nothing."""
    given = asked("confirm")
    if given is None:
        return 0
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= MOST):
        raise UsageError(f"must be a whole number from 1 to {MOST}", where=f"flag --confirm {given}", hint="--confirm 1")
    if not (asked("baseline") or plan.baselines.name or any(line.kind in COMPARING for line in plan.gates)):
        raise UsageError("nothing is compared that could be confirmed", where=f"flag --confirm {given}", hint="--baseline NAME")
    return int(given)


def only_worse(story: Story) -> bool:
    """Did the run fail by comparisons alone? What is wrong by itself needs no confirmation."""
    from loadstone.judge.verdict import Status

    failed = [verdict for verdict in story.verdicts if verdict.status is Status.FAIL]
    return story.exit_code is ExitCode.GATE_FAILED and bool(failed) and all(verdict.compares for verdict in failed)


def until_confirmed(left: int, run: Callable[[Sequence[Story], int], tuple[Story, int]]) -> int:
    """The exit code of the last run: the first that does not fail by comparisons alone, or the one after which none is left.

    run: makes a run, given those before it that were worse, and how many more may come
    """
    doubted: list[Story] = []
    while True:
        story, code = run(doubted, left)
        if not left or not only_worse(story):
            return code
        doubted.append(story)
        left -= 1


def tell_doubt(story: Story, left: int) -> bool:
    """Say why another run follows; False when none does."""
    from loadstone.judge.verdict import Status

    if not left or not only_worse(story):
        return False
    for verdict in story.verdicts:
        if verdict.status is Status.FAIL:
            click.echo(f"loadstone: {verdict.gate.name or verdict.gate}: {verdict.reason}", err=True)
    click.echo("loadstone: worse than before; the run is made once more to confirm it", err=True)
    return True

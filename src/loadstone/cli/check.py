"""`loadstone check FILE…`: print the resolved plan and its arrivals; send nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from loadstone.cli.plan_options import plan_options
from loadstone.cli.suite_options import SuiteCommand

if TYPE_CHECKING:
    from loadstone.plan.model import Plan


@click.command("check", cls=SuiteCommand)
@plan_options
def command(suites: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], **flags: str | None) -> None:
    """Print what SUITES would do, and send nothing.

    All mistakes are told at once, with file, line and what to write instead; the exit code is then 2.
    """
    from loadstone.cli.before_run import gates_of
    from loadstone.cli.finding import written
    from loadstone.plan.describe import describe
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    plan, _ = load(suites, Overrides(flags, sets, tags, os.environ))
    _check_gates(plan)
    for line in describe(plan):
        click.echo(line)
    for line in written(gates_of(plan)):
        click.echo(line)
    click.echo("\nThe plan is valid; nothing was sent.")


def _check_gates(plan: Plan) -> None:
    """Metrics, statistics and units of gates and bands, as a run would look at them."""
    from loadstone.judge.fitting import panel_of
    from loadstone.measure.declared import catalogue_of
    from loadstone.probes.watch import Watch

    panel_of(plan, catalogue_of(plan, Watch.of(plan).metrics))

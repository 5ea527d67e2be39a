"""`loadstone check FILE…`: print the resolved plan and its arrivals; send nothing."""

from __future__ import annotations

import os

import click

from loadstone.cli.plan_options import plan_options


@click.command("check")
@plan_options
def command(suites: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], **flags: str | None) -> None:
    """Print what SUITES would do, and send nothing.

    All mistakes are told at once, with file, line and what to write instead; the exit code is then 2.
    """
    from loadstone.plan.describe import describe
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    plan, _ = load(suites, Overrides(flags, sets, tags, os.environ))
    for line in describe(plan):
        click.echo(line)
    click.echo("\nThe plan is valid; nothing was sent.")

"""`loadstone load SUITE`: only the load of a suite that comes with Loadstone, without its other tests."""

from __future__ import annotations

from typing import Any

import click

from loadstone.cli.run import command as run
from loadstone.cli.suite_options import SuiteCommand
from loadstone.errors import UsageError

LOAD = "load"


class LoadCommand(SuiteCommand):
    """`run SUITE --load`, for suites that have that flag."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click: the flag is on, and need not be given."""
        rest = super().parse_args(ctx, args)
        if LOAD not in ctx.params:
            raise UsageError(f"{' '.join(ctx.params['suites'])} has no load to run alone", where="loadstone load", hint="loadstone run")
        ctx.params[LOAD] = "true"
        return rest


@click.command("load", cls=LoadCommand, params=run.params)
def command(**given: Any) -> Any:
    r"""Put only the load of SUITES (names of suites that come with Loadstone, or Python files) on a target, and print a verdict.

    \b
    loadstone load llm --scenario api        the API at a held rate
    loadstone load llm --scenario llm        users who wait for whole answers
    """
    assert run.callback is not None
    return run.callback(**given)

"""The flags that every command with a plan takes: they stand above the file and the environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from loadstone.cli.probe_options import probe_options


def plan_options(function: Callable[..., Any], *, suites_required: bool = True) -> Callable[..., Any]:
    """SUITES, --target, --embedded, --users, --rate, --duration, --settle, --seed, --workers, --probe and its like, --set and --tag."""
    options = [
        click.argument("suites", nargs=-1, required=suites_required, metavar="SUITE..."),
        click.option("--target", metavar="URL", help="Where the load goes."),
        click.option("--embedded", is_flag=True, default=None, help="Start the reference backend and put the load on that."),
        click.option("--users", metavar="N", help="That many users in every scenario."),
        click.option("--rate", metavar="RATE", help="That many arrivals in every scenario, as 5/s or 30/m."),
        click.option("--duration", metavar="TIME", help="How long every scenario lasts, as 90s or 5m."),
        click.option("--settle", metavar="TIME", help="Let the target rest after the load, and tell what memory it keeps."),
        click.option("--seed", metavar="N", help="Seed of arrivals and of users' choices."),
        click.option("--workers", metavar="N", help="Processes that generate load."),
        click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any setting, as scenarios.browse.profile.rate=5/s."),
        click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag of the run."),
    ]
    function = probe_options(function)
    for option in reversed(options):
        function = option(function)
    return function

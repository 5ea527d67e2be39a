"""`loadstone run FILE|SUITE…`: run suites and judge them."""

from __future__ import annotations

import os
from typing import Any

import click

from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.cli.plan_options import plan_options
from loadstone.cli.suite_options import SuiteCommand
from loadstone.cli.sweeping import not_with_sweep, perform_sweep, sweep_options
from loadstone.errors import UsageError
from loadstone.load.spawn import discard, worker_ahead


@click.command("run", cls=SuiteCommand)
@plan_options
@click.option("--compress", metavar="FACTOR", help="A long run in little time: 60x turns its hours into minutes; every output says so.")
@click.option("--compress-rates", is_flag=True, help="With --compress: arrivals that much faster, too, so that none is missing.")
@click.option("--repeat-load", is_flag=True, help="The same load a second time: tells a cache that fills from a leak.")
@click.option(
    "--fault", "faults", metavar="NAME=VALUE", multiple=True, help="A fault of the reference backend, as leak=10kB; again for more."
)
@sweep_options
@showing_options
def command(
    suites: tuple[str, ...],
    *,
    sets: tuple[str, ...],
    tags: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    no_color: bool,
    out: str | None,
    sweep: str | None,
    sweep_pause: str,
    sweep_errors: str,
    compress: str | None,
    compress_rates: bool,
    repeat_load: bool,
    faults: tuple[str, ...],
    **flags: str | None,
) -> int:
    """Run SUITES (Python, YAML, TOML or JSON files, or names of suites that come with Loadstone) and print a verdict."""
    if sweep is not None and compress is not None:
        raise UsageError("a sweep is not compressed", where="flags --sweep and --compress", hint="keep one of them")
    if sweep is not None and repeat_load:
        raise UsageError("a sweep is not repeated", where="flags --sweep and --repeat-load", hint="keep one of them")
    if sweep is not None and faults:
        raise UsageError("a sweep has no faults", where="flags --sweep and --fault", hint="loadstone serve --fault …, and its URL")
    worker = worker_ahead()
    if sweep is not None:
        given = {"sweep": sweep, "sweep_pause": sweep_pause, "sweep_errors": sweep_errors}
        showing = Showing(as_json, quiet, no_color, out)
        return perform_sweep(given, lambda knob, level: _plan_at(knob, level, suites, sets, tags, flags), showing, worker=worker)
    try:
        plan, run_settings = _load(suites, sets, tags, flags)
        if compress is not None:
            from loadstone.plan.compress import compressed, read_factor

            plan = compressed(plan, read_factor(compress), scale_rates=compress_rates)
        if repeat_load:
            from loadstone.plan.repeated import repeated

            plan = repeated(plan)
        if faults and (plan.target is not None or not plan.embedded):
            raise UsageError(
                "faults are those of the reference backend, and the plan has a target", where="flag --fault", hint="--embedded"
            )
    except BaseException:
        discard(worker)
        raise
    kept = {setting.name: setting.value for setting in run_settings}
    showing = Showing(
        as_json or bool(kept.get("json")), quiet or bool(kept.get("quiet")), no_color or bool(kept.get("no_color")), out or kept.get("out")
    )
    return perform(plan, showing, worker=worker, faults=tuple(word for fault in faults for word in ("--fault", fault)))


def _plan_at(
    knob: str, level: str, suites: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], flags: dict[str, str | None]
) -> Any:
    """The plan with a flag, an option of the suite, or any setting (`scenarios.browse.profile.rate`) set to a level."""
    name = knob.replace("-", "_")
    if name not in flags:
        return _load(suites, (*sets, f"{knob}={level}"), tags, flags)[0]
    not_with_sweep(flags, name)
    return _load(suites, sets, tags, {**flags, name: level})[0]


def _load(suites: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], flags: dict[str, str | None]) -> Any:
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    return load(suites, Overrides(flags, sets, tags, os.environ))

"""`loadstone run FILE|SUITE…`: run suites and judge them."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.checkpoints import read_checkpoint
from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.cli.plan_options import plan_options
from loadstone.cli.resume import newest_log, plan_to_resume
from loadstone.cli.suite_options import SuiteCommand
from loadstone.cli.sweeping import not_with_sweep, perform_sweep, sweep_options, with_own_seed
from loadstone.errors import UsageError
from loadstone.load.spawn import ahead

if TYPE_CHECKING:
    from loadstone.plan.model import Plan

_NOTHING: tuple[Any, tuple[Any, ...]] = (None, ())  # without a suite, the plan is in the log


@click.command("run", cls=SuiteCommand)
@partial(plan_options, suites_required=False)
@click.option("--compress", metavar="FACTOR", help="A long run in little time: 60x turns its hours into minutes; every output says so.")
@click.option("--compress-rates", is_flag=True, help="With --compress: arrivals that much faster, too, so that none is missing.")
@click.option("--repeat-load", is_flag=True, help="The same load a second time: tells a cache that fills from a leak.")
@click.option("--resume", metavar="DIR", help="Go on with a run that was killed, from the newest log in its folder of --out.")
@click.option("--checkpoint", metavar="TIME", help="With --out: write result and summary so often while the run goes on, as 10m.")
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
    resume: str | None,
    checkpoint: str | None,
    faults: tuple[str, ...],
    **flags: str | None,
) -> int:
    """Run SUITES (Python, YAML, TOML or JSON files, or names of suites that come with Loadstone) and print a verdict."""
    if not suites and resume is None:
        raise click.MissingParameter(param_type="argument", param_hint="'SUITE...'")
    checkpoint_s, reference = read_checkpoint(checkpoint), tuple(word for fault in faults for word in ("--fault", fault))
    if sweep is not None:
        _only_a_sweep(compress, faults, repeat_load=repeat_load)
    with ahead() as worker:
        if sweep is not None:
            given = {"sweep": sweep, "sweep_pause": sweep_pause, "sweep_errors": sweep_errors}
            showing = Showing(as_json, quiet, no_color, out)
            return perform_sweep(given, lambda knob, level: _plan_at(knob, level, suites, sets, tags, flags), showing, worker=worker)
        plan, run_settings = _load(suites, sets, tags, flags) if suites else _NOTHING
        if plan is not None:
            plan = _made_over(plan, compress, repeat_load=repeat_load, rates=compress_rates)
        if resume is not None:
            log = newest_log(Path(resume))
            whole, earlier, changes = plan_to_resume(log, plan)
            showing = Showing(as_json, quiet, no_color, str(log.parent), checkpoint_s, earlier, log.stem.removeprefix("snapshots_"))
            return perform(whole, replace(showing, changes=changes), worker=worker, faults=reference)
        if faults and plan is not None and (plan.target is not None or not plan.embedded):
            raise UsageError(
                "faults are those of the reference backend, and the plan has a target", where="flag --fault", hint="--embedded"
            )
        kept = {setting.name: setting.value for setting in run_settings}
        showing = Showing(
            as_json or bool(kept.get("json")),
            quiet or bool(kept.get("quiet")),
            no_color or bool(kept.get("no_color")),
            out or kept.get("out"),
            checkpoint_s,
        )
        if checkpoint_s and not showing.out:
            raise UsageError("needs a folder to write to", where="flag --checkpoint", hint="--out DIR")
        return perform(plan, showing, worker=worker, faults=reference)


def _only_a_sweep(compress: str | None, faults: tuple[str, ...], *, repeat_load: bool) -> None:
    if compress is not None:
        raise UsageError("a sweep is not compressed", where="flags --sweep and --compress", hint="keep one of them")
    if repeat_load:
        raise UsageError("a sweep is not repeated", where="flags --sweep and --repeat-load", hint="keep one of them")
    if faults:
        raise UsageError("a sweep has no faults", where="flags --sweep and --fault", hint="loadstone serve --fault …, and its URL")


def _made_over(plan: Plan, compress: str | None, *, repeat_load: bool, rates: bool) -> Plan:
    """The plan in less time, and its load twice, where that is asked for."""
    if compress is not None:
        from loadstone.plan.compress import compressed, read_factor

        plan = compressed(plan, read_factor(compress), scale_rates=rates)
    if repeat_load:
        from loadstone.plan.repeated import repeated

        plan = repeated(plan)
    return plan


def _plan_at(
    knob: str, level: str, suites: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], flags: dict[str, str | None]
) -> Any:
    """The plan with a flag, an option of the suite, or any setting (`scenarios.browse.profile.rate`) set to a level."""
    name = knob.replace("-", "_")
    if name not in flags:
        return with_own_seed(_load(suites, (*sets, f"{knob}={level}"), tags, flags)[0], level)
    not_with_sweep(flags, knob)
    return with_own_seed(_load(suites, sets, tags, {**flags, name: level})[0], level)


def _load(suites: tuple[str, ...], sets: tuple[str, ...], tags: tuple[str, ...], flags: dict[str, str | None]) -> Any:
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    return load(suites, Overrides(flags, sets, tags, os.environ))

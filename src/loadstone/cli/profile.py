"""`loadstone profile SUITE`: a run whose times nobody believes, for a flame graph of where the time goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.embedded import aimed
from loadstone.cli.perform import result_folder
from loadstone.cli.plan_options import plan_options
from loadstone.cli.suite_options import SuiteCommand
from loadstone.errors import ExitCode, UsageError
from loadstone.load.spawn import ahead

if TYPE_CHECKING:
    from loadstone.plan.model import Plan

FILE, WORKER = "flame_graph.svg", "worker"


@click.command("profile", cls=SuiteCommand)
@plan_options
@click.option("--of", "whom", metavar="worker|PID", help="The process that is looked at.  [default: the reference backend, or the worker]")
@click.option("--samples-per-s", type=click.IntRange(1, 1_000), default=100, show_default=True, help="How often.")
@click.option("--out", metavar="DIR", default=".", show_default=True, help=f"Folder for {FILE}, as that of an earlier run.")
def command(suites: tuple[str, ...], *, whom: str | None, samples_per_s: int, out: str, **given: Any) -> int:
    r"""Run SUITES once more under a sampling profiler, and write a flame graph: of a Python target, or of callables in process.

    The profiler slows what it looks at, so no figure of such a run is told, kept or judged.

    \b
    loadstone profile voice --only detectors --out results    where a component's time goes
    loadstone profile chat --preset quick --of 4711         where a backend's does
    """
    from loadstone.probes.flame import flame_graph, program

    program()
    pid = _asked(whom)
    folder = result_folder(out)
    assert folder is not None
    file = folder / FILE
    with ahead() as worker:
        plan = _plan(suites, given)
        from loadstone.run import execute

        with aimed(plan) as at:
            looked_at = pid or (None if whom == WORKER else _backend(at)) or worker.pid
            with flame_graph(looked_at, file, samples_per_s):
                story = execute(at, worker=worker)
    if story.exit_code is ExitCode.INTERRUPTED:
        return int(story.exit_code)
    requests = story.result.load.requests
    what = "given process" if pid else "worker" if looked_at == worker.pid else "reference backend"
    click.echo(f"{file}: the {what} ({looked_at}) during {story.result.seconds:.1f} s and {requests} exchanges; nothing of it is judged")
    return int(ExitCode.PASS)


def _plan(suites: tuple[str, ...], given: dict[str, Any]) -> Plan:
    """Without gates, and without what would watch the target beside the profiler."""
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    flags = {name: value for name, value in given.items() if name not in {"sets", "tags"}}
    plan: Plan = load(suites, Overrides(flags, given["sets"], given["tags"], os.environ))[0]
    return plan.model_copy(update={"gates": (), "bands": ()})


def _backend(plan: Plan) -> int | None:
    """The process of the reference backend that was started for this run."""
    watched = [probe.watches for probe in plan.probes if probe.kind == "process" and probe.watches.startswith("pid:")]
    return int(watched[-1].removeprefix("pid:")) if plan.embedded and watched else None


def _asked(whom: str | None) -> int | None:
    """The process whose number was given."""
    if whom is None or whom == WORKER:
        return None
    if not whom.isdecimal() or (Path("/proc/self").exists() and not Path(f"/proc/{whom}").exists()):
        raise UsageError(f"there is no process {whom!r}", where="flag --of", hint="worker, or the number that `ps` shows")
    return int(whom)

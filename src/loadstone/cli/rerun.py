"""`loadstone rerun RUN|BUNDLE`: the same plan, seed and target once more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadstone.cli.keeping import asked, opened
from loadstone.cli.moved_files import find_again
from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.errors import StoreError, UsageError

if TYPE_CHECKING:
    from loadstone.plan.model import Plan
    from loadstone.store.rows import RunRow


@click.command("rerun")
@click.argument("what", metavar="RUN|BUNDLE")
@click.option("--target", metavar="URL", help="Another target.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any setting, as a secret, which no run keeps.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag of the run.")
@showing_options
def command(
    what: str,
    *,
    target: str | None,
    sets: tuple[str, ...],
    tags: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    no_color: bool,
    out: str | None,
) -> int:
    """Run once more what RUN, or the run in the file BUNDLE, did: same plan, same seed, same target.

    What is not the same, such as machine and version, is told before.
    """
    row, plan_json = _found(what)
    plan = plan_of(row, plan_json, target, sets, tags)
    for line in differences(row):
        click.echo(f"not the same: {line}", err=True)
    return perform(plan, Showing(as_json, quiet, no_color, out))


def _found(what: str) -> tuple[RunRow, str]:
    path = Path(what)
    if path.is_file():
        from loadstone.store.bundle import read_bundle

        row, parts = read_bundle(path)
        return row, parts.plan_json
    if path.suffix == ".gz":
        raise StoreError("no such file", where=what, hint="a file that `loadstone runs export` wrote")
    with opened(asked("store")) as store:
        row = store.run(what)
        return row, store.parts(row.id, seconds=False).plan_json


def plan_of(row: RunRow, plan_json: str, target: str | None, sets: tuple[str, ...], tags: tuple[str, ...]) -> Plan:
    """The plan of a run, with what is given put over it; raises PlanError, and UsageError when a secret is missing."""
    from loadstone.plan.http import MASK
    from loadstone.plan.resolve import resolve
    from loadstone.plan.settings import Layers, Overrides, apply

    tree = json.loads(plan_json)
    if not tree:
        raise StoreError(f"run {row.id} has no plan", hint="loadstone runs list")
    source = tree.pop("source", "") or row.suite
    for line in find_again(tree, row, Path.cwd()):
        click.echo(f"not the same: {line}", err=True)
    layers = Layers(tree, {})
    apply(layers, Overrides({"target": target} if target else {}, sets, tags))
    if masked := sorted(_places(tree, MASK)):
        what = f"the run's secrets are not kept: {', '.join(masked)}"
        raise UsageError(what, where=f"run {row.id}", hint=f"--set '{masked[0]}=${{env:NAME}}'")
    plan, _ = resolve(layers, source=source)
    return plan


def differences(row: RunRow) -> list[str]:
    """What a run of today has that the earlier one had not, a line each."""
    from loadstone.probes.provenance import own_version
    from loadstone.probes.surroundings import surroundings

    here = surroundings(None)
    pairs = (
        ("version", row.version, own_version()),
        ("machine", row.machine_text, here.machine_text),
        ("commit", row.git_commit, here.git_commit),
        ("changed files", _yes_or_no(row.git_dirty), _yes_or_no(here.git_dirty)),
    )
    return [f"{what}: then {before or 'none'}, now {now or 'none'}" for what, before, now in pairs if (before or None) != (now or None)]


def _yes_or_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _places(tree: object, value: str, at: str = "") -> list[str]:
    """Where a value stands, as --set names it."""
    if tree == value:
        return [at]
    if isinstance(tree, dict):
        return [place for key, inner in tree.items() for place in _places(inner, value, f"{at}.{key}" if at else str(key))]
    if isinstance(tree, list):
        return [place for number, inner in enumerate(tree) for place in _places(inner, value, f"{at}.{number}")]
    return []

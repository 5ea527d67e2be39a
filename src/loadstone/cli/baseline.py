"""`loadstone baseline save|list|show|promote|remove|retire|export|import`: named sets of runs to compare with."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.keeping import opened, store_option
from loadstone.cli.new_file import write_new
from loadstone.errors import StoreError, UsageError

if TYPE_CHECKING:
    from loadstone.store.rows import Baseline, Member, Policy, RunRow
    from loadstone.store.store import Store


@click.group("baseline")
def command() -> None:
    """Keep named sets of runs to compare with."""


@command.command("save", short_help="Put runs into a baseline; without any, the last.")
@click.argument("name")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--last", type=click.IntRange(1), metavar="N", help="The newest so many count.  [default: 20]")
@click.option("--per-branch", is_flag=True, default=None, help="Only runs of the same branch count.")
@click.option("--any-machine", is_flag=True, default=None, help="Runs of other classes of machine count, too.")
@click.option("--pin", is_flag=True, help="These runs count however many newer ones there are.")
@click.option("--accept", is_flag=True, help="Take runs that only a comparison failed, too: somebody has looked at them.")
@store_option
def save(name: str, runs: tuple[str, ...], *, pin: bool, accept: bool, store_url: str | None, **policy: Any) -> None:
    """Put runs (without any: the last one) into the baseline NAME, which is made if need be.

    Runs that failed, were interrupted or are not trustworthy are refused.
    """
    with opened(store_url) as store:
        rows = [store.run(run) for run in (runs or ("last",))]
        _admit(store, rows, accept=accept)
        store.make_baseline(name, _policy(store, name, policy))
        for row in rows:
            _enter(store, name, row.id, pinned=pin)
        found = next(each for each in store.baselines() if each.name == name)
    click.echo(_line(found))


@command.command("promote", short_help="Pin a run: it always counts.")
@click.argument("run")
@click.argument("name")
@click.option("--accept", is_flag=True, help="Although a comparison failed it: somebody has looked at it.")
@store_option
def promote(run: str, name: str, *, accept: bool, store_url: str | None) -> None:
    """Pin RUN in the baseline NAME: it counts however many newer ones there are."""
    with opened(store_url) as store:
        row = store.run(run)
        _admit(store, [row], accept=accept)
        store.baseline(name)
        _enter(store, name, row.id, pinned=True)
    click.echo(f"run {row.id} is pinned in {name}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@click.option("--all", "retired", is_flag=True, help="Those that are retired, too.")
@store_option
def list_(*, as_json: bool, retired: bool, store_url: str | None) -> None:
    """Print every baseline."""
    with opened(store_url) as store:
        found = store.baselines(retired=retired)
    if as_json:
        click.echo(json.dumps([_plain(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(_line(each))
    if not found:
        click.echo("no baseline; loadstone baseline save NAME makes one of the last run", err=True)


@command.command("show", short_help="Print members and medians of a baseline.")
@click.argument("name")
@click.option("--branch", metavar="NAME", help="What counts for this branch.")
@click.option("--machine", metavar="CLASS", help="What counts for this class of machine, as `runs list` shows it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@store_option
def show(name: str, *, branch: str | None, machine: str | None, as_json: bool, store_url: str | None) -> None:
    """Print the members of NAME that count, and the medians of their figures."""
    from loadstone.store.baseline_files import summary

    with opened(store_url) as store:
        found = store.baseline(name, branch=branch, machine=machine)
    if as_json:
        click.echo(json.dumps(_plain(found), indent=2))
        return
    click.echo(_line(found))
    for member in found.members:
        click.echo(f"  {_member(member)}")
    for figure, value in summary(member.figures for member in found.members).items():
        click.echo(f"  median {figure} {value:.6g}")


@command.command("remove")
@click.argument("name")
@click.argument("run")
@store_option
def remove(name: str, run: str, *, store_url: str | None) -> None:
    """Take RUN out of the baseline NAME; the run itself stays."""
    with opened(store_url) as store:
        run_id = store.run(run).id
        store.remove_member(name, run_id)
    click.echo(f"run {run_id} is no longer in {name}")


@command.command("retire")
@click.argument("name")
@store_option
def retire(name: str, *, store_url: str | None) -> None:
    """Compare with NAME no more; `baseline save NAME` begins it anew."""
    with opened(store_url) as store:
        store.retire(name)
    click.echo(f"{name} is retired")


@command.command("export")
@click.argument("name")
@click.option("--format", "kind", type=click.Choice(["json", "text"]), default="json", show_default=True, help="Kind of the file.")
@click.option(
    "--output", "-o", metavar="FILE", help="[default: performance_baselines/performance_baseline_TIME.json, performance_baseline.txt]"
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@store_option
def export(name: str, *, kind: str, output: str | None, force: bool, store_url: str | None) -> None:
    """Write the members of NAME that count into a file."""
    from loadstone.store import baseline_files as files

    with opened(store_url) as store:
        found = store.baseline(name)
    if not found.members:
        raise StoreError(f"the baseline {name!r} is empty", hint=f"loadstone baseline save {name} RUN")
    now = datetime.now()  # noqa: DTZ005  a file name, in local time
    path = Path(output) if output else Path(files.FOLDER) / files.json_name(now) if kind == "json" else Path(files.TEXT_FILE)
    if not output:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot be made: {error.strerror}", where=str(path.parent), hint="--output FILE") from None
    write_new(path, files.to_json(found) if kind == "json" else files.to_text(found), force=force)
    click.echo(f"{path}: {_line(found)}")


@command.command("import", short_help="Put the figures of a file into a baseline.")
@click.argument("file")
@click.argument("name")
@store_option
def import_(file: str, name: str, *, store_url: str | None) -> None:
    """Put the figures of FILE into the baseline NAME, which is made if need be."""
    from loadstone.store.baseline_files import read_file

    members = read_file(Path(file))
    with opened(store_url, make=True) as store:
        store.make_baseline(name, _policy(store, name, {}))
        for figures in members:
            store.add_member(name, None, figures, source=Path(file).name)
        found = next(each for each in store.baselines() if each.name == name)
    click.echo(_line(found))


def _admit(store: Store, rows: list[RunRow], *, accept: bool) -> None:
    from loadstone.store.admission import refusal

    for row in rows:
        document = _document(store, row.id)
        if reason := refusal(row, document, accept=accept):
            hint = "a run that passed" if refusal(row, document, accept=True) else "--accept, when somebody has looked at it"
            raise UsageError(reason, where="baseline", hint=hint)


def _enter(store: Store, name: str, run_id: str, *, pinned: bool) -> None:
    from loadstone.store.admission import figures_of

    store.add_member(name, run_id, figures_of(_document(store, run_id)), pinned=pinned, source="a person")


def _document(store: Store, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.parts(run_id, seconds=False).document or b"{}")
    return found


def _policy(store: Store, name: str, given: dict[str, Any]) -> Policy:
    """The policy that is there, with what is given put over it."""
    from dataclasses import replace

    from loadstone.store.rows import Policy

    policy = next((each.policy for each in store.baselines() if each.name == name), Policy())
    if given.get("last"):
        policy = replace(policy, last=given["last"])
    if given.get("per_branch"):
        policy = replace(policy, per_branch=True)
    if given.get("any_machine"):
        policy = replace(policy, per_machine=False)
    return policy


def _line(baseline: Baseline) -> str:
    policy = baseline.policy
    words = [f"the newest {policy.last}" if policy.last else "all"]
    words += ["of the same branch"] * policy.per_branch + ["of the same class of machine"] * policy.per_machine
    pinned = sum(member.pinned for member in baseline.members)
    state = ", retired" if baseline.retired_at else ""
    count = len(baseline.members)
    members = f"{count} member{'s' if count != 1 else ''}"
    return f"{baseline.name}: {members}{f', {pinned} pinned' if pinned else ''}; {' '.join(words)} count{state}"


def _member(member: Member) -> str:
    times = " ".join(f"{name} {value:.6g}" for name, value in member.figures.items())
    mark = " pinned" if member.pinned else ""
    if member.run is None:
        return f"{member.source or 'a file'}{mark}  {times}"
    run = member.run
    return f"{run.id}  {run.started_at.astimezone():%Y-%m-%d %H:%M %Z}  {run.git_branch or '-'}  {run.machine}{mark}  {times}"


def _plain(baseline: Baseline) -> dict[str, Any]:
    from loadstone.store.baseline_files import to_json

    retired = baseline.retired_at.isoformat() if baseline.retired_at else None
    policy = {"last": baseline.policy.last, "per_branch": baseline.policy.per_branch, "per_machine": baseline.policy.per_machine}
    return {**json.loads(to_json(baseline)), "policy": policy, "retired_at": retired}

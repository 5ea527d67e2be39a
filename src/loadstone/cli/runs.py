"""`loadstone runs list|show|rm|prune|export|import|check`: what is kept of earlier runs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.keeping import opened, store_option
from loadstone.cli.page_options import no_color_option
from loadstone.errors import ExitCode, StoreError, UsageError
from loadstone.plan.levels import LEVEL

if TYPE_CHECKING:
    from loadstone.store.rows import RunFilter, RunRow


@click.group("runs")
def command() -> None:
    """Show, hand on and forget the runs that are kept.

    A run is named by its id, the beginning of it, `last`, or `last~1` for the one before the last.
    """


@command.command("list")
@click.option("--suite", metavar="NAME", help="Of this suite.")
@click.option("--branch", metavar="NAME", help="Of this branch of the repository.")
@click.option("--since", metavar="DATE|TIME", help="From this day on (2026-01-31), or not older than this (7d).")
@click.option("--verdict", metavar="WORD", help="pass, fail, inconclusive, untrustworthy, unreachable, interrupted or unfinished.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="With this tag; again for more.")
@click.option("-n", "--most", type=click.IntRange(1), metavar="N", default=30, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@store_option
def list_(*, as_json: bool, store_url: str | None, **given: Any) -> None:
    """Print the runs that are kept, the newest last."""
    wanted = chosen(given)
    with opened(store_url) as store:
        found = store.runs(wanted)
        url = store.url
    if as_json:
        click.echo(json.dumps([_plain(row) for row in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo(f"no run fits; {url}", err=True)
        return
    for line in _table(found):
        click.echo(line)


@command.command("show", short_help="Print the report of a run once more.")
@click.argument("name", default="last", metavar="[RUN]")
@click.option("--json", "as_json", is_flag=True, help="The JSON document of the run.")
@no_color_option
@store_option
def show(name: str, *, as_json: bool, no_color: bool, store_url: str | None) -> None:
    """Print the report of RUN once more, and what is known of where it ran."""
    from loadstone.report.document import Document
    from loadstone.report.text import look_of, render_page

    with opened(store_url) as store:
        row = store.run(name)
        document = json.loads(store.parts(row.id, seconds=False).document or b"{}")
    if not document:
        raise StoreError(f"run {row.id} did not come to its end, so there is no report", hint="loadstone runs list")
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    click.echo(render_page(Document.model_validate(document), look_of(sys.stdout, plain=no_color)), nl=False)
    branch = f"{row.git_branch or 'no branch'}{' (changed files)' if row.git_dirty else ''}"
    load = "" if row.other_load is None else f"; load before it began {row.other_load:.1f}"
    click.echo(f"\nrun {row.id} · {branch} · {row.machine_text}{load}")
    if row.flagged:
        click.echo(f"flagged: {row.flagged}")


@command.command("rm", short_help="Forget runs, but none of a baseline.")
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@store_option
def rm(names: tuple[str, ...], *, store_url: str | None) -> None:
    """Forget runs; those of a baseline have to be taken out of it before."""
    with opened(store_url) as store:
        ids = list(dict.fromkeys(store.run(name).id for name in names))
        store.delete(ids)
    click.echo(f"forgotten: {' '.join(ids)}")


@command.command("prune")
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Keep the newest so many.")
@click.option("--older-than", metavar="TIME", help="Forget those that are older than this, as 90d.")
@click.option("--seconds", is_flag=True, help="Forget only their seconds, not the runs.")
@store_option
def prune(*, keep: int | None, older_than: str | None, seconds: bool, store_url: str | None) -> None:
    """Forget old runs; those of baselines stay."""
    if keep is None and older_than is None:
        raise UsageError("nothing says which runs are old", where="runs prune", hint="--keep 50, or --older-than 90d")
    from loadstone.store.rows import RunFilter

    with opened(store_url) as store:
        held = {run_id for baseline in store.baselines() for run_id in baseline.run_ids}
        rows = store.runs(RunFilter(before=_moment(older_than)) if older_than else None)
        newest = {row.id for row in store.runs(RunFilter(most=keep))} if keep else set()
        gone = [row.id for row in rows if row.id not in newest and (seconds or row.id not in held)]
        if seconds:
            click.echo(f"{store.drop_seconds(gone)} seconds of {len(gone)} runs forgotten")
            return
        store.delete(gone)
    click.echo(f"{len(gone)} runs forgotten")


@command.command("export")
@click.argument("name", metavar="RUN")
@click.option("--output", "-o", metavar="FILE", help="The file to write.  [default: ID.loadstone.tar.gz]")
@click.option("--no-seconds", is_flag=True, help="Without its seconds.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@store_option
def export(name: str, *, output: str | None, no_seconds: bool, force: bool, store_url: str | None) -> None:
    """Write RUN into one file that `runs import` and `rerun` take."""
    from loadstone.store.bundle import SUFFIX, write_bundle

    with opened(store_url) as store:
        row = store.run(name)
        data = write_bundle(row, store.parts(row.id, seconds=not no_seconds))
    path = Path(output or f"{row.id}{SUFFIX}")
    try:
        with path.open("wb" if force else "xb") as file:
            file.write(data)
    except FileExistsError:
        raise UsageError("is there already", where=str(path), hint="--force to overwrite it, or another name") from None
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from None
    click.echo(f"{path}: run {row.id}, {len(data)} bytes")


@command.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@store_option
def import_(files: tuple[str, ...], *, store_url: str | None) -> None:
    """Take runs out of files that `runs export` wrote."""
    from loadstone.store.bundle import read_bundle

    read = [read_bundle(Path(file)) for file in files]  # all of them are whole before one is taken
    with opened(store_url, make=True) as store:
        for row, parts in read:
            store.add(row, parts)
            click.echo(f"taken: {row.id} {row.plan_name} {row.verdict}")


@command.command("check")
@click.option("--move-aside", is_flag=True, help="Rename a damaged store, so that the next run begins a new one.")
@store_option
def check(*, move_aside: bool, store_url: str | None) -> int:
    """Look whether the store is whole."""
    from loadstone.store.location import chosen_url, path_of, scheme_of, shown

    try:
        with opened(store_url) as store:
            found = store.check()
    except StoreError as error:
        if "damaged" not in error.what:
            raise
        found = [error.what]
    if not found:
        click.echo("the store is whole")
        return ExitCode.PASS
    for line in found:
        click.echo(line, err=True)
    url, _ = chosen_url(store_url)
    if url is not None and scheme_of(url) != "sqlite":
        click.echo(
            f"{shown(url)} is damaged, and is no file that could be moved aside: a backup of the database has what it lost", err=True
        )
        return ExitCode.USAGE
    if not move_aside or url is None:
        click.echo(f"{url} is damaged: `loadstone runs check --move-aside` renames it, and nothing else is changed", err=True)
        return ExitCode.USAGE
    path = path_of(url)
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    for suffix in ("", "-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    click.echo(f"moved to {aside}")
    return ExitCode.PASS


def chosen(given: dict[str, Any]) -> RunFilter:
    """The runs that --suite, --branch, --since, --tag, -n and, where there is one, --verdict ask for."""
    from loadstone.store.rows import RunFilter

    tags = {}
    for text in given["tags"]:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r} is not a tag", where="flag --tag", hint="--tag version=1.2")
        tags[key] = value
    since = _moment(given["since"]) if given["since"] else None
    return RunFilter(given["suite"], given["branch"], since, None, given.get("verdict"), tags=tags, most=given["most"])


def _moment(text: str) -> datetime:
    """A day, a moment, or so long ago."""
    from loadstone.units import parse_duration

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
        except OverflowError:
            raise UsageError(f"{text!r} is too long ago", hint="7d, or 2026-01-31") from None
    return moment.astimezone(UTC)


def _plain(row: RunRow) -> dict[str, Any]:
    return {**asdict(row), "started_at": row.started_at.isoformat(), "tags": dict(row.tags)}


def _name(row: RunRow) -> str:
    """The plan's, and what a sweep set for this level of it."""
    level = row.tags.get(LEVEL)
    return f"{row.plan_name} {level}" if level else row.plan_name


def _table(rows: list[RunRow]) -> list[str]:
    from loadstone.measure.plain_text import plain
    from loadstone.units import format_duration

    cells = [("run", "began", "verdict", "suite", "judged", "branch", "commit", "machine")]
    for row in rows:
        began = f"{row.started_at.astimezone():%Y-%m-%d %H:%M %Z}"
        commit = f"{(row.git_commit or '-')[:8]}{'*' if row.git_dirty else ''}"
        verdict = f"{row.verdict}!" if row.flagged else row.verdict
        seconds = format_duration(row.seconds) if row.finished else "-"
        cells.append((row.id, began, verdict, plain(_name(row), 30), seconds, plain(row.git_branch or "-", 24), commit, row.machine))
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]

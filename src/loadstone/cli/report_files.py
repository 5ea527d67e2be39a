"""Which files a command leaves: --format and --name beside --out, on runs and on reports alike."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.checkpoints import replace_file
from loadstone.cli.theme import chosen_theme, theme_option, themed
from loadstone.errors import PluginError, UsageError

if TYPE_CHECKING:
    from loadstone.report.told import Told

_KEY = "loadstone.files"
_FORMAT_HELP = "Kinds of files, as html,json,csv,junit,md,txt,png,svg; also github-benchmark, bencher and reports of plug-ins."
SUMMARY = "GITHUB_STEP_SUMMARY"
MOST_DAMAGE = 10


def format_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--format, as text; None when it is not given."""
    return click.option("--format", "formats", metavar="LIST", help=f"{_FORMAT_HELP}  [default: json,txt]")(function)


def file_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--format, --name and --theme of a run; kept in click's context, so that commands need not hand them on."""

    def keep(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.meta[f"{_KEY}.{param.name}"] = chosen_formats(value) if param.name == "format" else _named(value)

    format_help = f"With --out: {_FORMAT_HELP}  [default: json,txt]"
    name_help = "With --out: what its files are called, instead of names with the time stamp."
    function = click.option("--name", metavar="NAME", expose_value=False, callback=keep, help=name_help)(theme_option(function))
    return click.option("--format", metavar="LIST", expose_value=False, callback=keep, help=format_help)(function)


def _named(text: str) -> str:
    from loadstone.report.file_names import checked_name

    return checked_name(text)


def chosen_formats(text: str | None) -> list[str]:
    """The formats that are asked for; raises UsageError for an unknown one."""
    from loadstone.plugins import installed
    from loadstone.report.file_names import USUAL, formats_in

    return formats_in(text, tuple(installed().names("report"))) if text is not None else list(USUAL)


def flags_of_run(*, needs_folder: bool) -> tuple[list[str] | None, str | None]:
    """--format and --name, where they are given; raises UsageError for one of them without --out."""
    ctx = click.get_current_context(silent=True)
    asked = {flag: ctx.meta.get(f"{_KEY}.{flag}") if ctx is not None else None for flag in ("format", "name")}
    for flag, value in asked.items():
        if value and needs_folder:
            raise UsageError("needs a folder to write to", where=f"flag --{flag}", hint="--out DIR")
    return asked["format"], asked["name"]


def files_of_run(folder: Path | None, stamp: str) -> list[tuple[Callable[[Told], bytes], Path]]:
    """The reports that a run leaves in the folder of --out, and their files.

    raises: UsageError for --format without a folder, PluginError for a report that does not load: better before the run than after it
    """
    from loadstone.report.file_names import USUAL, file_name

    kinds, name = flags_of_run(needs_folder=folder is None)
    theme = chosen_theme(kinds or ())
    if folder is None:
        return []
    return [(themed(renderer(kind), kind, theme), folder / file_name(kind, stamp, name or "")) for kind in kinds or USUAL]


def renderer(kind: str) -> Callable[..., bytes]:
    """What makes the files of a format; raises PluginError, and UsageError where it needs a library that is not installed."""
    from loadstone.plugins import installed
    from loadstone.report.file_names import format_of

    name = format_of(kind).report
    made: Callable[..., bytes] = installed().get("report", name)
    ready = getattr(made, "ready", None)
    if ready is not None:
        ready()
    return partial(_foreign, name) if installed().is_foreign("report", name) else made


def _foreign(name: str, *subjects: Any) -> bytes:
    """What a report of another package makes; raises PluginError for whatever goes wrong in it."""
    from loadstone.plugins import installed

    data = installed().make("report", name, *subjects)
    if not isinstance(data, bytes):
        raise PluginError(f"the report {name!r} gives {type(data).__name__}, not bytes", where=installed().find("report", name).package)
    return data


def write_whole(path: Path, data: bytes) -> None:
    """Write a file as a whole, or not at all; raises UsageError with what to try."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path), hint=hint_for(error)) from None


def hint_for(error: OSError) -> str:
    """What to try when a file cannot be written."""
    import errno

    full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return "free room on the disk, or another folder" if error.errno in full else "a folder that you may write to"


def tell_github(told: Told, environment: Mapping[str, str] = os.environ) -> None:
    """Where GitHub Actions runs this: its annotations on stderr, and the Markdown in the summary of the job."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    from loadstone.report.annotations import annotations_of

    for line in annotations_of(told):
        click.echo(line, err=True)
    summary = environment.get(SUMMARY)
    if not summary:
        return
    try:
        with Path(summary).open("ab") as file:
            file.write(renderer("md")(told) + b"\n")
    except OSError as error:
        click.echo(f"loadstone: {SUMMARY} {summary} could not be written: {error.strerror}", err=True)


def print_report(data: bytes) -> None:
    """A report on stdout, as the bytes that it is."""
    sys.stdout.flush()
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(data.decode("utf-8", "replace"))
    else:
        stream.write(data)
    sys.stdout.flush()


def tell_damage(damage: Sequence[str]) -> None:
    """What could not be read, on stderr, where no program takes it for a report."""
    for line in damage[:MOST_DAMAGE]:
        click.echo(f"loadstone: damaged: {line}", err=True)
    if len(damage) > MOST_DAMAGE:
        click.echo(f"loadstone: damaged: and {len(damage) - MOST_DAMAGE} more", err=True)

"""--format, --out and --name of commands that are more than one run, and what they write: an account as files, or as one on stdout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from loadstone.cli.perform import result_folder
from loadstone.cli.report_files import hint_for, print_report, renderer
from loadstone.cli.theme import chosen_theme, theme_option, themed
from loadstone.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadstone.report.account import Account

_HELP = "Kinds of files: html,json,csv,junit,md,txt,png,svg."


class Asked(NamedTuple):
    """What is to be made of the account.

    kinds:  formats; none for the page alone
    folder: where they go; None for stdout
    name:   the user's own, or empty
    theme:  light or dark, of images
    """

    kinds: Sequence[str]
    folder: Path | None
    name: str
    theme: str = "light"

    @property
    def on_stdout(self) -> bool:
        """One format takes the place of the page."""
        return bool(self.kinds) and self.folder is None


def account_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--format, --out, --name and --theme."""
    options: list[Callable[..., Any]] = [
        click.option("--format", "formats", metavar="LIST", help=f"{_HELP} One without --out goes to stdout.  [default: json,txt]"),
        click.option("--out", metavar="DIR", help="Write the files there, beside the page."),
        click.option("--name", metavar="NAME", help="With --out: what the files are called, instead of names with the time stamp."),
        theme_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


def asked_files(formats: str | None, out: str | None, name: str | None, *, as_json: bool = False) -> Asked:
    """What the flags ask for; everything that would fail afterwards is refused now, before there is any load.

    raises: UsageError for an unknown format, one whose library is not installed, several on stdout, a folder that cannot be written to
    """
    from loadstone.report.file_names import OF_ACCOUNTS, USUAL, checked_name, formats_in

    if as_json and formats and not out:
        raise UsageError("prints one document and nothing else", where="flag --json", hint="--format json --out DIR")
    kinds = formats_in(formats) if formats is not None else list(USUAL) if out else []
    for kind in kinds:
        if kind not in OF_ACCOUNTS:
            raise UsageError(f"{kind} is made of one run alone", where=f"--format {formats}", hint=f"of {', '.join(OF_ACCOUNTS)}")
        renderer(kind)
    if out is None:
        if len(kinds) > 1:
            raise UsageError("several files need a folder", where=f"--format {formats}", hint="--out DIR")
        if name is not None:
            raise UsageError("needs a folder to write to", where="flag --name", hint="--out DIR")
    folder = result_folder(out)
    if folder is not None:
        _refuse_read_only(folder, str(out))
    return Asked(kinds, folder, checked_name(name) if name is not None else "", chosen_theme(kinds))


def asked_of_run(out: str | None) -> Asked:
    """The same of a command that is a run else, and keeps these flags itself (`report_files.file_options`)."""
    from loadstone.cli.report_files import flags_of_run
    from loadstone.report.file_names import USUAL

    kinds, name = flags_of_run(needs_folder=not out)
    return asked_files(",".join(kinds or USUAL) if out else None, out, name)


def tell_account(account: Account, asked: Asked, page: Callable[[], str]) -> int:
    """The page on stdout, or the one format that is asked for; then the files. Gives the exit code.

    The page comes first: what took minutes to measure is told even where no file can be written.
    """
    from loadstone.report.file_names import account_file_name, stamp_of

    if asked.on_stdout:
        print_report(_rendered(account, asked.kinds[0], asked.theme))
        return account.exit_code
    text = page()
    if text:
        click.echo(text, nl=not text.endswith("\n"))
    if asked.folder is None:
        return account.exit_code
    stamp, whole = stamp_of(account.began or datetime.now(UTC)), True
    for kind in asked.kinds:
        path = asked.folder / account_file_name(kind, account.subject, stamp, asked.name)
        whole = _written(path, _rendered(account, kind, asked.theme)) and whole
    # A pass whose report nobody can read is none; what failed stays failed.
    return account.exit_code if whole or account.exit_code else int(ExitCode.USAGE)


def _rendered(account: Account, kind: str, theme: str) -> bytes:
    return themed(renderer(kind), kind, theme)(account)


def _written(path: Path, data: bytes) -> bool:
    from loadstone.cli.checkpoints import replace_file

    try:
        replace_file(path, data)
    except OSError as error:
        click.echo(f"loadstone: {path} could not be written: {error.strerror}. Try: {hint_for(error)}", err=True)
        return False
    click.echo(str(path), err=True)
    return True


def _refuse_read_only(folder: Path, out: str) -> None:
    import os

    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError("cannot be written to", where=f"--out {out}", hint="a folder that you may write to")

"""Flags that come from the suites on the command line: `loadstone run chat --help` shows those of chat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.errors import LoadstoneError

if TYPE_CHECKING:
    from loadstone.plan.options import Declared, Option

SUITE_OPTIONS = "loadstone.suite_options"


class SuiteCommand(click.Command):
    """A command whose SUITES bring flags of their own; where names meet, the suite's flag takes the place of the general one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click: the suites are found first, so that their flags are known."""
        valued = {flag for param in self.params if isinstance(param, click.Option) and not param.is_flag for flag in param.opts}
        own: dict[str, tuple[str, click.Option]] = {}
        for name, declared in suites_in(args, valued):
            for option in declared.every():
                own.setdefault(option.key, (name, _flag(option)))
        ctx.meta[SUITE_OPTIONS] = own
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption:
            _first_suite_exists(words, valued)  # a flag is unknown, too, when the suite that would bring it is mistyped
            raise

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """See click."""
        own = ctx.meta.get(SUITE_OPTIONS, {})
        taken = {flag for _, option in own.values() for flag in option.opts}
        general = [param for param in super().get_params(ctx) if not (isinstance(param, click.Option) and taken & set(param.opts))]
        return [*general, *(option for _, option in own.values())]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The suites' own flags first, under their names."""
        own = ctx.meta.get(SUITE_OPTIONS, {})
        for suite in dict.fromkeys(name for name, _ in own.values()):
            with formatter.section(f"Options of {suite}"):
                formatter.write_dl(_lines(ctx, [option for name, option in own.values() if name == suite]))
        mine = {id(option) for _, option in own.values()}
        with formatter.section("Options"):
            formatter.write_dl(_lines(ctx, [param for param in self.get_params(ctx) if id(param) not in mine]))


def suites_in(args: Sequence[str], valued: set[str]) -> Iterator[tuple[str, Declared]]:
    """The suites among the words of a command line that declare options; what is broken is told later, when it is loaded.

    valued: flags that take the next word as their value
    """
    from loadstone.plugins import installed

    names = set(installed().names("suite"))
    for before, word in zip(("", *args), args, strict=False):
        if before in valued or not (word in names or word.endswith(".py")):
            continue
        try:
            declared = _declared(word)
        except LoadstoneError:
            continue
        if declared is not None:
            yield word, declared


def _first_suite_exists(words: Sequence[str], valued: set[str]) -> None:
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides
    from loadstone.plugins import installed

    first = next(
        (word for before, word in zip(("", *words), words, strict=False) if before not in valued and not word.startswith("-")), None
    )
    if first is not None and first not in installed().names("suite") and not Path(first).exists():
        load([first], Overrides())


def _declared(word: str) -> Declared | None:
    path = Path(word)
    if path.is_file():
        if b"OPTIONS" not in path.read_bytes():
            return None  # without options there is no hurry to import it
        from loadstone.plan.python_suite import imported

        module: Any = imported(path)
    elif path.suffix == ".py":
        return None
    else:
        from loadstone.plugins import installed

        module = installed().get("suite", word)
    from loadstone.plan.options import declared_by

    return declared_by(module, word)


def _flag(option: Option) -> click.Option:
    from loadstone.plan.options import KINDS

    variables = f"; {option.env}" if option.env else ""
    default = (
        f"  [default: {option.default}{variables}]" if option.default not in (None, False) else f"  [{option.env}]" if option.env else ""
    )
    text = f"{option.help}{default}"
    if option.kind == "flag":
        return click.Option([f"--{option.name}"], is_flag=True, default=None, help=text)
    metavar = KINDS[option.kind][1] if option.kind == "parts" else "|".join(option.choices) or KINDS[option.kind][1]
    if option.bare is not None:
        return click.Option([f"--{option.name}"], is_flag=False, flag_value=str(option.bare), metavar=f"[{metavar}]", help=text)
    return click.Option([f"--{option.name}"], metavar=metavar, help=text)


def _lines(ctx: click.Context, params: Sequence[click.Parameter]) -> list[tuple[str, str]]:
    return [line for param in params if (line := param.get_help_record(ctx)) is not None]

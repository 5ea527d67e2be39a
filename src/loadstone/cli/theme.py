"""--theme: the colours of images, of a run and of what is more than one run alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.charts.figures.palette import Theme
    from loadstone.report.images import Kind

THEMES = ("light", "dark")
IMAGES = ("svg", "png")
_KEY = "loadstone.theme"


def theme_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--theme, kept in click's context, so that commands need not hand it on."""
    help_text = "With --format png or svg: their colours."
    return click.option("--theme", type=click.Choice(THEMES), expose_value=False, callback=_keep, help=help_text)(function)


def _keep(context: click.Context, _option: click.Parameter, theme: str | None) -> None:
    context.meta[_KEY] = theme


def chosen_theme(kinds: Sequence[str]) -> str:
    """The colours of the images among these formats; raises UsageError where a theme is asked for and there are none."""
    context = click.get_current_context(silent=True)
    theme = context.meta.get(_KEY) if context is not None else None
    if theme is not None and not set(IMAGES) & set(kinds):
        raise UsageError("is of images", where="flag --theme", hint="--format svg; the html page follows its reader's system")
    return theme or THEMES[0]


def themed(render: Callable[..., bytes], kind: str, theme: str) -> Callable[..., bytes]:
    """What makes the files of a format, in these colours where it is an image."""
    if theme == THEMES[0] or kind not in IMAGES:
        return render

    def draw(subject: Any) -> bytes:
        from loadstone.report.images import sheet

        return sheet(subject, cast("Kind", kind), cast("Theme", theme))

    return draw

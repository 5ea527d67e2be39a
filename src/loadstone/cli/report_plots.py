"""`loadstone report --plot NAMES` and `--plots`: single charts as images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from loadstone.cli.report_files import print_report, renderer, write_whole
from loadstone.cli.theme import IMAGES, THEMES
from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.charts.figures.palette import Theme
    from loadstone.report.images import Kind
    from loadstone.report.told import Told


def plot_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--plot, --plots, --theme."""
    theme_help = "Colours of png and svg."
    function = click.option("--theme", type=click.Choice(THEMES), default=THEMES[0], show_default=True, help=theme_help)(function)
    function = click.option("--plots", is_flag=True, help="List the charts that the run has data for, and nothing else.")(function)
    plot_help = "With png or svg: an image of each of these charts, as latency,throughput.  [default: a sheet of the main ones]"
    return click.option("--plot", "plot", metavar="LIST", help=plot_help)(function)


def plots_page(told: Told) -> str:
    """Names and titles, a line each."""
    from loadstone.report.images import NOTHING, plots_of

    found = plots_of(told)
    width = max((len(name) for name, _ in found), default=0)
    return "\n".join(f"{name:<{width}}  {title}" for name, title in found) or NOTHING


def tell_plots(told: Told, names: str, kinds: Sequence[str], folder: Path | None, own: str, theme: str) -> Iterator[Path]:
    """Draw the charts into the folder, a file each, or one chart to stdout; raises UsageError for what does not go together."""
    from loadstone.report.file_names import plot_file_name, stamp_of
    from loadstone.report.images import plots

    asked = list(dict.fromkeys(word.strip() for word in names.split(",") if word.strip()))
    if not asked:
        raise UsageError("names no chart", where="flag --plot", hint="loadstone report RUN --plots")
    for kind in kinds:
        if kind not in IMAGES:
            raise UsageError(f"a chart is no {kind}", where="flag --plot", hint=f"--format {','.join(IMAGES)}")
        renderer(kind)
    if folder is None and len(asked) * len(kinds) > 1:
        raise UsageError("several files need a folder", where=f"--plot {names}", hint="--out DIR")
    stamp = stamp_of(told.document.provenance.started_at)
    for (name, kind), data in plots(told, asked, cast("Sequence[Kind]", kinds), cast("Theme", theme)).items():
        if folder is None:
            print_report(data)
            return
        path = folder / plot_file_name(name, kind, stamp, own)
        write_whole(path, data)
        yield path

"""`loadstone report RUN|DIR|LOG|FILE`: the report of a run that is over, was killed, or still goes on; as a page, or as files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from loadstone.cli.found_run import Found, found_run
from loadstone.cli.keeping import store_option
from loadstone.cli.page_options import json_option, no_color_option
from loadstone.cli.report_files import chosen_formats, format_option, print_report, renderer, tell_damage, write_whole
from loadstone.cli.report_plots import plot_options, plots_page, tell_plots
from loadstone.cli.report_views import account_of_view
from loadstone.cli.theme import IMAGES
from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.charts.figures.palette import Theme
    from loadstone.measure.snapshot import Snapshot
    from loadstone.report.images import Kind
    from loadstone.report.told import Told, View

WINDOWS = 12
MOST_OVERLAYS = 4
DRAWN = ("html", *IMAGES)  # of these a comparison and a history have charts of their own
VIEWS = ["performance", "regression", "decision", "trend"]


@click.command("report")
@click.argument("place", default="last", metavar="[RUN|DIR|LOG|FILE]")
@format_option
@click.option("--out", metavar="DIR", help="Write the files there, instead of a page or one file on stdout.")
@click.option("--name", metavar="NAME", help="What the files are called, instead of names with the time stamp.")
@click.option("--view", type=click.Choice(VIEWS), default="performance", show_default=True, help="What you want to know.")
@click.option("--against", metavar="RUN|BASELINE", help="Compare with that.  [default: the run before of the same work]")
@click.option("--figure", "figures", multiple=True, metavar="FIGURE", help="Compare or follow only this, as p95(http.response_time).")
@click.option("--overlay", "overlays", multiple=True, metavar="RUN", help="Draw this run behind the charts of html; up to four.")
@plot_options
@json_option
@click.option(
    "--windows", type=click.IntRange(2, 200), metavar="N", default=WINDOWS, show_default=True, help="Rows of the table over time."
)
@click.option("--resume", is_flag=True, help="Write result and summary beside the log, as the run would have.")
@no_color_option
@store_option
def command(place: str, *, formats: str | None, out: str | None, name: str | None, store_url: str | None, **given: Any) -> int:
    r"""Tell a run: one that is kept (its id, last, last~1), the newest log in a folder of --out, a log, a JSON document, or a bundle.

    What stands in a log is judged as the run would have been; one that did not come to its end is told as interrupted. What is
    damaged is named, the rest is told. The exit code is that of the run; with --view regression or trend that of `compare` or `trend`.

    \b
    loadstone report last --format html,md --out reports
    loadstone report last --view regression --against main --format md
    loadstone report last --plot latency,throughput --format png --out docs
    """
    from loadstone.cli.report_views import with_view
    from loadstone.cli.suite_files import suite_files_again
    from loadstone.report.file_names import stamp_of

    if given["plot"] is not None and formats is None and not given["as_json"]:
        formats = IMAGES[0]
    kinds = _kinds(formats, out, given["overlays"], as_json=given["as_json"])
    found = found_run(place, store_url)
    told, code = with_view(found.told, cast("View", given["view"]), given["against"], given["figures"], store_url)
    overlays = [found_run(each, store_url).told for each in given["overlays"]]
    if kinds:
        tell_damage(told.damage)  # a page says so itself
    if given["resume"]:
        _resume(replace(found, told=told))
    if given["plots"]:
        click.echo(plots_page(told))
    elif out is not None or given["plot"] is not None:
        for path in _files(told, kinds, out, name, overlays, given["plot"], given["theme"]):
            click.echo(str(path))
        if out is not None and told.view == "performance" and given["plot"] is None:
            stamp = stamp_of(told.document.provenance.started_at)
            for path in suite_files_again(found, told, Path(out), stamp, store_url):
                click.echo(str(path))
    elif kinds:
        print_report(_rendered(told, kinds[0], overlays, given["theme"]))
    else:
        _print_page(found, told, given["windows"], no_color=given["no_color"])
    return code


def _kinds(formats: str | None, out: str | None, overlays: tuple[str, ...], *, as_json: bool) -> list[str]:
    """The formats to make; none for a page. Raises UsageError for what does not go together."""
    if as_json and (formats or out):
        raise UsageError("prints one document and nothing else", where="flag --json", hint="--format json --out DIR")
    kinds = ["json"] if as_json else chosen_formats(formats) if formats or out else []
    if len(kinds) > 1 and out is None:
        raise UsageError("several files need a folder", where=f"--format {formats}", hint="--out DIR")
    if overlays and "html" not in kinds:
        raise UsageError("other runs are drawn by html alone", where="flag --overlay", hint="--format html")
    if len(overlays) > MOST_OVERLAYS:
        raise UsageError(f"{len(overlays)} other runs; at most {MOST_OVERLAYS} can be told apart", where="flag --overlay", hint="fewer")
    for kind in kinds:
        renderer(kind)  # refused now, not after some of the files
    return kinds


def _rendered(told: Told, kind: str, overlays: list[Told], theme: str) -> bytes:
    subject = (account_of_view(told) if kind in DRAWN else None) or told
    if kind in IMAGES:
        from loadstone.report.images import sheet

        renderer(kind)
        return sheet(subject, cast("Kind", kind), cast("Theme", theme))
    if kind == "html" and overlays and subject is told:
        return renderer(kind)(told, overlays)
    return renderer(kind)(subject)


def _files(
    told: Told, kinds: list[str], out: str | None, name: str | None, overlays: list[Told], plot: str | None, theme: str
) -> Iterable[Path]:
    """Write what is asked for into the folder; one chart without a folder goes to stdout."""
    from loadstone.cli.perform import result_folder
    from loadstone.report.file_names import checked_name, file_name, stamp_of

    own = checked_name(name) if name is not None else ""
    made = (result_folder(out) or Path(out)) if out is not None else None
    if plot is not None or made is None:
        yield from tell_plots(told, plot or "", kinds, made, own, theme)
        return
    stamp = stamp_of(told.document.provenance.started_at)
    for kind in kinds:
        path = made / file_name(kind, stamp, own, told.view)
        write_whole(path, _rendered(told, kind, overlays, theme))
        yield path


def _resume(found: Found) -> None:
    """The usual files, beside the log and with its stamp."""
    from loadstone.report.file_names import USUAL, file_name

    if found.log is None:
        raise UsageError("is for a log", where="flag --resume", hint="--out DIR")
    stamp = found.log.stem.removeprefix("snapshots_")
    for kind in USUAL:
        write_whole(found.log.with_name(file_name(kind, stamp)), renderer(kind)(found.told))


def _print_page(found: Found, told: Told, windows: int, *, no_color: bool) -> None:
    from loadstone.report.text import look_of, render_view

    click.echo(render_view(told, look_of(sys.stdout, plain=no_color)))
    if told.view == "performance":
        for line in _over_time(found, windows):
            click.echo(f"  {line}" if line else "")


def _over_time(found: Found, windows: int) -> list[str]:
    """The judged part in equal stretches, and the last against the first; nothing where that would be one second each."""
    from loadstone.report.over_time import change, stretch, table
    from loadstone.units import format_duration

    ends = [(each.start_s, each.end_s) for each in found.snapshots() if _counts(each) and each.end_s > each.start_s]
    if len(ends) < 2 * windows:
        return []
    first_s, last_s = ends[0][0], ends[-1][1]
    length_s = (last_s - first_s) / windows
    groups: list[list[Snapshot]] = [[] for _ in range(windows)]
    stretches, at = [], 0
    for each in found.snapshots():
        if not _counts(each):
            continue
        place = min(windows - 1, int(((each.start_s + each.end_s) / 2 - first_s) / length_s))
        if place != at:
            stretches.append(stretch(format_duration(first_s + at * length_s), groups[at]))
            groups[at], at = [], place
        groups[at].append(each)
    stretches.append(stretch(format_duration(first_s + at * length_s), groups[at]))
    return ["over time", *table(stretches), "", "last against first", *change(stretches[0], stretches[-1])]


def _counts(snapshot: Snapshot) -> bool:
    return snapshot.judged and snapshot.phase != "wind-down"

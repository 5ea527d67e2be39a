"""`loadstone report DIR|LOG`: the report of a run, made again from its log: of one that was killed, or that still goes on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadstone.cli.checkpoints import replace_file
from loadstone.cli.page_options import json_option, no_color_option
from loadstone.cli.resume import newest_log, plan_in
from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.measure.snapshot import Snapshot

WINDOWS = 12


@click.command("report")
@click.argument("place", metavar="DIR|LOG")
@json_option
@click.option(
    "--windows", type=click.IntRange(2, 200), metavar="N", default=WINDOWS, show_default=True, help="Rows of the table over time."
)
@click.option("--resume", is_flag=True, help="Write result and summary beside the log, as the run would have.")
@no_color_option
def command(place: str, *, as_json: bool, windows: int, resume: bool, no_color: bool) -> int:
    """Tell a run again from its log: the newest one in a folder of --out, or the file itself.

    What stands in the log is judged as the run would have been; one that did not come to its end is told as interrupted.
    """
    from loadstone.plugins import installed
    from loadstone.report.series import read_gaps, read_snapshots
    from loadstone.report.text import look_of, render_page
    from loadstone.report.told import Told
    from loadstone.run import judge_again

    path = newest_log(Path(place))
    plan, started_at = plan_in(path)
    story = judge_again(plan, read_snapshots(path), started_at, gaps_s=tuple(read_gaps(path)))
    told = Told.of(story)
    if resume:
        _write(path, {name: installed().get("report", name)(told) for name in ("json", "text")})
    if as_json:
        click.echo(installed().get("report", "json")(told).decode(), nl=False)
        return int(story.exit_code)
    look = look_of(sys.stdout, plain=no_color)
    click.echo(render_page(told.document, look))
    for line in _over_time(path, windows):
        click.echo(f"  {line}" if line else "")
    return int(story.exit_code)


def _write(log: Path, reports: dict[str, bytes]) -> None:
    stamp = log.stem.removeprefix("snapshots_")
    for name, file in (("json", f"result_{stamp}.json"), ("text", f"summary_{stamp}.txt")):
        try:
            replace_file(log.with_name(file), reports[name])
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", where=str(log.with_name(file)), hint="room on the disk") from None


def _over_time(path: Path, windows: int) -> list[str]:
    """The judged part in equal stretches, and the last against the first; nothing where that would be one second each."""
    from loadstone.report.over_time import change, stretch, table
    from loadstone.report.series import read_snapshots
    from loadstone.units import format_duration

    ends = [
        (each.start_s, each.end_s)
        for each in read_snapshots(path)
        if each.judged and each.end_s > each.start_s and each.phase != "wind-down"
    ]
    if len(ends) < 2 * windows:
        return []
    first_s, last_s = ends[0][0], ends[-1][1]
    length_s = (last_s - first_s) / windows
    groups: list[list[Snapshot]] = [[] for _ in range(windows)]
    stretches, at = [], 0
    for each in read_snapshots(path):
        if not each.judged or each.phase == "wind-down":
            continue
        place = min(windows - 1, int(((each.start_s + each.end_s) / 2 - first_s) / length_s))
        if place != at:
            stretches.append(stretch(format_duration(first_s + at * length_s), groups[at]))
            groups[at], at = [], place
        groups[at].append(each)
    stretches.append(stretch(format_duration(first_s + at * length_s), groups[at]))
    return ["over time", *table(stretches), "", "last against first", *change(stretches[0], stretches[-1])]

"""What `run`, `hit` and `demo` have in common: watch the run, print its story, leave files, answer the exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.checkpoints import checkpoint, replace_file
from loadstone.cli.confirming import confirmations, only_worse, tell_doubt, until_confirmed
from loadstone.cli.dashboard_options import dashboard_of, dashboard_options
from loadstone.cli.embedded import aimed
from loadstone.cli.keeping import keeping_options, recording_of, with_past
from loadstone.cli.keeping import kept as kept_in_store
from loadstone.cli.outlets import chosen_reports, chosen_sinks, outlet_options, told
from loadstone.cli.own_stamp import own_stamp
from loadstone.cli.page_options import json_option, no_color_option
from loadstone.cli.preflight import check_machine, check_room
from loadstone.cli.report_files import file_options, files_of_run, tell_github
from loadstone.cli.streams import Telling, silence_stdout, telling, without_terminal
from loadstone.cli.suite_files import files_meanwhile, write_suite_files
from loadstone.errors import ExitCode, PluginError, TargetUnreachable, UsageError
from loadstone.load.spawn import WorkerProcess, discard

if TYPE_CHECKING:
    from loadstone.judge.story import Story
    from loadstone.load.control import Applied
    from loadstone.load.control_desk import ControlDesk
    from loadstone.measure.earlier import Earlier
    from loadstone.measure.sink import Sink, Watched
    from loadstone.plan.model import Plan, ScenarioPlan
    from loadstone.report.told import Told
    from loadstone.store.recording import Recording


@dataclass(frozen=True, slots=True)
class Showing:
    """How a run is shown.

    json:  one document on stdout and nothing else there
    quiet: nothing while it runs, one line of verdict at the end
    out:   folder for result files; None for none
    checkpoint_s: so often the result files are written while the run goes on
    resume: the earlier part of the run that is continued; `changes` is then what people did to its load
    stamp: date and time in the names of its files; empty until it begins
    """

    json: bool = False
    quiet: bool = False
    no_color: bool = False
    out: str | None = None
    checkpoint_s: float | None = None
    resume: Earlier | None = None
    stamp: str = ""
    changes: Sequence[Applied] = ()


def showing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--json, --quiet, --no-color and --out; where the run goes beside that, and where it is kept."""
    options = [
        json_option,
        click.option("--quiet", "-q", is_flag=True, help="Only the verdict."),
        no_color_option,
        click.option("--out", metavar="DIR", help="Keep the result, the text and every second in this folder."),
    ]
    function = dashboard_options(keeping_options(outlet_options(file_options(function))))
    for option in reversed(options):
        function = option(function)
    return function


def perform(plan: Plan, showing: Showing, *, worker: WorkerProcess | None = None, faults: Sequence[str] = ()) -> int:
    """Run the plan, tell its story, answer the exit code; with --confirm, again where it is worse than before.

    faults: of the reference backend, for a plan that asks for that
    """

    def run(doubted: Sequence[Story], left: int) -> tuple[Story, int]:
        first = not doubted
        shown = showing if first else replace(showing, resume=None, stamp="")
        with telling() as heard, _stamped(shown) as stamped:
            story, code = _perform_once(plan, stamped, worker if first else None, faults, doubted, left, heard)
        if heard.asked and left and only_worse(story):
            raise KeyboardInterrupt  # another run would follow
        return story, code

    return until_confirmed(confirmations(plan), run)


@contextlib.contextmanager
def _stamped(showing: Showing) -> Iterator[Showing]:
    """With a stamp for the names of the run's files; a run that is continued keeps its own."""
    if showing.stamp:
        yield showing
        return
    with own_stamp(result_folder(showing.out), datetime.now(UTC)) as stamp:
        yield replace(showing, stamp=stamp)


def _perform_once(
    plan: Plan,
    showing: Showing,
    worker: WorkerProcess | None,
    faults: Sequence[str],
    doubted: Sequence[Story],
    left: int,
    heard: Telling,
) -> tuple[Story, int]:
    """One run, and its exit code; its page is told where no confirming run follows.

    doubted: runs made just before that were worse, which this one is to confirm
    left:    how many more may follow
    heard:   who asks for an end once the load is over
    """
    from loadstone.live.keys import can_read_keys, keys
    from loadstone.load.control_desk import ControlDesk
    from loadstone.measure.timeline import Timeline
    from loadstone.report.told import Told
    from loadstone.run import execute

    sinks: Sequence[Sink] = ()
    recording, dashboard = None, None
    try:
        plan, past = with_past(plan, doubted)
        timeline = Timeline.after(showing.resume)
        watched = watched_of(plan, showing)
        check_room(watched.folder)
        check_machine(plan)
        reports, files = chosen_reports(), files_of_run(watched.folder, watched.stamp)
        recording = recording_of(watched, timeline)
        desk, by_keys = ControlDesk(), not showing.quiet and can_read_keys()
        dashboard = dashboard_of(watched, desk)
        sinks = [
            timeline,
            *(sink for sink in (recording, dashboard) if sink is not None),
            *_sinks(watched, showing, desk if by_keys else None),
        ]
        with without_terminal() if watched.folder else contextlib.nullcontext(), aimed(plan, faults) as aimed_plan:
            every_s, meanwhile = files_meanwhile(watched, showing.checkpoint_s, files)
            marks = checkpoint(every_s, meanwhile, timeline) if every_s else None
            command = ["loadstone", *sys.argv[1:]]
            asked = _ask_before(aimed_plan, showing)
            with keys(desk, _refusals(sinks)) if by_keys else contextlib.nullcontext():
                story = execute(
                    aimed_plan,
                    sinks,
                    worker=worker,
                    command=command,
                    preflight=not asked,
                    past=past,
                    earlier=showing.resume,
                    changes=showing.changes,
                    checkpoint=marks,
                    desk=desk,
                    afterwards=heard,
                )
    except BaseException:
        _release(recording)
        raise
    finally:
        _end(worker, sinks)
    reports += files
    story_told = Told.of(story, timeline.so_far())
    kept = [write_result(path, render, story_told) for render, path in reports]
    told([sink for sink in sinks if sink is not recording])
    kept_in_store(recording, story, plan, quiet=showing.quiet or showing.json)
    kept.append(write_suite_files(watched, story_told, recording))
    code = _code_of(story, kept)
    if dashboard is not None:
        dashboard.ended(story_told.document.verdict, code, recording.run_id if recording else "")
    if tell_doubt(story, left):
        return story, code
    tell_github(story_told)
    return story, _tell(_page(story_told, showing), code, kept=watched.folder is not None)


def _page(made: Told, showing: Showing) -> str:
    """What standard output gets of a run."""
    from loadstone.plugins import installed
    from loadstone.report.text import look_of, render_page
    from loadstone.report.text_verdict import headline

    if showing.json:
        text: str = installed().get("report", "json")(made).decode()
        return text
    look = look_of(sys.stdout, plain=showing.no_color)
    return render_page(made.document, look, (headline,)) if showing.quiet else f"{render_page(made.document, look)}\n"


def _ask_before(plan: Plan, showing: Showing) -> bool:
    """Tell what was asked before the run, where somebody reads along; answers whether the target was asked, too."""
    if showing.quiet or showing.json:
        return False
    from loadstone.cli.before_run import look_before
    from loadstone.cli.finding import written
    from loadstone.live.screen import above
    from loadstone.report.text import look_of

    try:
        findings = look_before(plan)
    except TargetUnreachable:
        return False  # the run itself asks again, and says so
    width = look_of(sys.stderr).width if sys.stderr.isatty() else None
    click.echo(above(written(findings, width), sys.stderr), err=True)
    return True


def _release(recording: Recording | None) -> None:
    """What was refused, or broke off, is not kept: nobody closes its store later."""
    if recording is not None:
        recording.release()


def _end(worker: WorkerProcess | None, sinks: Sequence[Sink]) -> None:
    """Also where the run was refused before it began."""
    discard(worker)
    for sink in sinks:
        sink.close()


def watched_of(plan: Plan, showing: Showing) -> Watched:
    """What those who watch a run are told before it begins."""
    from loadstone.measure.sink import Watched
    from loadstone.report.text import look_of

    seconds = max(_end_s(plan, scenario) for scenario in plan.scenarios)
    return Watched(
        plan=plan,
        duration_s=seconds if seconds < float("inf") else None,
        stream=sys.stderr,
        color=look_of(sys.stderr, plain=showing.no_color).color,
        folder=result_folder(showing.out),
        stamp=showing.stamp,
        earlier=showing.resume,
    )


def _sinks(watched: Watched, showing: Showing, desk: ControlDesk | None) -> list[Sink]:
    """The log where there is a folder, those that were asked for, and a view unless nobody wants to see one."""
    from loadstone.plugins import installed

    sinks: list[Sink] = [installed().get("sink", "log")(watched)] if watched.folder else []
    sinks += chosen_sinks(watched)
    if not showing.quiet:
        sinks.append(_view(watched, showing, desk))  # last: it draws from here on
    return sinks


def _refusals(sinks: Sequence[Sink]) -> Callable[[str], None]:
    """Where it is told that a key was refused: in the view, which owns the terminal."""
    from loadstone.live.terminal import TerminalView

    views = [sink.refused for sink in sinks if isinstance(sink, TerminalView)]
    return views[0] if views else lambda text: click.echo(f"loadstone: {text}", err=True)


def view_of(plan: Plan, showing: Showing) -> Sink:
    """What shows a run while it goes on: redrawn on a terminal, a line now and then elsewhere."""
    return _view(watched_of(plan, showing), showing)


def _view(watched: Watched, showing: Showing, desk: ControlDesk | None = None) -> Sink:
    from loadstone.live.screen import can_redraw
    from loadstone.live.terminal import TerminalView
    from loadstone.plugins import installed

    made: Sink = installed().get("sink", "terminal" if can_redraw(watched.stream) and not showing.json else "lines")(watched)
    if isinstance(made, TerminalView):
        made.desk = desk
    return made


def _end_s(plan: Plan, scenario: ScenarioPlan) -> float:
    """When a scenario's schedule ends; one that waits for another begins when that one's ends, at the earliest."""
    before = next((each for each in plan.scenarios if each.name == scenario.after), None)
    return (_end_s(plan, before) if before else scenario.start_s) + scenario.length_s


def result_folder(out: str | None) -> Path | None:
    """The folder for files of results, made if need be; raises UsageError when it cannot be."""
    if not out:
        return None
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=f"--out {out}", hint="a folder that you may write to") from None
    return folder


def write_result(path: Path, render: Callable[[Told], bytes], made: Told) -> bool:
    """Write a file; one that cannot be made or written is told. Answers whether it was."""
    try:
        replace_file(path, render(made))
    except PluginError as error:
        click.echo(f"loadstone: {path} could not be made: {error}", err=True)
        return False
    except OSError as error:
        click.echo(f"loadstone: {path} could not be written: {error.strerror}", err=True)
        return False
    return True


def _code_of(story: Story, kept: Sequence[bool]) -> int:
    """The run's code; of a pass whose files could not all be written another than the page says, which is told."""
    if story.exit_code or all(kept):
        return int(story.exit_code)
    click.echo(f"loadstone: exit code {ExitCode.USAGE:d}: what was asked for could not be written", err=True)
    return ExitCode.USAGE


def _tell(text: str, code: int, *, kept: bool = False) -> int:
    """Print on stdout; a pass that nobody could read is none, unless it is kept in a file: then nobody needs to be there."""
    try:
        click.echo(text, nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        if not kept:
            raise
        silence_stdout()
    except OSError as error:
        click.echo(f"loadstone: standard output could not be written: {error.strerror}", err=True)
        silence_stdout()
        return code or ExitCode.USAGE
    return code

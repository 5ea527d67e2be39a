"""Where a run goes beside the page on stdout: the sinks and reports that the command line names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.preflight import check_place
from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.measure.sink import Sink, Watched
    from loadstone.measure.snapshot import Snapshot
    from loadstone.report.told import Told

KEPT = "store"  # watches every run; asking for it keeps its seconds, too
LOG = "log"
_SINKS, _REPORTS = "loadstone.sinks", "loadstone.reports"


def outlet_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--sink and --report; kept in click's context, so that commands need not hand them on."""
    # Where a command is called without a command line, there is no context, and nothing was named.
    for option in (
        click.option("--report", multiple=True, metavar="NAME=FILE", expose_value=False, callback=_keep(_REPORTS), help=_REPORT_HELP),
        click.option("--sink", multiple=True, metavar="NAME", expose_value=False, callback=_keep(_SINKS), help=_SINK_HELP),
    ):
        function = option(function)
    return function


_SINK_HELP = "One more that watches the run second by second; `loadstone plugins --kind sink` lists them; again for more."
_REPORT_HELP = "Write a report of this name to a file, as json=result.json; `loadstone plugins --kind report`; again for more."


def names_sink(name: str) -> bool:
    """Is it among those that --sink names?"""
    return name in _named(_SINKS)


def refuse_outlets() -> None:
    """A report or a sink is about one run; raises UsageError where a sweep makes several and nothing would come of it."""
    for key, flag, hint in (
        (_REPORTS, "--report", "--out DIR --format html for one of all; --store keeps each run, for `loadstone report RUN`"),
        (_SINKS, "--sink", "--out DIR keeps each second of all"),
    ):
        if _named(key):
            raise UsageError("is about one run, and a sweep makes several", where=f"flag {flag}", hint=hint)


def _keep(key: str) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], None]:
    def keep(ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> None:
        ctx.meta[key] = value

    return keep


def _named(key: str) -> tuple[str, ...]:
    ctx = click.get_current_context(silent=True)
    found: tuple[str, ...] = ctx.meta.get(key, ()) if ctx is not None else ()
    return found


class Guarded:
    """A sink that somebody else wrote: what it raises silences it, and never ends the run.

    failure: why it was silenced; empty while all is well
    """

    def __init__(self, name: str, sink: Sink) -> None:
        self._name, self._sink = name, sink
        self.failure = ""

    def snapshot(self, snapshot: Snapshot) -> None:
        """See Sink."""
        if not self.failure:
            self._try(lambda: self._sink.snapshot(snapshot))

    def close(self) -> None:
        """See Sink."""
        self._try(self._sink.close)

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  another package's code: anything may come
            self.failure = self.failure or f"the sink {self._name!r} raised {type(error).__name__}: {error}"


def chosen_sinks(watched: Watched) -> list[Guarded]:
    """Those that --sink names; raises PluginError for one that is unknown or broken."""
    from loadstone.plugins import installed

    kept = {KEPT, LOG} if watched.folder else {KEPT}  # with --out there is a log without being asked for
    return [Guarded(name, installed().make("sink", name, watched)) for name in _named(_SINKS) if name not in kept]


def chosen_reports() -> list[tuple[Callable[[Told], bytes], Path]]:
    """Those that --report names, and their files; raises before the run what would make it worthless after it."""
    from loadstone.cli.report_files import renderer

    found = []
    for text in _named(_REPORTS):
        name, equals, file = text.partition("=")
        if not equals or not file:
            raise UsageError(f"{text!r} names no file", where="--report", hint=f"--report {name or 'json'}=result.{name or 'json'}")
        render = renderer(name)
        if not Path(file).resolve().parent.is_dir():
            raise UsageError(f"no folder {Path(file).parent}", where=f"--report {text}", hint="a folder that is there")
        check_place(Path(file), f"--report {text}")
        found.append((render, Path(file)))
    return found


def told(sinks: Sequence[object]) -> None:
    """Say which sinks fell silent, and why."""
    for sink in sinks:
        if failure := getattr(sink, "failure", ""):
            click.echo(f"loadstone: not every second of this run was kept or shown: {failure}", err=True)

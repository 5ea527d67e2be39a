"""The files in which a suite leaves its results, beside those of every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadstone.cli.checkpoints import replace_file
from loadstone.cli.keeping import asked, opened
from loadstone.errors import LoadstoneError, PluginError, UsageError

if TYPE_CHECKING:
    from loadstone.cli.found_run import Found
    from loadstone.judge.beside import PastRun
    from loadstone.measure.sink import Watched
    from loadstone.plan.model import Plan
    from loadstone.report.result_files import Evidence, ResultFile
    from loadstone.report.told import Told
    from loadstone.store.recording import Recording
    from loadstone.store.rows import RunRow

Reports = list[tuple["Callable[[Told], bytes]", Path]]
MOST_RUNS = 200  # of a history
MEASURED = frozenset({"pass", "fail", "inconclusive"})  # the others' numbers are of half a run, or of the generator


def suite_files(plan: Plan) -> Iterator[ResultFile]:
    """Those of the plan's suite that a run of it has something for; raises PluginError for a table that is unknown or broken."""
    settings = plan.results
    if settings.files:
        from loadstone.plugins import installed
        from loadstone.report.result_files import ResultFile

        table = installed().get("result_file", settings.files)
        if not isinstance(table, Sequence) or not all(isinstance(file, ResultFile) for file in table):
            raise PluginError(
                f"the result_file {settings.files!r} is no tuple of ResultFile",
                where=installed().find("result_file", settings.files).package,
            )
        yield from (file for file in table if file.concerns(plan) and (settings.every_s or not file.during))


def files_meanwhile(watched: Watched, checkpoint_s: float | None, reports: Reports) -> tuple[float | None, Reports]:
    """How often files are written while the run goes on, and which: those of every run on request, the suite's as its plan says."""
    files = list(suite_files(watched.plan))  # a broken table is told before the run
    every_s, folder = checkpoint_s or watched.plan.results.every_s, watched.folder
    found = reports if checkpoint_s else []
    if folder is None or not every_s:
        return None, []
    for file in (file for file in files if file.during):
        path = folder / file.name(watched.stamp)
        _room(path.parent)
        found = [*found, (partial(_meanwhile, file, watched.plan), path)]
    return (every_s, found) if found else (None, [])


def _room(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(folder), hint="--out with a folder that you may write to") from None


def _meanwhile(file: ResultFile, plan: Plan, told: Told) -> bytes:
    from loadstone.report.result_files import Evidence

    return _content(file, Evidence(told), plan) or b""


def write_suite_files(watched: Watched, told: Told, recording: Recording | None) -> bool:
    """Write them, at the end of a run; answers whether all of them could be written."""
    from loadstone.report.result_files import Evidence, KeptRun

    folder = watched.folder
    if folder is None or not watched.plan.results.files:
        return True
    row = recording.row if recording is not None and recording.run_id and not recording.failure else None
    evidence = (
        Evidence(replace(told, run_id=row.id), KeptRun(row, partial(_history, row, asked("store")))) if row is not None else Evidence(told)
    )
    written = [_write(file, evidence, watched.plan, folder / file.name(watched.stamp)) for file in suite_files(watched.plan)]
    return all(written)


def suite_files_again(found: Found, told: Told, folder: Path, stamp: str, store_url: str | None) -> Iterator[Path]:
    """Write them for a run that is over, without those that are for its course; gives each that was written.

    raises: UsageError for one that cannot be written
    """
    from loadstone.cli.report_files import write_whole
    from loadstone.report.result_files import Evidence, KeptRun

    row, plan = found.row, found.plan
    if plan is None or not plan.results.files:
        return
    kept = KeptRun(row, partial(_history, row, store_url)) if row is not None and row.finished else None
    evidence = Evidence(told, kept)
    for file in (file for file in suite_files(plan) if not file.during):
        data = _content(file, evidence, plan)
        if data is not None:
            path = folder / file.name(stamp)
            _room(path.parent)
            write_whole(path, data)
            yield path


def _history(row: RunRow, store_url: str | None) -> Sequence[PastRun]:
    """Runs of the same work, oldest first, until this one; none where the store cannot be read."""
    from loadstone.store.past import past_run
    from loadstone.store.rows import RunFilter

    try:
        with opened(store_url) as store:
            rows = store.runs(RunFilter(work_hash=row.work_hash, most=MOST_RUNS))
            until = [each for each in rows if each.started_at <= row.started_at]
            return [past_run(store.load(each.id)) for each in until if each.verdict in MEASURED]
    except LoadstoneError as error:
        click.echo(f"loadstone: the history of this run cannot be read: {error}", err=True)
        return []


def _write(file: ResultFile, evidence: Evidence, plan: Plan, path: Path) -> bool:
    try:
        data = _content(file, evidence, plan)
        if data is None:
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except PluginError as error:
        click.echo(f"loadstone: {path} could not be made: {error}", err=True)
        return False
    except OSError as error:
        click.echo(f"loadstone: {path} could not be written: {error.strerror}", err=True)
        return False
    return True


def _content(file: ResultFile, evidence: Evidence, plan: Plan) -> bytes | None:
    """What the file is to hold; raises PluginError where another package's table or report breaks."""
    from loadstone.cli.report_files import renderer
    from loadstone.plugins import installed

    if not file.report:
        try:
            return file.content(evidence)
        except Exception as error:
            name = plan.results.files
            if not installed().is_foreign("result_file", name):
                raise
            raise PluginError(f"the result_file {name!r} raised {type(error).__name__}: {error}", where=file.pattern) from error
    if file.report not in installed().names("report"):
        click.echo(f"loadstone: no report is called {file.report!r}, so {file.pattern} is left out", err=True)
        return None
    return renderer(file.report)(evidence.told)

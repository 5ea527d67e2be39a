"""`--checkpoint 10m`: the report's files while a long run goes on, each replaced as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loadstone.errors import PluginError, UsageError
from loadstone.units import parse_duration

if TYPE_CHECKING:
    from loadstone.judge.story import Story
    from loadstone.measure.timeline import Timeline
    from loadstone.report.told import Told
    from loadstone.run import Checkpoint

LEAST_S = 1.0


def read_checkpoint(text: str | None) -> float | None:
    """Seconds between two checkpoints; raises UsageError for less than one."""
    if text is None:
        return None
    every_s = parse_duration(text)
    if every_s < LEAST_S:
        raise UsageError(f"must be {LEAST_S:g} s or more", where="flag --checkpoint", hint="--checkpoint 10m")
    return every_s


def checkpoint(every_s: float, files: list[tuple[Callable[[Told], bytes], Path]], timeline: Timeline) -> Checkpoint:
    """Writes the files of a run every so many seconds; a disk that is full is told once, and ends nothing."""
    from loadstone.report.told import Told
    from loadstone.run import Checkpoint

    silent = False

    def write(story: Story) -> None:
        nonlocal silent
        told = Told.of(story, timeline.so_far())
        for render, path in files:
            try:
                replace_file(path, render(told))
            except (OSError, PluginError) as error:
                if not silent:
                    why = error.strerror if isinstance(error, OSError) else error
                    click.echo(f"loadstone: the checkpoint {path} could not be written: {why}", err=True)
                silent = True

    return Checkpoint(every_s, write)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file beside it and move it into its place, so that nobody reads half of it, and none is left; raises OSError."""
    if path.exists() and not path.is_file():  # a pipe or a device has no place that anything could be moved into
        path.write_bytes(data)
        return
    path = path.resolve()  # of a link, the file behind it is replaced
    beside = path.with_name(f".{path.name}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise

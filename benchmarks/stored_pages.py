"""A page through the command that a user types: `loadstone report last --format html` of a stored simulated run, whole and damaged.

The start of the program, its imports, reading the store and writing the file are all in the figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import Bound, Figure
from benchmarks.ours import PROGRAM
from benchmarks.processes import Failed, Finished, run
from benchmarks.rounds import attempt
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.packing import pack
from loadstone.measure.sections import Sections
from loadstone.measure.snapshot import Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.report.json import render_json
from loadstone.report.told import Told
from loadstone.store.recording import MOST_STRETCHES
from loadstone.store.rows import Packed, RunParts
from loadstone.store.sqlite import SqliteStore
from loadstone.testing.kept_runs import PLAN_JSON, make_row
from loadstone.testing.samples import make_story

DAMAGED = 40  # the stretch whose bytes are cut


def stored_figures(name: str, seconds: list[Snapshot], folder: Path, rounds: int) -> Iterator[Figure]:
    """Wall time, processor time and size of both pages; is the damage named, on stderr and in the page."""
    parts = kept(seconds)
    cut = parts.timeline[DAMAGED]
    broken = replace(parts, timeline=tuple(each._replace(content=each.content[:-40]) if each is cut else each for each in parts.timeline))
    for kind, content in (("", parts), (" with a damaged stretch", broken)):
        store = folder / f"runs{len(kind)}.db"
        with_run(store, content)
        what = f"loadstone report --format html of a stored simulated run of {name}{kind}"
        made, cpu = Figure(what, "s", Bound(most=3.0)), Figure(f"{what}: processor time", "s")
        size = Figure(f"{what}: size", "MB", Bound(most=7.0))
        page = folder / "page.html"
        for _ in range(rounds):
            done = attempt(lambda store=store: report(store, folder))  # type: ignore[misc]
            made.add(done.map(lambda finished: finished.wall_s))
            cpu.add(done.map(lambda finished: finished.cpu_s))
        size.add(attempt(lambda page=page: page.stat().st_size / 1e6))  # type: ignore[misc]
        yield from (made, cpu, size)
        if kind:
            named = Figure(f"{what}: is it named", "", Bound(least=1))
            named.add(attempt(lambda store=store, page=page: float(is_named(store, page))))  # type: ignore[misc]
            yield named


def kept(seconds: list[Snapshot]) -> RunParts:
    """What such a run leaves in a store with --keep-seconds."""
    course, total, over_time = Sections(len(seconds)), Aggregate(), Timeline(MOST_STRETCHES)
    for each in seconds:
        over_time.snapshot(each)
        course.add(each)
        if each.judged:
            total.add(each)
    sections = tuple(Packed(seq, each.start_s, each.end_s, each.content) for seq, each in enumerate(course.so_far()))
    packed = tuple(Packed(each.seq, each.start_s, each.end_s, pack(each)) for each in seconds)
    whole = tuple(Packed(seq, each.start_s, each.end_s, each.content) for seq, each in enumerate(over_time.so_far()))
    return RunParts(PLAN_JSON, render_json(Told.of(make_story())), pack(total.as_snapshot()), sections, packed, timeline=whole)


def with_run(path: Path, parts: RunParts) -> None:
    """A store with this one run."""
    store = SqliteStore(f"sqlite:///{path}")
    store.add(make_row(0, id="simulated", seconds=float(len(parts.seconds))), parts)
    store.close()


def report(store: Path, folder: Path) -> Finished:
    """The command from its start to its end."""
    done = run([*PROGRAM, "report", "last", "--format", "html", "--out", str(folder), "--name", "page", "--store", str(store)], limit_s=120)
    if done.code:
        raise Failed(f"loadstone report ended with {done.code}: {done.stderr[-500:]}")
    return done


def is_named(store: Path, page: Path) -> bool:
    """Does the command say what is damaged, and the page, too?"""
    said = [line.removeprefix("loadstone: damaged: ") for line in report(store, page.parent).stderr.splitlines() if "damaged:" in line]
    return bool(said) and all(line in page.read_text(encoding="utf-8") for line in said)

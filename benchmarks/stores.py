"""Two runs of an hour out of the store, with everything that a comparison asks of them; what keeping a run costs while it goes on.

With `LOADSTONE_STORE=postgresql://…` the same there, too, in a schema `loadstone_benchmark`, which is left empty.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Bound, Figure
from benchmarks.ours import PROGRAM
from benchmarks.processes import Failed, Finished, run
from benchmarks.rounds import Options, attempt
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.packing import pack
from loadstone.measure.sections import MOST_SECTIONS, Sections
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.stats.histogram import Histogram
from loadstone.store.rows import UNFINISHED, Packed, RunParts
from loadstone.store.schema import work_hash
from loadstone.store.store import Store
from loadstone.testing.kept_runs import DOCUMENT, make_row
from loadstone.testing.past_runs import PLAN

SERIES = 50
HOUR_S = 3600
PLAN_JSON = PLAN.model_dump_json()
FIGURES = 2 * (SERIES + 1)  # p50 and p95 of each step and of all together
SAMPLES = 100  # a second and series
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


def measure(options: Options) -> Iterator[Figure]:
    """The runs are made up once: what is read is what a run of an hour leaves."""
    compared = Figure(f"loadstone compare of two runs of 1 h, {SERIES} series, every figure", "s", Bound(most=2.0))
    compared_cpu = Figure("CPU of that", "s")
    read = Figure(f"two runs of 1 h, {SERIES} series, read from the store with all quantiles", "s", Bound(most=1.0))
    cpu = Figure("CPU of that", "s", Bound(most=1.0))
    size = Figure("size of one of them", "MB")
    fold = Figure(f"CPU a second of such a run, for its {MOST_SECTIONS} sections", "ms", Bound(most=20.0))
    longest = Figure("the longest of these seconds", "ms", Bound(most=500.0))
    finish = Figure("its end: everything written at once", "s", Bound(most=2.0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        course, total, steps_ms = recorded()
        fold.add(attempt(lambda: sum(steps_ms) / len(steps_ms)))
        longest.add(attempt(lambda: max(steps_ms)))
        with Store.open(f"sqlite:///{path}") as store:
            for number in range(2):
                finish.add(attempt(lambda number=number: seconds_to_write(store, course, total, number)))  # type: ignore[misc]
        size.add(attempt(lambda: path.stat().st_size / 2e6))
        for _ in range(options.rounds):
            began_s = time.process_time()
            read.add(attempt(lambda: seconds_to_read(f"sqlite:///{path}")))
            spent_s = time.process_time() - began_s
            cpu.add(attempt(lambda spent_s=spent_s: spent_s))  # type: ignore[misc]
            done = attempt(lambda: comparing(path))
            compared.add(done.map(lambda finished: finished.wall_s))
            compared_cpu.add(done.map(lambda finished: finished.cpu_s))
    yield from (compared, compared_cpu, read, cpu, size, fold, longest, finish)
    url = os.environ.get("LOADSTONE_STORE", "")
    if url.startswith("postgres"):
        yield from on_a_server(f"{url}{'&' if '?' in url else '?'}schema=loadstone_benchmark", course, total, options.rounds)


def on_a_server(url: str, course: Sections, total: Aggregate, rounds: int) -> Iterator[Figure]:
    """Reading and writing of the same runs."""
    read, finish, append = (Figure(f"{what}, in PostgreSQL", "s") for what in ("both runs read", "the end of one", "a second of one"))
    with Store.open(url) as store:
        store.delete([row.id for row in store.runs()])
        for number in range(2):
            finish.add(attempt(lambda number=number: seconds_to_write(store, course, total, number)))  # type: ignore[misc]
        for _ in range(rounds):
            read.add(attempt(lambda: seconds_to_read(url)))
            append.add(attempt(lambda: seconds_to_append(store)))
        store.delete([row.id for row in store.runs()])
    yield from (read, finish, append)


def recorded() -> tuple[Sections, Aggregate, list[float]]:
    """An hour of made-up seconds through the sections: response times with a long tail, around another median in each series."""
    rng = np.random.default_rng(1)
    series = [Series("http.response_time", (("step", f"step {n}"),)) for n in range(SERIES)]
    counts = {Series("http.requests", each.tags): SAMPLES for each in series}
    course, total, steps_ms = Sections(HOUR_S), Aggregate(), list[float]()
    for second in range(HOUR_S):
        distributions = {}
        for number, each in enumerate(series):
            histogram = Histogram()
            histogram.record_many((np.exp(rng.normal(0.0, 0.5, SAMPLES)) * 1e6 * (number + 1)).astype(np.int64))
            distributions[each] = histogram
        snapshot = Snapshot(second, float(second), second + 1.0, True, "load", distributions, counts)
        total.add(snapshot)
        began = time.thread_time()
        course.add(snapshot)
        steps_ms.append((time.thread_time() - began) * 1e3)
    return course, total, steps_ms


def seconds_to_write(store: Store, course: Sections, total: Aggregate, number: int) -> float:
    """The row, the totals and the sections of a run."""
    row = store.begin(make_row(number, seconds=float(HOUR_S), work_hash=work_hash(PLAN_JSON)), PLAN_JSON)
    began = time.monotonic()
    sections = [Packed(seq, each.start_s, each.end_s, each.content) for seq, each in enumerate(course.so_far())]
    store.finish(row, RunParts(PLAN_JSON, DOCUMENT, pack(total.as_snapshot()), tuple(sections)))
    return time.monotonic() - began


def seconds_to_append(store: Store) -> float:
    """A second of 20 kB into a run that goes on; the mean of 50."""
    row = store.begin(make_row(verdict=UNFINISHED), PLAN_JSON)
    began = time.monotonic()
    for seq in range(50):
        store.append(row.id, Packed(seq, float(seq), seq + 1.0, bytes(20_000)))
    spent_s = time.monotonic() - began
    store.delete([row.id])
    return spent_s / 50


def comparing(path: Path) -> Finished:
    """The command from its start to its end."""
    done = run([*PROGRAM, "compare", "last~1", "last", "--all", "--json", "--store", str(path)], limit_s=60)
    found = json.loads(done.stdout or "{}").get("differences", [])
    if len(found) < FIGURES:
        raise Failed(f"loadstone compare ended with {done.code} and {len(found)} of {FIGURES} figures: {done.stderr[-500:]}")
    return done


def seconds_to_read(url: str) -> float:
    """Both runs, all quantiles of all series, for the whole and for each section."""
    began = time.monotonic()
    values = 0
    with Store.open(url, make=False) as store:
        for row in store.runs():
            run = store.load(row.id)
            for stretch in (run.totals, *run.sections):
                for each in stretch.series("http.response_time"):
                    histogram = stretch.distribution(each.metric, dict(each.tags))
                    values += sum(histogram.quantile(q) > 0 for q in QUANTILES) if histogram else 0
    assert values == 2 * len(QUANTILES) * SERIES * (MOST_SECTIONS + 1), values
    return time.monotonic() - began

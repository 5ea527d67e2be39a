"""What a page of a long run takes: to make, to keep, and to open in a browser.

The runs are simulated: made-up seconds go through the real Timeline, so that the page has as many stretches, series and buckets as
that of a run of such length has. Nothing was measured that they could tell of. A page is made by a process of its own, from the
run as every report is given it; reading the run comes on top, and is in the figures of `stored_pages`.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.environments import Missing
from benchmarks.figures import Bound, Figure
from benchmarks.processes import Failed
from benchmarks.rounds import Options, attempt
from benchmarks.stored_pages import stored_figures
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.measure.timeline import Stretch, Timeline
from loadstone.report.told import Told
from loadstone.stats.histogram import Histogram
from loadstone.testing.samples import make_snapshot, make_story

VARIANTS = 12  # different seconds; a run repeats them, because making each anew takes longer than all that is measured
VALUES_PER_S = 100  # of each distribution
DAMAGE = "the log: line 1200 is no JSON, and was left out"
MAKE = """
import pathlib, pickle, sys
from loadstone.report.html.page import render_html
told = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
pathlib.Path(sys.argv[2]).write_bytes(render_html(told))
"""
# The charts are scrolled to at once; the moment at which the first one stands there is noted by the page itself.
WATCH = """
new MutationObserver(() => { window.drawn ??= document.querySelector("#charts .main-svg") ? performance.now() : undefined; })
  .observe(document, { childList: true, subtree: true });
addEventListener("DOMContentLoaded", () => document.getElementById("charts").scrollIntoView());
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """A run: its length, the seconds that one snapshot holds, and how many series it has."""

    name: str
    hours: float
    each_s: int
    series: int


HOUR = Shape("1 h, 50 series", 1.0, 1, 50)
TEN_HOURS = Shape("10 h, 200 series", 10.0, 5, 200)  # the log of such a run has five seconds in a line


def measure(options: Options) -> Iterator[Figure]:
    """Two pages, and one by the command out of a store; as many rounds as asked for of each time."""
    with tempfile.TemporaryDirectory() as folder:
        for shape, seconds, megabytes in ((HOUR, 3.0, 7.0), (TEN_HOURS, None, 8.0)):
            yield from page_figures(shape, Path(folder), options.rounds, seconds, megabytes)
        yield from stored_figures(HOUR.name, list(snapshots(HOUR)), Path(folder), options.rounds)


def page_figures(shape: Shape, folder: Path, rounds: int, seconds: float | None, megabytes: float) -> Iterator[Figure]:
    """Time to make, size, time to the first chart, and whether damage is shown."""
    run, page = folder / f"{shape.series}.pickle", folder / f"{shape.series}.html"
    run.write_bytes(pickle.dumps(replace(Told.of(make_story()), timeline=timeline(shape), damage=(DAMAGE,))))
    made = Figure(f"page of a simulated run of {shape.name}: made by a new process", "s", Bound(most=seconds) if seconds else Bound())
    size = Figure(f"page of a simulated run of {shape.name}: size", "MB", Bound(most=megabytes))
    opened = Figure(f"page of a simulated run of {shape.name}: navigation to first chart drawn, in Chromium", "s", Bound(most=2.0))
    told = Figure(f"page of a simulated run of {shape.name} with damage: is it named", "", Bound(least=1))
    cpu = Figure(f"page of a simulated run of {shape.name}: processor time of making it", "s")
    for _ in range(rounds):
        before = children_cpu_s()
        made.add(attempt(lambda: make(run, page)))
        cpu.rounds.append(children_cpu_s() - before)
    if page.exists():
        size.add(attempt(lambda: page.stat().st_size / 1e6))
        told.add(attempt(lambda: float(DAMAGE.encode() in page.read_bytes())))
        for _ in range(rounds):
            opened.add(attempt(lambda: open_page(page)))
    yield from (made, cpu, size, opened, told)


def children_cpu_s() -> float:
    """Seconds that processors worked for processes that this one started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def make(run: Path, page: Path) -> float:
    """Seconds that a new process takes, its start and imports included."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", MAKE, str(run), str(page)], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise Failed(done.stderr[-500:])
    return time.monotonic() - began


def open_page(page: Path) -> float:
    """Seconds from the begin of the navigation until a chart stands in the page."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Missing("playwright is not installed: pip install playwright") from None
    chromium = shutil.which("chromium")
    if chromium is None:
        raise Missing("no browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.add_init_script(WATCH)
        tab.goto(page.as_uri(), wait_until="commit")
        tab.locator("#charts .main-svg").first.wait_for(timeout=30_000)
        taken = float(tab.evaluate("window.drawn")) / 1e3
        browser.close()
    return taken


def timeline(shape: Shape) -> tuple[Stretch, ...]:
    """The stretches of such a run."""
    folded = Timeline()
    for each in snapshots(shape):
        folded.snapshot(each)
    return folded.so_far()


def snapshots(shape: Shape) -> Iterator[Snapshot]:
    """Its seconds."""
    rng = np.random.default_rng(17)
    kinds = [made_up(rng, shape) for _ in range(VARIANTS)]
    for at in range(int(shape.hours * 3600 / shape.each_s)):
        start_s = float(at * shape.each_s)
        yield replace(kinds[at % VARIANTS], seq=at, start_s=start_s, end_s=start_s + shape.each_s, judged=start_s >= 60)


def made_up(rng: np.random.Generator, shape: Shape) -> Snapshot:
    """One snapshot: half of the series distributions, a quarter counts, a quarter levels."""
    steps = shape.series // 4
    name = [f"step {number}" for number in range(steps)]
    distributions = {}
    for number in range(steps):
        values = rng.lognormal(np.log(20e6 * (1 + number % 7)), 0.5, VALUES_PER_S * shape.each_s).astype(np.int64)
        for metric, share in (("http.response_time", 1.0), ("http.service_time", 0.9)):
            histogram = Histogram()
            histogram.record_many((values * share).astype(np.int64))
            distributions[Series(metric, (("scenario", "simulated"), ("step", name[number])))] = histogram
    counts = {Series("http.requests", (("scenario", "simulated"), ("step", each))): VALUES_PER_S * shape.each_s for each in name}
    gauges = {Series("target.memory", (("process", each),)): Gauge.of(float(rng.normal(2e8, 1e6))) for each in name}
    return replace(make_snapshot(0), distributions=distributions, counts=counts, gauges=gauges)

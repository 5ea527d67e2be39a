"""What keeps a run together is flat in its length: rings fill in the first minutes, and nothing after them grows."""

from __future__ import annotations

import gc
import io
import tracemalloc

import numpy as np

from loadstone.judge.panel import Panel
from loadstone.judge.run_state import RunState
from loadstone.live.lines import LineView
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.sections import Sections
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.plan.model import Plan
from loadstone.stats.histogram import Histogram

TIMES = ("http.response_time", "http.service_time", "generator.share")
TAGS = (("scenario", "hit"), ("step", "get"))
SETTLED_S, END_S = 80, 394
MOST_GROWN = 200_000  # bytes; a second of it takes 90 kB, and a stretch of such a run has eight of them


def test_a_run_five_times_as_long_takes_no_more_memory() -> None:
    values = np.random.default_rng(1).lognormal(13.8, 1.0, 3_000).astype(np.int64)
    whole = Histogram()
    whole.record_many(values)

    def second(at: int) -> Snapshot:
        gauges = {Series("load.users", TAGS[:1]): Gauge.of(64.0), Series("generator.memory", (("worker", "0"),)): Gauge.of(5e7)}
        counts = {Series("http.requests", TAGS): whole.count, Series("load.time", TAGS[:1]): 10**9}
        times = {Series(name, TAGS): whole.copy() for name in TIMES}
        return Snapshot(at, float(at), at + 1.0, judged=True, phase="load", distributions=times, counts=counts, gauges=gauges)

    gates = ["p95(http.response_time) < 1s", "p95(http.response_time) < 1s over 30s", "recovery(http.response_time) < 30s"]
    profile = {"kind": "constant-users", "users": 64, "duration": "24h"}
    asked = {"target": "http://127.0.0.1:1", "gates": gates, "scenarios": {"hit": {"profile": profile, "steps": [{"get": "/"}]}}}
    plan = Plan.model_validate(asked)
    state, timeline, sections = RunState(plan, Panel(plan.gates, Catalogue())), Timeline(most=40), Sections(most=20)
    lines = LineView("hit", None, io.StringIO())
    taken = {}
    tracemalloc.start()
    try:
        for at in range(END_S + 1):
            snapshot = second(at)
            state.see(snapshot)
            sections.add(snapshot)
            for sink in (timeline, lines):
                sink.snapshot(snapshot)
            del snapshot
            if at in {SETTLED_S, END_S}:
                gc.collect()
                taken[at] = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken[END_S] - taken[SETTLED_S] < MOST_GROWN

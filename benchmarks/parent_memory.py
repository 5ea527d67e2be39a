"""What the parent of a long run keeps, minute by minute: `python -m benchmarks.parent_memory [SECONDS]`, by `tracemalloc`."""

from __future__ import annotations

import gc
import sys
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.soak import GATES, resident
from loadstone.judge.panel import Panel
from loadstone.judge.run_state import RunState
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.packing import pack, unpack
from loadstone.measure.sections import Sections
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.measure.timeline import Timeline
from loadstone.plan.model import Plan
from loadstone.report.series import SnapshotLog, line_s
from loadstone.stats.histogram import Histogram

EXCHANGES = 14_000  # a second
TIMES_NS = {
    "http.response_time": 4e6,
    "http.service_time": 3.9e6,
    "http.time_to_first_byte": 3.5e6,
    "load.send_lag": 5e5,
    "generator.share": 2e5,
}
PARTS = (
    "judge/gates",
    "judge/level_history",
    "judge/course",
    "judge/recovery",
    "measure/timeline",
    "measure/sections",
    "measure/aggregate",
)
FRAMES = 12
TAGS = (("scenario", "soak"), ("step", "get"))


def second(at: int, rng: np.random.Generator) -> Snapshot:
    """A second at full speed, as it comes from a worker."""
    distributions = {}
    for name, middle in TIMES_NS.items():
        distributions[Series(name, TAGS)] = histogram = Histogram()
        histogram.record_many(rng.lognormal(np.log(middle), 0.4, EXCHANGES).astype(np.int64))
    counts = {Series("http.requests", TAGS): EXCHANGES, Series("load.time", TAGS[:1]): 10**9}
    gauges = {Series("load.users", TAGS[:1]): Gauge.of(64.0)}
    made = Snapshot(
        seq=at, start_s=float(at), end_s=at + 1.0, judged=True, phase="load", counts=counts, distributions=distributions, gauges=gauges
    )
    return unpack(pack(made))


def kept() -> str:
    """Megabytes by the part that asked for them."""
    found: Counter[str] = Counter()
    for one in tracemalloc.take_snapshot().statistics("traceback"):
        files = [frame.filename for frame in one.traceback]
        found[next((part for part in PARTS if any(part in name for name in files)), "other")] += one.size
    return "  ".join(f"{part} {size / 1e6:.2f}" for part, size in found.most_common())


def main(seconds: int) -> None:
    """A line for each minute: resident memory of this process, and who keeps what."""
    profile = {"kind": "constant-users", "users": 64, "duration": "24h"}
    scenarios = {"soak": {"profile": profile, "steps": [{"get": "/"}]}}
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "gates": GATES, "scenarios": scenarios})
    rng = np.random.default_rng(1)
    state, over_time, sections = RunState(plan, Panel(plan.gates, Catalogue())), Timeline(), Sections()
    with tempfile.TemporaryDirectory() as folder:
        log = SnapshotLog(Path(folder) / "log.jsonl", {}, every_s=line_s(86_400))
        second(0, rng)
        tracemalloc.start(FRAMES)
        for at in range(seconds):
            snapshot = second(at, rng)
            state.see(snapshot)
            sections.add(snapshot)
            for sink in (over_time, log):
                sink.snapshot(snapshot)
            del snapshot
            if (at + 1) % 60 == 0:
                gc.collect()
                sys.stdout.write(f"{(at + 1) // 60:3} min  {resident() / 1e6:6.1f} MB  {kept()}\n")
                sys.stdout.flush()
        log.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 900)

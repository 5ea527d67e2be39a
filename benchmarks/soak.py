"""What 72 hours of a run add to the memory of what keeps and judges it, and to its log.

Simulated time: the real engine and recorder with scripted answers, and behind them what the parent process has in a soak: gates
with windows, courses for `leak` and `growth`, spikes and instances, and the log. All in one process, so that the row bounds both.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, attempt
from loadstone.judge.panel import Panel
from loadstone.judge.recovery import RecoveryWatch
from loadstone.judge.scaling import ScalingWatch
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
from loadstone.report.series import MOST_LINES, SnapshotLog, line_s
from loadstone.testing.client import ScriptedTarget, constant
from loadstone.testing.simulation import simulate

HOURS = 72.0
SETTLE_HOURS = 8.0  # windows and courses fill: a course of 4,096 readings is full after little more than an hour, and then halves
GATES = ["p95(http.response_time) < 1s over 10m", "drift(http.response_time) = none", "rate(http.errors) < 1%"]


def plan(hours: float) -> Plan:
    """One user that asks each ten seconds."""
    scenario = {"profile": {"kind": "constant-rate", "rate": 0.1, "duration": hours * 3600}, "steps": [{"get": "/"}]}
    return Plan.model_validate({"target": "http://127.0.0.1:1", "gates": GATES, "scenarios": {"soak": scenario}})


def measure(options: Options) -> Iterator[Figure]:  # noqa: ARG001  simulated: as long as it says, whatever was asked for
    """One round: 72 hours are 72 hours."""
    growth = Figure(
        "growth of resident memory from hour 8 to hour 72 of a soak in simulated time, engine and parent together", "MB", Bound(most=2)
    )
    lines = Figure("lines of the log of 72 h", "lines", Bound(most=MOST_LINES))
    found: list[int] = []
    growth.add(attempt(lambda: soak(found)).map(lambda grown: grown / 1e6))
    lines.add(attempt(lambda: float(found[0])))
    yield growth
    yield lines


def soak(lines: list[int]) -> float:
    """Bytes that the hours after the first eight add; the log's lines are put into `lines`."""
    whole = plan(HOURS)
    panel, total = Panel(whole.gates, Catalogue()), Aggregate()
    spikes, instances = RecoveryWatch(), ScalingWatch()
    with tempfile.TemporaryDirectory() as folder:
        log = SnapshotLog(Path(folder) / "log.jsonl", {}, every_s=line_s(HOURS * 3600))
        settled: list[float] = []
        target = ScriptedTarget(constant(0.001))

        def see(snapshot: Snapshot) -> None:
            target.exchanged.clear()  # what the scripted target remembers of each request is no part of a run
            panel.see(snapshot)
            total.add(snapshot)
            spikes.see(snapshot)
            instances.see(snapshot)
            log.snapshot(snapshot)
            if not settled and snapshot.end_s >= SETTLE_HOURS * 3600:
                settled.append(resident())

        simulate(whole, target, sink=see)
        after = resident()
        log.close()
        lines.append(log.path.read_bytes().count(b"\n") - 1)
    return after - settled[0]


def resident() -> float:
    """Bytes of this process, what is garbage left out."""
    gc.collect()
    return float(psutil.Process().memory_info().rss)

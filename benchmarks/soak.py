"""What 72 hours of a run add to the memory of what keeps and judges it, and to its log; what minutes at full speed add to real processes.

Simulated time: the real engine and recorder with scripted answers, and behind them what the parent process has in a soak: gates
with windows, courses for `leak` and `growth`, spikes and instances, the run over time and in sections, and the log. All in one
process, so that the row bounds both.

Real processes: parent and worker of `loadstone run` with the same gates, its log and its store, 64 users at full speed against nginx.
"""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.figures import Bound, Figure
from benchmarks.memory import growth_of
from benchmarks.rounds import Options, Outcome, attempt
from benchmarks.servers import nginx
from loadstone.judge.panel import Panel
from loadstone.judge.run_state import RunState
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.sections import Sections
from loadstone.measure.snapshot import Snapshot
from loadstone.measure.timeline import MOST_STRETCHES, Timeline
from loadstone.plan.model import Plan
from loadstone.report.series import MOST_LINES, SnapshotLog, line_s
from loadstone.testing.client import ScriptedTarget, constant
from loadstone.testing.simulation import simulate

HOURS = 72.0
SETTLE_HOURS = 8.0  # windows and courses fill: a course of 4,096 readings is full after little more than an hour, and then halves
FULL_S = MOST_STRETCHES + 60.0
GATES = ["p95(http.response_time) < 1s over 10m", "drift(http.response_time) = none", "rate(http.errors) < 1%"]


def plan(hours: float) -> Plan:
    """One user that asks each ten seconds."""
    scenario = {"profile": {"kind": "constant-rate", "rate": 0.1, "duration": hours * 3600}, "steps": [{"get": "/"}]}
    return Plan.model_validate({"target": "http://127.0.0.1:1", "gates": GATES, "scenarios": {"soak": scenario}})


def measure(options: Options) -> Iterator[Figure]:
    """One round of each: 72 hours are 72 hours, and both figures are levels."""
    growth = Figure(
        "growth of resident memory from hour 8 to hour 72 of a soak in simulated time, engine and parent together", "MB", Bound(most=2)
    )
    lines = Figure("lines of the log of 72 h", "lines", Bound(most=MOST_LINES))
    found: list[int] = []
    growth.add(attempt(lambda: soak(found)).map(lambda grown: grown / 1e6))
    lines.add(attempt(lambda: float(found[0])))
    yield growth
    yield lines
    begin_s = begin_of_soak_s(options.minutes)
    name = f"growth of the processes of a run with gates, log and store at full speed, from {begin_s:.0f} s to {options.minutes:g} min"
    real, made = Figure(name, "MB"), Figure("exchanges of that run", "millions")
    answered: list[int] = []
    real.add(attempt(lambda: real_soak(options.minutes, answered)).map(lambda grown: grown / 1e6))
    made.add(attempt(lambda: answered[0] / 1e6) if answered else Outcome(None, "the run did not end"))
    yield real
    yield made


def soak(lines: list[int]) -> float:
    """Bytes that the hours after the first eight add; the log's lines are put into `lines`."""
    whole = plan(HOURS)
    state, over_time, sections = RunState(whole, Panel(whole.gates, Catalogue())), Timeline(), Sections(HOURS * 3600)
    with tempfile.TemporaryDirectory() as folder:
        log = SnapshotLog(Path(folder) / "log.jsonl", {}, every_s=line_s(HOURS * 3600))
        settled: list[float] = []
        target = ScriptedTarget(constant(0.001))

        def see(snapshot: Snapshot) -> None:
            target.exchanged.clear()  # what the scripted target remembers of each request is no part of a run
            state.see(snapshot)
            sections.add(snapshot)
            for sink in (over_time, log):
                sink.snapshot(snapshot)
            if not settled and snapshot.end_s >= SETTLE_HOURS * 3600:
                settled.append(resident())

        simulate(whole, target, sink=see)
        after = resident()
        log.close()
        lines.append(log.path.read_bytes().count(b"\n") - 1)
    return after - settled[0]


def begin_of_soak_s(minutes: float) -> float:
    """When the run over time has all its stretches, a second each, and sections and buffers are full; or half of a shorter run."""
    return min(FULL_S, minutes * 60 / 2)


def real_soak(minutes: float, answered: list[int]) -> float:
    """Bytes that parent and worker together grew by; the number of exchanges is put into `answered`."""
    with tempfile.TemporaryDirectory() as folder, nginx() as url:
        suite, out = Path(folder) / "soak.json", Path(folder) / "out"
        profile = {"kind": "constant-users", "users": 64, "duration": f"{minutes * 60:g}s"}
        scenario = {"profile": profile, "steps": [{"get": "/"}]}
        suite.write_text(json.dumps({"target": url, "gates": GATES, "scenarios": {"soak": scenario}}))
        grown = growth_of(
            ["run", str(suite), "--out", str(out), "--store", f"sqlite:///{folder}/runs.db", "--quiet"], minutes, begin_of_soak_s(minutes)
        )
        document = json.loads(next(out.glob("result_*.json")).read_text())
        answered.append(document["load"]["requests"])
    return grown


def resident() -> float:
    """Bytes of this process, what is garbage left out."""
    gc.collect()
    return float(psutil.Process().memory_info().rss)

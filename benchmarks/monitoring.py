"""What an hour of monitoring adds to Loadstone's own memory: the real engine in simulated time, the real file of windows."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, attempt
from loadstone.judge.alert_rules import DEFAULT_RULES, parse_rule
from loadstone.measure.catalogue import Catalogue
from loadstone.monitor import Monitor, probing
from loadstone.plan.model import Plan
from loadstone.store.windows import WindowStore
from loadstone.testing.simulation import simulate

EVERY_S = 10.0
SETTLE_S = 1200.0  # caches fill, the hour and the day are open, the file has its pages
HOUR_S = 3600.0
PLAN = {"target": "http://127.0.0.1:1", "scenarios": {"probe": {"profile": {"rate": 1}, "steps": [{"get": "/"}, {"get": "/b"}]}}}


def measure(options: Options) -> Iterator[Figure]:  # noqa: ARG001  simulated: as long as it says, whatever was asked for
    """One round: an hour is an hour."""
    growth = Figure("growth of resident memory in one simulated hour of monitoring, a try of two steps each 10 s", "MB", Bound(most=1))
    growth.add(attempt(hour).map(lambda grown: grown / 1e6))
    yield growth


def hour() -> float:
    """Bytes that an hour adds."""
    with tempfile.TemporaryDirectory() as folder:
        rules = [parse_rule(text, name) for name, text in DEFAULT_RULES.items()]
        monitor = Monitor("benchmark", Catalogue(), rules, WindowStore(Path(folder) / "monitor.sqlite"))
        plan = Plan.model_validate(PLAN)
        try:
            simulate(probing(plan, EVERY_S, SETTLE_S), sink=monitor.snapshot)
            before = resident()
            simulate(probing(plan, EVERY_S, HOUR_S), sink=monitor.snapshot)
            return resident() - before
        finally:
            monitor.end()


def resident() -> float:
    """Bytes of this process, what is garbage left out."""
    gc.collect()
    return float(psutil.Process().memory_info().rss)

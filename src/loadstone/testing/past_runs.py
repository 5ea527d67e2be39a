"""Runs with a known course and level, to be compared: in memory, and as a store keeps them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from loadstone.judge.beside import Beside, PastRun
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.model import Plan
from loadstone.stats.histogram import Histogram
from loadstone.store.schema import work_hash
from loadstone.store.store import Store
from loadstone.testing.kept_runs import make_parts, make_row

MACHINE = {"cpu": "Example CPU", "cores": 4, "memory": "32 GB", "kernel": "6.1", "python": "3.11.2", "version": "0.1", "plan_hash": "p"}
PLAN = Plan.model_validate(
    {
        "name": "shop",
        "target": "http://127.0.0.1:9",
        "scenarios": {"shop": {"profile": {"rate": "100/s", "duration": "20s"}, "steps": [{"get": "/"}]}},
    }
)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def make_seconds(
    level_ms: float, seed: int, *, seconds: int = 20, each: int = 100, errors: int = 0, memory: float = 0.0, step: str = "home"
) -> list[Snapshot]:
    """Seconds of requests around a median, lognormal with a spread of a quarter.

    errors: failed requests of each second
    memory: of the target, in bytes; 0: nobody looked
    """
    rng = np.random.default_rng(seed)
    tags = (("scenario", "shop"), ("step", step))
    found = []
    for at in range(seconds):
        times = Histogram()
        times.record_many((level_ms * 1e6 * np.exp(rng.normal(0, 0.25, each))).astype(np.int64))
        counts = {Series("http.requests", tags): each}
        if errors:
            counts[Series("http.errors", (("kind", "status"), *tags))] = errors
        gauges = {Series("target.memory"): Gauge.of(memory * (1 + rng.normal(0, 0.01)))} if memory else {}
        found.append(Snapshot(at, float(at), at + 1.0, True, "load", {Series("http.response_time", tags): times}, counts, gauges, {}))
    return found


def make_past(levels_ms: Sequence[float], *, errors: int = 0, memory: float = 0.0, name: str = "main") -> Beside:
    """A side of a comparison: a run of each level, all on one machine, a day apart."""
    runs = []
    for number, level in enumerate(levels_ms):
        seconds = make_seconds(level, 1000 + number, errors=errors, memory=memory)
        parts = [Aggregate(seconds[at : at + 2]) for at in range(0, len(seconds), 2)]
        runs.append(PastRun(f"r{number:03d}", Aggregate(seconds), parts, MACHINE, FIRST + timedelta(days=number)))
    return Beside(f"baseline {name}", runs)


def scattered(level_ms: float, count: int, seed: int, spread: float = 0.03) -> list[float]:
    """Levels of runs of the same thing: a lognormal scatter between runs."""
    rng = np.random.default_rng(seed)
    return [level_ms * math.exp(rng.normal(0, spread)) for _ in range(count)]


def keep(store: Store, levels_ms: Sequence[float], *, first: int = 0, plan: Plan = PLAN, verdict: str = "pass") -> list[str]:
    """Put a run of each level into a store, a day apart; gives their ids."""
    text = plan.model_dump_json()
    ids = []
    for number, level in enumerate(levels_ms, first):
        row = make_row(
            number,
            id=f"r{number:03d}",
            plan_name=plan.name,
            started_at=FIRST + timedelta(days=number),
            verdict=verdict,
            work_hash=work_hash(text),
            cpu="Example CPU",
            cores=4,
            kernel="6.1",
            python="3.11.2",
            version="0.1",
            machine_text="Example CPU, 4 cores, 32 GB, kernel 6.1, Python 3.11",
            git_commit=f"{number:040x}",
        )
        store.add(row, replace(make_parts(make_seconds(level, 1000 + number)), plan_json=text))
        ids.append(row.id)
    return ids

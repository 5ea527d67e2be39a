"""Runs made by a random number generator, with one known cause or with none: what is named for them?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadstone.judge.cause import Cause, CauseKind
from loadstone.judge.causes import find_causes
from loadstone.judge.course import RunCourse
from loadstone.judge.gates import GateWatch
from loadstone.judge.trust import Level, Trust
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.testing.samples import make_histogram, make_series

SECONDS = 90
REQUESTS = 60  # per second and step
BASE_MS = 20.0
GATE = "p95(http.response_time) < 40ms"
Course = NDArray[np.floating[Any]]
Rng = np.random.Generator


def autoregressive(rng: Rng, memory: float = 0.9) -> Course:
    """A level that forgets slowly; deviation 1."""
    values = np.zeros(SECONDS)
    for at in range(1, SECONDS):
        values[at] = memory * values[at - 1] + rng.normal() * np.sqrt(1 - memory**2)
    return values


# Fluctuations of a resource that has nothing to do with the latency.
UNRELATED: dict[str, Callable[[Rng], Course]] = {
    "independent": lambda rng: rng.normal(size=SECONDS),
    "slow": autoregressive,
    "random walk": lambda rng: np.cumsum(rng.normal(size=SECONDS)) / 5,
    "waves": lambda rng: np.sin(2 * np.pi * (np.arange(SECONDS) / rng.uniform(10, 60) + rng.uniform())),
    "a step": lambda rng: (np.arange(SECONDS) > rng.integers(20, 70)) * 2.0 - 1 + 0.1 * rng.normal(size=SECONDS),
    "bursts": lambda rng: (rng.uniform(size=SECONDS) < 0.2) * 3.0 + 0.2 * rng.normal(size=SECONDS),
    "a rise": lambda rng: np.linspace(-1, 1, SECONDS) + 0.2 * rng.normal(size=SECONDS),
}


def simulated(rng: Rng, slowness: Course, levels: dict[str, Course], *, slow_step: float = 1.0, failing: float = 0.0) -> tuple[Cause, ...]:
    """The causes named for a run of 90 s.

    slowness:  factor of the latency in each second
    levels:    metric -> its course
    slow_step: factor of one of the three steps
    failing:   share of the failures of that step
    """
    watch = GateWatch([parse_gate(GATE), parse_gate("rate(http.errors) < 1%")], Catalogue())
    course, total = RunCourse(watch.gates), Aggregate()
    for at in range(SECONDS):
        snapshot = _second(rng, at, slowness[at], levels, slow_step, failing)
        watch.see(snapshot)
        course.see(snapshot)
        total.add(snapshot)
    return find_causes(course, total, watch.verdicts(total), Trust(Level.OK, []), Catalogue())


def _second(rng: Rng, at: int, slowness: float, levels: dict[str, Course], slow_step: float, failing: float) -> Snapshot:
    distributions, counts = {}, {}
    for step in ("ask", "items", "home"):
        factor = slowness * (slow_step if step == "ask" else 1.0)
        times = BASE_MS * factor * np.exp(0.3 * rng.normal(size=REQUESTS))
        distributions[make_series("http.response_time", scenario="s", step=step, outcome="ok")] = make_histogram(times)
        counts[make_series("http.requests", scenario="s", step=step)] = REQUESTS
        failed = int(rng.binomial(REQUESTS, failing)) if step == "ask" and failing else 0
        if failed:
            counts[make_series("http.errors", scenario="s", step=step, kind="status")] = failed
    gauges = {make_series(name, probe="p"): Gauge.of(float(values[at])) for name, values in levels.items()}
    return Snapshot(at, float(at), at + 1.0, distributions=distributions, counts=counts, gauges=gauges)


def noise(rng: Rng) -> Course:
    """Slow drift of a shared machine, heavy enough that the gate fails."""
    found: Course = 1.35 * np.exp(0.2 * autoregressive(rng))
    return found


def false_cause(seed: int, shape: str) -> bool:
    """Is a resource that has nothing to do with the failing gate named as its cause?"""
    rng = np.random.default_rng([seed, list(UNRELATED).index(shape)])
    level, slowness = UNRELATED[shape](rng), noise(rng)
    levels: dict[str, Course] = {"machine.disk_write": 5e6 + 1e6 * level}
    levels["machine.cpu"] = np.clip(70 + 20 * level, 0, 100)
    found = simulated(rng, slowness, levels)
    return any(one.kind in {CauseKind.MOVED, CauseKind.SATURATED} for one in found)


def _full_cpu(rng: Rng) -> tuple[Cause, ...]:
    busy = (np.arange(SECONDS) // 15 % 2 == 1) * 1.0
    return simulated(rng, (1 + 1.5 * busy) * np.exp(0.1 * autoregressive(rng)), {"machine.cpu": 50 + 45 * busy + rng.normal(size=SECONDS)})


def _disk(rng: Rng) -> tuple[Cause, ...]:
    level = autoregressive(rng, 0.7)
    return simulated(rng, 1.4 * np.exp(0.3 * level + 0.05 * rng.normal(size=SECONDS)), {"machine.disk_write": 5e6 + 1e6 * level})


def _collector(rng: Rng) -> tuple[Cause, ...]:
    pauses = (rng.uniform(size=SECONDS) < 0.25) * 60.0
    return simulated(rng, 1 + pauses / 30, {"target.gc_pause": pauses + 1})


def _burst(rng: Rng) -> tuple[Cause, ...]:
    at = int(rng.integers(10, 60))
    slowness = np.ones(SECONDS)
    slowness[at : at + 12] = 4.0
    return simulated(rng, slowness, {})


def _since(rng: Rng) -> tuple[Cause, ...]:
    return simulated(rng, np.where(np.arange(SECONDS) > int(rng.integers(30, 70)), 3.0, 1.0), {})


# Known cause -> the causes named, and the kind that is right.
KNOWN: dict[str, tuple[Callable[[Rng], tuple[Cause, ...]], CauseKind]] = {
    "machine full now and then": (_full_cpu, CauseKind.SATURATED),
    "latency follows the disk": (_disk, CauseKind.MOVED),
    "pauses of the collector": (_collector, CauseKind.SATURATED),
    "one slow step": (lambda rng: simulated(rng, np.exp(0.1 * autoregressive(rng)), {}, slow_step=3.0), CauseKind.PART),
    "errors of one step": (lambda rng: simulated(rng, np.ones(SECONDS), {}, failing=0.08), CauseKind.PART),
    "a burst": (_burst, CauseKind.BURST),
    "slower since a moment": (_since, CauseKind.SINCE),
    "slower and slower": (lambda rng: simulated(rng, np.linspace(0.8, 2.5, SECONDS), {}), CauseKind.RISING),
}


def right_cause(seed: int, name: str, among: int = 3) -> bool:
    """Is the known cause among the first ones named?"""
    made, kind = KNOWN[name]
    return any(one.kind is kind for one in made(np.random.default_rng([seed, 1000 + list(KNOWN).index(name)]))[:among])

"""Which resource bends first as the load grows: only what was read, and only when it reached its limit or left its line."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadstone.measure.snapshot import View

FULL = 0.90  # share of a limit at which a resource has nothing left to give
LEAST_LEVELS = 5
BEND_TIMES = 1.5  # times what the line of the lower levels foretells
BEND_DEVIATIONS = 4.0
CORE_CHECK = 110.0  # percent; one process that uses more is not held by one core
LEAST_CPU = 5.0  # percent; below it a rate per core is noise

# Levels without a limit of their own that may leave their line; a card's or machine's percentages have one.
OPEN_ENDED = ("target.threads", "target.descriptors", "target.memory", "machine.iowait", "machine.load", "target.context_switches")


@dataclass(frozen=True, slots=True)
class Bend:
    """A resource and where it gave in.

    load:   of the first level at which it did
    reason: what was measured there
    """

    resource: str
    load: float
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A resource at one level; limit in the same unit, None when nobody knows it."""

    value: float
    limit: float | None = None


def readings_of(view: View, cores: int) -> dict[str, Reading]:
    """The resources that probes read during a level, means over it.

    cores: of the machine, for a CPU without a limit of its own
    """
    found: dict[str, Reading] = {}
    cpu, quota = view.gauge("target.cpu"), view.gauge("target.cpu_limit")
    processes = view.gauge("target.processes")
    if cpu is not None:
        limit = quota.mean if quota is not None else 100.0 * cores
        found["target.cpu"] = Reading(cpu.mean, limit)
        if processes is not None and processes.greatest <= 1 and limit > 100.0:
            found["target.cpu of its one process"] = Reading(cpu.mean, 100.0)
    for name in ("machine.cpu", "machine.memory_used", "target.memory_limit_used", "gpu.utilization", "gpu.memory_used"):
        if (gauge := view.gauge(name)) is not None:
            found[name] = Reading(gauge.mean, 100.0)
    found |= _pools(view)
    for name in OPEN_ENDED:
        if (gauge := view.gauge(name)) is not None:
            found[name] = Reading(gauge.mean)
    return found


def first_bend(levels: Sequence[tuple[float, Mapping[str, Reading]]], upto: float) -> Bend | None:
    """The resource that bends at the lowest load; None without evidence.

    levels: (load, readings) in any order; several of one load are told apart by nothing but noise
    upto:   the least load that is too much: what bends beyond it is a consequence
    """
    rows = sorted(((load, dict(readings)) for load, readings in levels if load <= upto), key=lambda row: row[0])
    names = dict.fromkeys(name for _, readings in rows for name in readings)
    bends = []
    for name in names:
        points = [(load, readings[name]) for load, readings in rows if name in readings]
        bend = _filled(name, points) or _left_its_line(name, points)
        if bend is not None:
            bends.append(bend)
    return min(bends, key=lambda bend: (bend.load, not _is_target(bend.resource)), default=None)


def per_core(levels: Sequence[tuple[float, Mapping[str, Reading]]]) -> float | None:
    """Exchanges per second and core of the target: the median of levels at which it had something to do.

    levels: (exchanges per second, readings)
    """
    rates = [
        rate / (cpu.value / 100) for rate, readings in levels if (cpu := readings.get("target.cpu")) is not None and cpu.value >= LEAST_CPU
    ]
    return statistics.median(rates) if rates else None


def _filled(name: str, points: Sequence[tuple[float, Reading]]) -> Bend | None:
    if "one process" in name and any(reading.value > CORE_CHECK for _, reading in points):
        return None
    for load, reading in points:
        if reading.limit and reading.value >= FULL * reading.limit and _grew(points, reading):
            return Bend(name, load, f"{reading.value:.3g} of {reading.limit:.3g}, {reading.value / reading.limit:.0%}")
    return None


def _grew(points: Sequence[tuple[float, Reading]], full: Reading) -> bool:
    """A resource that was full at the lowest load already is not full because of the load."""
    return points[0][1].value < 0.8 * full.value


def _left_its_line(name: str, points: Sequence[tuple[float, Reading]]) -> Bend | None:
    """A level whose growth is no longer that of the lower levels."""
    if name not in OPEN_ENDED or len(points) < LEAST_LEVELS:
        return None
    loads, values = np.array([load for load, _ in points]), np.array([reading.value for _, reading in points])
    lower = loads <= 0.7 * loads.max()
    if lower.sum() < 3 or np.ptp(loads[lower]) == 0:
        return None
    slope, start = np.polyfit(loads[lower], values[lower], 1)
    noise = float(np.std(values[lower] - (start + slope * loads[lower]), ddof=2)) if lower.sum() > 2 else 0.0
    for load, value in zip(loads[~lower], values[~lower], strict=True):
        foretold = start + slope * load
        if value > BEND_TIMES * max(foretold, 1e-9) and value - foretold > BEND_DEVIATIONS * noise:
            return Bend(name, float(load), f"{value:.3g} where the lower levels foretell {foretold:.3g}")
    return None


def _pools(view: View) -> dict[str, Reading]:
    found = {}
    for series in view.series("target.pool_in_use"):
        tags = dict(series.tags)
        used, size = view.gauge("target.pool_in_use", tags), view.gauge("target.pool_size", tags)
        if used is not None and size is not None and size.mean > 0:
            label = tags.get("pool") or tags.get("name") or "pool"
            found[f"target.pool_in_use of {label}"] = Reading(used.mean, size.mean)
    return found


def _is_target(name: str) -> bool:
    return name.startswith(("target.", "gpu."))

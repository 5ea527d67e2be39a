"""Latencies of a machine that is not alone: a seeded model of the noise that comparisons must stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import UsageError
from loadstone.judge.duet_pair import Pair
from loadstone.stats.histogram import IntArray

FloatArray = NDArray[np.float64]

BASE_NS = 20_000_000.0  # median of a quiet machine
RATE_PER_S = 20.0
EFOLDS = 300.0  # of the drift's memory in one piece: e**300 is still a float


@dataclass(frozen=True, slots=True)
class NoiseProfile:
    """How a machine disturbs; deviations are of the logarithm, so 0.03 is about 3 %.

    machine_sd:    of the level of a whole run
    drift_sd:      of the level inside a run, whose memory fades with e in `drift_s`
    burst_factor:  slowdown while a neighbour is busy: `burst_share` of the time, `burst_s` on average
    request_sd:    of single requests
    spike_share:   of requests that take up to `spike_factor` times as long (uniform on the logarithm's scale)
    """

    machine_sd: float
    drift_sd: float
    burst_factor: float
    burst_share: float
    spike_share: float
    spike_factor: float = 8.0
    request_sd: float = 0.25
    drift_s: float = 15.0
    burst_s: float = 5.0


PROFILES: Mapping[str, NoiseProfile] = MappingProxyType(
    {
        "quiet": NoiseProfile(machine_sd=0.01, drift_sd=0.01, burst_factor=1.15, burst_share=0.01, spike_share=0.003),
        "ci": NoiseProfile(machine_sd=0.03, drift_sd=0.03, burst_factor=1.35, burst_share=0.05, spike_share=0.01),
        "shared": NoiseProfile(machine_sd=0.08, drift_sd=0.08, burst_factor=1.6, burst_share=0.15, spike_share=0.02),
    }
)


def profile_named(name: str) -> NoiseProfile:
    """One of `quiet`, `ci` and `shared`. Raises UsageError for another name."""
    if name not in PROFILES:
        raise UsageError(f"no noise is called {name!r}", hint=" or ".join(PROFILES))
    return PROFILES[name]


def slowdown(rng: np.random.Generator, noise: NoiseProfile, times_s: FloatArray) -> FloatArray:
    """Logarithm of what the machine makes of each moment; moments ascend. All that run at a moment share it."""
    level: FloatArray = rng.normal(0.0, noise.machine_sd) + _drift(rng, noise, times_s) + _bursts(rng, noise, times_s)
    return level


def latencies(rng: np.random.Generator, noise: NoiseProfile, machine: FloatArray, base_ns: float = BASE_NS) -> IntArray:
    """Times of requests, in ns, at moments whose slowdown is known."""
    logs = machine + rng.normal(0.0, noise.request_sd, len(machine))
    spiky = rng.random(len(machine)) < noise.spike_share
    logs += np.where(spiky, rng.random(len(machine)) * math.log(noise.spike_factor), 0.0)
    return np.maximum(np.rint(base_ns * np.exp(logs)), 1).astype(np.int64)


def one_run(
    rng: np.random.Generator, noise: NoiseProfile, requests: int, *, effect: float = 0.0, rate_per_s: float = RATE_PER_S
) -> IntArray:
    """Times of the requests of one run, in ns, in order; `effect` 0.1 makes each 10 % slower."""
    machine = slowdown(rng, noise, np.arange(requests) / rate_per_s)
    return latencies(rng, noise, machine, BASE_NS * (1.0 + effect))


def duet_pairs(
    rng: np.random.Generator,
    noise: NoiseProfile,
    pairs: int,
    per_block: int,
    *,
    effect: float = 0.0,
    added_ns: int = 0,
    position: float = 0.0,
    control: bool = False,
    rate_per_s: float = RATE_PER_S,
) -> list[Pair]:
    """Blocks of a duet, one after the other on one machine; the order is shuffled in twos.

    effect:   the candidate's times are 1 + effect as long
    added_ns: and so much longer
    position: whoever is second in a pair is so much slower
    control:  a second copy of the baseline runs, too: first or last in a pair, in turn
    """
    blocks = 3 if control else 2
    machine = slowdown(rng, noise, np.arange(pairs * blocks * per_block) / rate_per_s)
    times = latencies(rng, noise, machine).reshape(pairs, blocks, per_block)
    a_first = np.array([first for _ in range(0, pairs, 2) for first in ((True, False) if rng.random() < 0.5 else (False, True))])
    return [_pair(times[i], bool(a_first[i]), i, effect, added_ns, position) for i in range(pairs)]


def _pair(times: IntArray, a_first: bool, number: int, effect: float, added_ns: int, position: float) -> Pair:
    """Which block is whose; `times` has a row for each, in order of time."""
    control = len(times) == 3
    order = list(range(len(times)))
    third = order.pop(0 if number % 2 else -1) if control else None
    early, late = times[order[0]], np.rint(times[order[1]] * (1.0 + position)).astype(np.int64)
    a, b = (early, late) if a_first else (late, early)
    slower = np.rint(b * (1.0 + effect)).astype(np.int64) + added_ns
    return Pair(a, slower, None if third is None else times[third], "a" if a_first else "b")


def _drift(rng: np.random.Generator, noise: NoiseProfile, times_s: FloatArray) -> FloatArray:
    """A level that wanders and comes back: an AR(1) process read at these moments."""
    steps = rng.normal(0.0, noise.drift_sd, len(times_s))
    gaps = np.diff(times_s, prepend=times_s[:1]) / noise.drift_s
    steps[1:] *= np.sqrt(-np.expm1(-2.0 * gaps[1:]))
    ages = np.cumsum(gaps)
    level = np.empty(len(times_s))
    last, first = 0.0, 0
    while first < len(times_s):
        end = max(int(np.searchsorted(ages, ages[first] + EFOLDS)), first + 1)
        grown = ages[first:end] - ages[first]
        carried = last * math.exp(-gaps[first])
        level[first:end] = np.exp(-grown) * (carried + np.cumsum(steps[first:end] * np.exp(grown)))
        last, first = float(level[end - 1]), end
    return level


def _bursts(rng: np.random.Generator, noise: NoiseProfile, times_s: FloatArray) -> FloatArray:
    """A neighbour that is busy or not, for exponentially distributed times."""
    if noise.burst_share <= 0:
        return np.zeros(len(times_s))
    idle_s = noise.burst_s * (1.0 - noise.burst_share) / noise.burst_share
    busy_first = bool(rng.random() < noise.burst_share)
    span = float(times_s[-1] - times_s[0]) if len(times_s) else 0.0
    changes: FloatArray = np.zeros(0)
    while not len(changes) or changes[-1] <= span:
        count = 2 * math.ceil(span / (idle_s + noise.burst_s)) + 8
        scale = np.where((np.arange(count) % 2 == 0) == busy_first, noise.burst_s, idle_s)
        more = np.cumsum(rng.exponential(scale)) + (changes[-1] if len(changes) else 0.0)
        changes = np.concatenate((changes, more))
    busy = (np.searchsorted(changes, times_s - times_s[:1], side="right") % 2 == 0) == busy_first
    return np.where(busy, math.log(noise.burst_factor), 0.0)

"""Levels of memory with known truth: eleven that do not leak, and leaks alone and on top of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]
Shape = Callable[[np.random.Generator, Levels, float], Levels]

BASE = 200e6
PAGE = 4096
BLOCK = 100  # readings computed at once; more would leave the range of floats for a short memory


def flat(_rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """Nothing but noise."""
    return np.zeros_like(share)


def fast_warm_up(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """10 to 60 MB more, nearly all of it in the first tenth."""
    return rng.uniform(10e6, 60e6) * (1 - np.exp(-share / rng.uniform(0.01, 0.04)))


def slow_warm_up(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """10 to 60 MB more, over the first third to half."""
    return rng.uniform(10e6, 60e6) * (1 - np.exp(-share / rng.uniform(0.08, 0.15)))


def early_cache(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """A cache that fills evenly, and is full after a tenth to three tenths."""
    filled: Levels = np.minimum(1.0, share / rng.uniform(0.1, 0.3))
    return rng.uniform(10e6, 60e6) * filled


def late_cache(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """A cache that fills evenly, and is full after half to three quarters."""
    filled: Levels = np.minimum(1.0, share / rng.uniform(0.5, 0.75))
    return rng.uniform(10e6, 60e6) * filled


def high_water(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """Buffers as large as the largest request so far: records become rare, and never end."""
    sizes = rng.exponential(rng.uniform(2e6, 4e6), len(share))
    records: Levels = np.maximum.accumulate(sizes)
    return records


def fragmentation(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """10 to 30 MB more, with the logarithm of time: always rising, ever more slowly."""
    scale = rng.uniform(0.01, 0.05)
    risen: Levels = np.log1p(share / scale) / np.log1p(1 / scale)
    return rng.uniform(10e6, 30e6) * risen


def saw_tooth(rng: np.random.Generator, share: Levels, seconds: float) -> Levels:
    """Garbage that is collected every 15 to 120 s, 10 to 40 MB of it."""
    phase = share * seconds / rng.uniform(15, 120) + rng.uniform()
    saw: Levels = rng.uniform(10e6, 40e6) * (phase % 1.0)
    return saw


def one_step(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """A model, a pool or a table that is loaded once: 5 to 40 MB at some moment between a tenth and nine tenths."""
    taken = (share >= rng.uniform(0.1, 0.9)).astype(np.float64)
    return rng.uniform(5e6, 40e6) * taken


def load_ripple(rng: np.random.Generator, share: Levels, seconds: float) -> Levels:
    """Load that comes and goes every one to five minutes takes 2 to 8 MB with it."""
    return rng.uniform(2e6, 8e6) * (1 + np.sin(2 * np.pi * (share * seconds / rng.uniform(60, 300) + rng.uniform())))


def slow_wander(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """A level without a home on short terms: standard deviation 1 % of the base, memory of 5 to 15 % of the run."""
    return 0.01 * BASE * _wander(rng, len(share), rng.uniform(0.05, 0.15) * len(share))


BENIGN: Mapping[str, Shape] = {
    "flat": flat,
    "fast warm-up": fast_warm_up,
    "slow warm-up": slow_warm_up,
    "cache, early full": early_cache,
    "cache, late full": late_cache,
    "high-water records": high_water,
    "log-like fragmentation": fragmentation,
    "GC saw-tooth": saw_tooth,
    "one step": one_step,
    "load ripple": load_ripple,
    "slow wander": slow_wander,
}


def steady(_rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """So much with each request."""
    return share


def stepwise(rng: np.random.Generator, share: Levels, _seconds: float) -> Levels:
    """An arena at a time: 5 to 20 equal steps over the run, each at a moment of its own."""
    steps = int(rng.integers(5, 21))
    moments = np.sort((np.arange(steps) + rng.uniform(0, 1, steps)) / steps)
    taken: Levels = np.searchsorted(moments, share, "right").astype(np.float64) / steps
    return taken


LEAKS: Mapping[str, Shape] = {"steady": steady, "stepwise": stepwise}


def level(
    rng: np.random.Generator, seconds: float, benign: Shape = flat, leak: Shape = steady, leaked: float = 0.0
) -> tuple[Levels, Levels]:
    """Times (s) and resident memory (B), read once a second.

    leaked: bytes that the leak grows by over the run
    """
    times = np.arange(0.5, seconds)
    share = times / seconds
    clean = BASE + benign(rng, share, seconds) + leaked * leak(rng, share, seconds)
    return times, np.round((clean + noise(rng, len(times))) / PAGE) * PAGE


def noise(rng: np.random.Generator, count: int) -> Levels:
    """What readings of a process under load show: independent and dependent noise of 0.5 and 1 MB, and bursts of requests."""
    bursts = np.zeros(count)
    for at in np.flatnonzero(rng.uniform(size=count) < 0.005):
        bursts[at : at + int(rng.integers(1, 10))] += rng.uniform(5e6, 20e6)
    return 0.5e6 * rng.normal(size=count) + 1e6 * _wander(rng, count, 10.0) + bursts


def _wander(rng: np.random.Generator, count: int, memory: float) -> Levels:
    """A first-order autoregression with standard deviation 1; `memory` is the time, in readings, after which it has forgotten."""
    keep = float(np.exp(-1 / memory))
    pushes = rng.normal(size=count) * np.sqrt(1 - keep * keep)
    state, walk = float(rng.normal()), np.empty(count)
    fading = keep ** np.arange(1.0, BLOCK + 1)
    for begin in range(0, count, BLOCK):
        some = pushes[begin : begin + BLOCK]
        block = fading[: len(some)] * (state + np.cumsum(some / fading[: len(some)]))
        walk[begin : begin + BLOCK] = block
        state = float(block[-1])
    return walk

"""The Universal Scalability Law: what contention and coherency cost, read from throughput at several concurrencies.

X(N) = rate N / (1 + contention (N - 1) + coherency N (N - 1))

source: Gunther 2007, Guerrilla Capacity Planning, chapter 4; Levenberg-Marquardt on log throughput, so that an error of 3 %
        weighs the same at every load; Huber 1964 for points that do not belong
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import NoSamples
from loadstone.stats.quantiles import Interval

Levels = NDArray[np.float64]

LEAST_POINTS = 5  # three parameters, and something left that can disagree
LEAST_SPAN = 3.0  # greatest ÷ least concurrency: below it, a line and its bend look the same
HUBER = 1.5  # residuals beyond this many deviations weigh less
MOST_STEPS = 60
RESAMPLES = 100
CONVERGED = 1e-5  # relative step at which a fit ends
TINY = 1e-4  # of a parameter: steps of one that is nearly 0 are not relative to it
LEAST_NOISE = 1e-4  # of log throughput: measurements without any scatter are still not exact


@dataclass(frozen=True, slots=True)
class Scalability:
    """A fitted law.

    rate_per_s:  throughput of one at a time
    contention:  share of the work that only one can do at a time (sigma), 0 to 1
    coherency:   cost of each pair that must agree (kappa); with any of it, throughput falls in the end
    noise:       deviation of log throughput from the law
    span:        least and greatest concurrency that were measured
    resampled:   shape (resamples, 3): the same parameters fitted to resampled residuals
    """

    rate_per_s: float
    contention: float
    coherency: float
    noise: float
    span: Interval
    resampled: Levels

    def throughput(self, concurrency: float) -> float:
        """What the law says for so many at once, per second."""
        return float(_law(_parameters(self), np.array([concurrency]))[0])

    def interval(self, concurrency: float, level: float = 0.95) -> Interval:
        """Where the throughput at that concurrency lies; beyond the measured span it widens as the fits part."""
        values = [float(_law(each, np.array([concurrency]))[0]) for each in self.resampled]
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(np.array(values), [tail, 1.0 - tail])
        return Interval(float(low), float(high))

    @property
    def peak(self) -> tuple[float, float]:
        """Concurrency of the greatest throughput, and that throughput; infinitely far where nothing is coherent."""
        if self.coherency <= 0.0:
            limit = self.rate_per_s / self.contention if self.contention > 0.0 else math.inf
            return math.inf, limit
        at = max(1.0, math.sqrt(max(0.0, 1.0 - self.contention) / self.coherency))
        return at, self.throughput(at)


def fit(concurrency: Sequence[float] | Levels, throughput_per_s: Sequence[float] | Levels, *, seed: int = 1) -> Scalability:
    """The law that these points follow.

    concurrency: requests in the system on average, or users; at least 1
    raises:      NoSamples for fewer than 5 points or less than a threefold span
    """
    n, x = np.asarray(concurrency, dtype=np.float64), np.asarray(throughput_per_s, dtype=np.float64)
    usable = (n >= 1.0) & (x > 0.0) & np.isfinite(n) & np.isfinite(x)
    n, x = n[usable], x[usable]
    if len(n) < LEAST_POINTS or len(np.unique(n)) < LEAST_POINTS or n.max() / n.min() < LEAST_SPAN:
        needs = f"{LEAST_POINTS} different concurrencies from 1 up that span {LEAST_SPAN:g}-fold"
        raise NoSamples(f"the scalability law needs {needs}, and has {len(np.unique(n))}")
    best = _solve(n, x, _start(n, x))
    residuals = np.log(x) - np.log(_law(best, n))
    spare = max(1, len(n) - 3)
    noise = max(LEAST_NOISE, math.sqrt(float(residuals @ residuals) / spare))
    rng = np.random.default_rng(seed)
    scaled = residuals * math.sqrt(len(n) / spare)
    resampled = []
    for _ in range(RESAMPLES):
        again = np.exp(np.log(_law(best, n)) + rng.choice(scaled, len(n)) + rng.normal(0.0, LEAST_NOISE, len(n)))
        resampled.append(_solve(n, again, best))
    rate, contention, coherency = best
    span = Interval(float(n.min()), float(n.max()))
    return Scalability(float(rate), float(contention), float(coherency), noise, span, np.array(resampled))


def _parameters(law: Scalability) -> Levels:
    return np.array([law.rate_per_s, law.contention, law.coherency])


def _law(parameters: Levels, n: Levels) -> Levels:
    rate, contention, coherency = parameters
    throughput: Levels = rate * n / (1.0 + contention * (n - 1.0) + coherency * n * (n - 1.0))
    return throughput


def _start(n: Levels, x: Levels) -> Levels:
    """N/X is linear in the parameters: least squares gives a start, pushed back into what is possible."""
    design = np.stack([np.ones_like(n), n - 1.0, n * (n - 1.0)], axis=1)
    weight = (x / n)[:, None]  # relative errors
    a, b, c = np.linalg.lstsq(design * weight, np.ones_like(n), rcond=None)[0]
    least = float((n / x).min())
    a = max(a, least * 0.1)
    return _bounded(np.array([1.0 / a, b / a, c / a]))


def _bounded(parameters: Levels) -> Levels:
    rate, contention, coherency = parameters
    return np.array([max(rate, 1e-12), min(max(contention, 0.0), 1.0), max(coherency, 0.0)])


def _solve(n: Levels, x: Levels, start: Levels) -> Levels:
    """Levenberg-Marquardt within the bounds; weights by Huber's rule, renewed each step."""
    target = np.log(x)
    now, damping = start.copy(), 1e-3
    residuals = target - np.log(_law(now, n))
    for _ in range(MOST_STEPS):
        weight = _huber(residuals)
        bottom = 1.0 + now[1] * (n - 1.0) + now[2] * n * (n - 1.0)
        slope = np.stack([np.full_like(n, 1.0 / now[0]), -(n - 1.0) / bottom, -n * (n - 1.0) / bottom], axis=1)
        free = np.array([True, *_may_move(now, slope, weight * residuals)])
        if not free.any():
            break
        part = slope[:, free]
        curve = part.T @ (part * weight[:, None])
        pull = part.T @ (weight * residuals)
        step = np.zeros(3)
        step[free] = np.linalg.lstsq(curve + damping * np.diag(np.diag(curve) + 1e-12), pull, rcond=None)[0]
        tried = _bounded(now + step)
        left = target - np.log(_law(tried, n))
        if float(weight @ (left * left)) <= float(weight @ (residuals * residuals)):
            moved = float(np.max(np.abs(tried - now) / (np.abs(now) + TINY)))
            now, residuals, damping = tried, left, max(damping / 5.0, 1e-9)
            if moved < CONVERGED:
                break
        else:
            damping *= 5.0
            if damping > 1e9:
                break
    return now


def _may_move(now: Levels, slope: Levels, weighted: Levels) -> tuple[bool, bool]:
    """Which of contention and coherency is not held by a bound that it is pushed against."""
    pull = slope.T @ weighted
    return (
        not ((now[1] <= 0.0 and pull[1] < 0.0) or (now[1] >= 1.0 and pull[1] > 0.0)),
        not (now[2] <= 0.0 and pull[2] < 0.0),
    )


def _huber(residuals: Levels) -> Levels:
    spread = 1.4826 * float(np.median(np.abs(residuals)))
    if spread <= 0.0:
        return np.ones_like(residuals)
    return np.minimum(1.0, HUBER * spread / np.maximum(np.abs(residuals), 1e-300))

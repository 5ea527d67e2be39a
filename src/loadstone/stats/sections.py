"""One run against one run: contiguous sections of each say how much it swings within itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from loadstone.errors import NoSamples
from loadstone.stats.histogram import Histogram
from loadstone.stats.shift import Shift
from loadstone.stats.trend import Levels

SECTIONS = 10  # fewer have too few degrees of freedom, more are dependent on each other and thin in the tail
FEWEST = 4
LEAST_EFFECTIVE = 2.0  # values; what is left when each section is much like the one before
BUCKET_ERROR = 2.0**-8 / math.sqrt(12)  # of a quantile read from a histogram: uniform in its bucket


def quantile_shift(before: Sequence[Histogram], after: Sequence[Histogram], q: float, spread: float = 0.0) -> Shift:
    """Logarithm of the ratio of two runs' quantiles.

    before, after: contiguous parts of a run in order of time, at least four with samples in each; ten are made of more
    q:             share inside (0, 1)
    spread:        standard deviation of the logarithm between runs of the same thing, which no section shows; 0 leaves an interval of
                   noise within the runs only
    raises:        NoSamples with too few parts, or when the quantile lies among values longer than anything recorded
    source:        sectioning, Asmussen & Glynn 2007, section III.5; degrees of freedom Welch 1947
    """
    middles, errors, freedoms = zip(*(_quantile(run, q) for run in (before, after)), strict=True)
    return _apart(middles, errors, freedoms, spread)


def level_shift(before: Sequence[float], after: Sequence[float], spread: float = 0.0) -> Shift:
    """Logarithm of the ratio of two runs' means, from the mean or the rate of each section.

    raises: NoSamples with too few sections, or when a level is 0, or inf because some of its values are not known
    """
    sides = [_section_means(np.asarray(run, dtype=np.float64)) for run in (before, after)]
    if not all(np.all(np.isfinite(side)) for side in sides):
        raise NoSamples("some values are only known to be longer than anything recorded, so the level is not known")
    if any(not np.all(side > 0) for side in sides):
        raise NoSamples("a ratio of levels needs levels above 0")
    means = [float(side.mean()) for side in sides]
    errors, freedoms = zip(*(_mean_error(side / mean) for side, mean in zip(sides, means, strict=True)), strict=True)
    return _apart([math.log(mean) for mean in means], errors, freedoms, spread)


def share_shift(before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]], spread: float = 0.0) -> Shift:
    """Difference of two runs' shares, from (hits, all) of each section.

    The error is never below that of independent trials (`trial_variance`); sections that differ by more than chance widen it.
    spread: between runs of the same thing, as a share of the share
    """
    middles, errors, freedoms = zip(*(_share(run) for run in (before, after)), strict=True)
    return _apart(middles, errors, freedoms, spread * max(middles))


def effective_count(values: Levels) -> float:
    """So many independent values know as much about the mean as these do.

    source: n (1 - r) / (1 + r) of a first-order autoregression, Hamed & Rao 1998 in its simplest case; r corrected for its bias
            (Marriott & Pope 1954), and never taken as negative
    """
    n = len(values)
    centred = values - values.mean()
    power = float(centred @ centred)
    if power <= 0:
        return float(n)
    r = float(centred[1:] @ centred[:-1]) / power
    r = min(max(0.0, r + (1 + 3 * r) / n), 0.95)
    return max(LEAST_EFFECTIVE, n * (1 - r) / (1 + r))


def trial_variance(hits: float, samples: float) -> float:
    """Variance of one trial of a share, with one imagined hit and miss so that no failure in few is not taken for certainty.

    Counts of which one trial may have several (wrong words of one that was said) reach 1 and more: those scatter as Poisson's do.
    source: Agresti & Caffo 2000
    """
    share = (hits + 1) / (samples + 2)
    return share * (1 - share) if share < 1 else share


def merged(run: Sequence[Histogram], parts: int = SECTIONS) -> list[Histogram]:
    """Ten contiguous parts of about as many samples each; fewer when there were fewer."""
    filled = [part for part in run if part.count + part.beyond]
    if len(filled) <= parts:
        return filled
    ends = np.cumsum([part.count + part.beyond for part in filled])
    place = np.minimum(((ends - 0.5) * parts / ends[-1]).astype(np.int64), parts - 1)
    made = [Histogram() for _ in range(parts)]
    for part, index in zip(filled, place, strict=True):
        made[int(index)].merge(part)
    return [part for part in made if part.count + part.beyond]


def _quantile(run: Sequence[Histogram], q: float) -> tuple[float, float, float]:
    """Logarithm of a run's quantile, its error, degrees of freedom. The quantile is that of all samples: sections' are skewed."""
    parts = merged(run)
    if len(parts) < FEWEST:
        raise NoSamples(f"{len(parts)} sections with samples; at least {FEWEST} are needed")
    whole = Histogram()
    for part in parts:
        whole.merge(part)
    values = np.array([part.quantile(q) for part in [whole, *parts]])
    if not np.all((values > 0) & np.isfinite(values)):
        raise NoSamples("the quantile lies among values longer than anything recorded, or at 0")
    error, freedom = _mean_error(np.log(values[1:]))
    return math.log(values[0]), math.hypot(error, BUCKET_ERROR), freedom


def _mean_error(sections: Levels) -> tuple[float, float]:
    """Standard error of the mean of dependent values, and its degrees of freedom."""
    if len(sections) < FEWEST:
        raise NoSamples(f"{len(sections)} sections; at least {FEWEST} are needed")
    effective = effective_count(sections)
    return float(sections.std(ddof=1)) / math.sqrt(effective), effective - 1


def _share(run: Sequence[tuple[int, int]]) -> tuple[float, float, float]:
    counts = np.array([pair for pair in run if pair[1] > 0], dtype=np.float64).reshape(-1, 2)
    if len(counts) < FEWEST:
        raise NoSamples(f"{len(counts)} sections with samples; at least {FEWEST} are needed")
    hits, samples = counts.sum(axis=0)
    chance = math.sqrt(trial_variance(hits, samples) / (samples + 2))
    error, freedom = _mean_error(_section_means(counts[:, 0] / counts[:, 1]))
    return hits / samples, max(error, chance), freedom if error > chance else samples


def _section_means(values: Levels) -> Levels:
    """At most ten means of neighbours."""
    return values if len(values) <= SECTIONS else np.array([part.mean() for part in np.array_split(values, SECTIONS)])


def _apart(middles: Sequence[float], errors: Sequence[float], freedoms: Sequence[float], spread: float) -> Shift:
    """The second less the first; both have an error of their own, and each run one of being a run."""
    within = errors[0] ** 2 + errors[1] ** 2
    weight = sum(error**4 / freedom for error, freedom in zip(errors, freedoms, strict=True))
    between = 2 * spread**2
    # The spread is given, not measured here: it has no degrees of freedom that could run out.
    freedom = (within + between) ** 2 / weight if weight > 0 else math.inf
    return Shift(middles[1] - middles[0], math.sqrt(within + between), freedom)

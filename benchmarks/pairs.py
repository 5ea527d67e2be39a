"""One run beside one, and many figures at once: how often is the answer right? Simulated, with known truth; `--seed` shows one trial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options
from loadstone.judge.baseline_rule import Comparison, compare_with_baseline
from loadstone.judge.difference import Answer, Difference
from loadstone.judge.recorded import Figure as Compared
from loadstone.judge.recorded import RunFigures, Sections
from loadstone.judge.run_pair import compare_runs
from loadstone.stats.histogram import Histogram
from loadstone.stats.sections import SECTIONS
from loadstone.testing.noise import one_run, profile_named

SEED = 2026
TRIALS, QUICK = 1000, 20
REQUESTS = 3000
PROFILES = ("quiet", "ci", "shared")
EFFECTS = (0.25, 0.50, 1.00)
MANY, BASELINE, CANDIDATES, SPREAD = 50, 20, 3, 0.04
WORSENED = 0.15


def measure(options: Options) -> Iterator[Figure]:
    """Shares of trials, in percent; a short round has few of them."""
    trials = QUICK if options.rounds == 1 else TRIALS
    for q in (0.50, 0.95):
        for profile in PROFILES:
            yield from beside_one(profile, q, trials)
    yield from at_once(trials)


def beside_one(profile: str, q: float, trials: int) -> Iterator[Figure]:
    """A run beside an earlier one, on a machine of which nothing is known, as `loadstone compare last~1 last` is."""
    title = f"one run beside one, p{100 * q:g}, {profile}"
    for effect in (0.0, *EFFECTS):
        answers = Counter(one_pair(profile, q, effect, number).answer for number in range(trials))
        worse, passed = (100 * answers[answer] / trials for answer in (Answer.WORSE, Answer.NOT_WORSE))
        if effect:
            yield Figure(f"  {title}: +{effect:.0%} seen", "%", rounds=[worse])
            yield Figure(f"{title}: +{effect:.0%} passed", "%", Bound(most=1), [passed])
        else:
            yield Figure(f"{title}: false", "%", Bound(most=1), [worse])


def at_once(trials: int) -> Iterator[Figure]:
    """Fifty figures together, each with a chance of its own: is any of equal ones worse, and is one of them seen?"""
    title = f"{MANY} figures at once, baseline of {BASELINE} runs, {CANDIDATES} new ones"
    equal = [many(number, 0.0) for number in range(trials)]
    yield Figure(f"{title}: any is worse when all are equal", "%", Bound(most=2), [100 * sum(bool(each.worse) for each in equal) / trials])
    changed = [{each.figure for each in many(number, WORSENED).worse} for number in range(trials)]
    seen = sum("figure 0" in found for found in changed)
    yield Figure(f"{title}: one that is {WORSENED:.0%} worse is seen", "%", Bound(least=80), [100 * seen / trials])
    others = sum(bool(found - {"figure 0"}) for found in changed)
    yield Figure(f"{title}: another one is blamed with it", "%", Bound(most=3), [100 * others / trials])


def one_pair(profile: str, q: float, effect: float, number: int) -> Difference:
    """The answer about two runs of 3,000 requests each; the same for the same numbers."""
    figure = Compared(f"p{100 * q:g}(http.response_time)", "ms")
    before, after = (course(profile, q, change, (number, side)) for side, change in enumerate((0.0, effect)))
    return compare_runs({figure.name: before}, {figure.name: after}, [figure])[0]


def course(profile: str, q: float, effect: float, seed: Sequence[int]) -> Sections:
    """A run in ten sections."""
    times = []
    rng = np.random.default_rng([SEED, *seed, len(profile)])
    for part in np.array_split(one_run(rng, profile_named(profile), REQUESTS, effect=effect), SECTIONS):
        histogram = Histogram()
        histogram.record_many(part)
        times.append(histogram)
    return Sections(times=times, q=q)


def many(number: int, effect: float) -> Comparison:
    """A comparison of fifty figures that vary by themselves, of which the first is worse by the effect."""
    rng = np.random.default_rng([SEED, number, MANY])
    levels = 20.0 * np.exp(rng.normal(0.0, SPREAD, (BASELINE + CANDIDATES, MANY)))
    levels[BASELINE:, 0] *= 1 + effect
    runs = [RunFigures(f"run {at}", {f"figure {name}": float(value) for name, value in enumerate(row)}) for at, row in enumerate(levels)]
    figures = [Compared(f"figure {name}", "ms") for name in range(MANY)]
    return compare_with_baseline(runs[:BASELINE], runs[BASELINE:], figures, known_alike=True)


def show(seed: int, profile: str, effect: float, quantile: float = 0.5) -> str:
    """One trial of each kind: what each section had, and what was answered."""
    difference = one_pair(profile, quantile, effect, seed)
    lines = [f"trial {seed}, {profile}, p{100 * quantile:g}, effect {effect:+.1%}"]
    for side, (name, change) in enumerate((("before", 0.0), ("after", effect))):
        parts = course(profile, quantile, change, (seed, side)).times
        lines.append(f"{name}, ms by section: {' '.join(f'{part.quantile(quantile) / 1e6:.2f}' for part in parts)}")
    lines.append(f"{difference.answer}: {difference.reason}")
    worse = [f"{each.figure} ({each.reason})" for each in many(seed, effect).worse]
    lines.append(f"{MANY} figures at once, the first {effect:+.1%}: {'; '.join(worse) or 'none is worse'}")
    return "\n".join(lines)

"""Are runs compared rightly with a baseline and within a history? Simulated runs with known truth; `--seed` shows one of them."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.environments import environment
from benchmarks.figures import Bound, Figure
from benchmarks.processes import Failed, run
from benchmarks.rounds import Options, Outcome, attempt
from loadstone.judge.baseline_rule import Comparison, compare_with_baseline, confirmed
from loadstone.judge.difference import Answer, Severity
from loadstone.judge.recorded import Figure as Compared
from loadstone.judge.recorded import RunFigures
from loadstone.judge.severity import Bands
from loadstone.stats.change_points import change_points
from loadstone.testing.noise import one_run, profile_named

Levels = NDArray[np.float64]

SEED = 2026  # the procedures were tuned on seeds below 100
FALSE_TRIALS = 1000
POWER_TRIALS = 400
QUICK = 20  # trials when a round is short: does it work, not how often is it right
BASELINE, CANDIDATES, REQUESTS = 20, 3, 3000
RUNS, AFTER, CV = 30, 5, 0.03
OUTLIERS = 0.03  # share of runs that take 1.2 to 2 times as long
LIKENESS = 0.5
SEVERITY_EFFECTS = (0.05, 0.095, 0.15, 0.24, 0.30, 0.48, 0.60)  # some just below the bands' edges of 10, 25 and 50 %
P50 = Compared("p50(http.response_time)", "ms")
HISTORIES = {"": (0.0, 0.0), "with outliers": (OUTLIERS, 0.0), "AR(.5)": (0.0, LIKENESS)}

OTAVA = """
import json, sys
from otava.analysis import compute_change_points
from otava.series import AnalysisOptions
usual = AnalysisOptions()
found = []
for series in json.load(open(sys.argv[2])):
    points = compute_change_points(series, window_len=usual.window_len, max_pvalue=usual.max_pvalue, min_magnitude=float(sys.argv[1]))[0]
    found.append([int(point.index) for point in points])
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One baseline with its candidates, and the run that confirms."""

    baseline: list[RunFigures]
    candidates: list[RunFigures]
    confirming: RunFigures

    def compare(self) -> Comparison:
        """As a user would, with the usual limit of 5 %."""
        return compare_with_baseline(self.baseline, self.candidates, [P50])

    def confirm(self) -> Comparison:
        """After one more run."""
        return confirmed(self.baseline, self.candidates, self.confirming, [P50])

    def single(self) -> Trial:
        """The first of the new runs alone, and the one that confirms: a gate of one run."""
        return Trial(self.baseline, self.candidates[:1], self.confirming)


def measure(options: Options) -> Iterator[Figure]:
    """Shares of trials, in percent; a short round has few of them."""
    few = options.rounds == 1
    yield from baselines(QUICK if few else FALSE_TRIALS, QUICK if few else POWER_TRIALS)
    yield from single_runs(QUICK if few else FALSE_TRIALS, QUICK if few else POWER_TRIALS)
    yield from severity(QUICK if few else POWER_TRIALS)
    yield from histories(QUICK if few else FALSE_TRIALS, QUICK if few else POWER_TRIALS)


def baselines(false_trials: int, power_trials: int) -> Iterator[Figure]:
    """False alarms and power of 20 runs against 3."""
    for profile, must in (("ci", True),):
        title = f"baseline of {BASELINE} runs, {CANDIDATES} new ones, {profile}"
        first, second, better = 0, 0, 0
        for number in range(false_trials):
            trial = stored(SEED, number, profile, 0.0)
            answer = trial.compare().differences[0].answer
            better += answer is Answer.BETTER
            if answer is Answer.WORSE:
                first += 1
                second += bool(trial.confirm().worse)
        yield Figure(f"{title}: false", "%", Bound(most=2) if must else Bound(), [100 * first / false_trials])
        yield Figure(f"{title}: false after confirmation", "%", Bound(most=1) if must else Bound(), [100 * second / false_trials])
        yield Figure(f"  {title}: better without cause", "%", rounds=[100 * better / false_trials])
        for effect, least in ((0.10, 90), (0.15, 99)):
            trials = [stored(SEED + 1, number, profile, effect) for number in range(power_trials)]
            worse = [trial for trial in trials if trial.compare().worse]
            bound = Bound(least=least) if must and least is not None else Bound()
            yield Figure(f"{title}: +{effect:.0%} seen", "%", bound, [100 * len(worse) / power_trials])
            held = sum(bool(trial.confirm().worse) for trial in worse)
            yield Figure(f"  {title}: +{effect:.0%} after confirmation", "%", rounds=[100 * held / power_trials])


def single_runs(false_trials: int, power_trials: int) -> Iterator[Figure]:
    """One new run against 20, as a gate sees it, and `--confirm 1`."""
    title = f"baseline of {BASELINE} runs, one new one, ci"
    for effect, trials in ((0.0, false_trials), (0.10, power_trials), (0.15, power_trials), (0.25, power_trials)):
        made = [stored(SEED + (effect > 0), number, "ci", effect).single() for number in range(trials)]
        worse = [trial for trial in made if trial.compare().worse]
        held = sum(bool(trial.confirm().worse) for trial in worse)
        what, bounds = (f"+{effect:.0%} seen", (Bound(), Bound())) if effect else ("false", (Bound(most=2), Bound(most=1)))
        yield Figure(f"{title}: {what}", "%", bounds[0], [100 * len(worse) / trials])
        yield Figure(f"{title}: {what} after confirmation", "%", bounds[1], [100 * held / trials])


def severity(trials: int) -> Iterator[Figure]:
    """How often a label says more than is true."""
    order = list(Severity)
    for effect in SEVERITY_EFFECTS:
        true, over, exact = Bands().of(effect), 0, 0
        for number in range(trials):
            label = stored(SEED + 2, number, "ci", effect).compare().differences[0].severity
            over += order.index(label) > order.index(true)
            exact += label is true
        yield Figure(f"severity, ci, +{effect:.1%}: over-called", "%", Bound(most=2), [100 * over / trials])
        yield Figure(f"  severity, ci, +{effect:.1%}: as it is", "%", rounds=[100 * exact / trials])


def histories(false_trials: int, power_trials: int) -> Iterator[Figure]:
    """Changes found where there are none, and where there is one; ours and Otava's on the same numbers."""
    for kind, (outliers, likeness) in HISTORIES.items():
        title = f"history of {RUNS} runs, CV {CV:.0%}{f', {kind}' if kind else ''}"
        flat = [history(SEED, number, outliers, likeness, 0.0) for number in range(false_trials)]
        risen = [history(SEED + 1, number, outliers, likeness, 0.10) for number in range(power_trials)]
        seen, power_bound = [found(values) for values in risen], Bound(least=90) if not likeness else Bound()
        yield Figure(f"{title}: false", "%", Bound(most=2 if likeness else 1), [share([found(values) for values in flat])])
        yield Figure(f"{title}: +10 % found, {AFTER} runs after", "%", power_bound, [share(seen)])
        yield Figure(f"  {title}: +10 % found within a run of its place", "%", rounds=[share([near(one) for one in seen])])
        for least in (0.0, 0.05):
            name = f"  {title}, Otava{' with 5 % at least' if least else ''}"
            theirs = attempt(lambda rows=flat, least=least: otava(rows, least))  # type: ignore[misc]
            yield shares_row(f"{name}: false", theirs)
            theirs = attempt(lambda rows=risen, least=least: otava(rows, least))  # type: ignore[misc]
            yield shares_row(f"{name}: +10 % found", theirs)


def shares_row(name: str, outcome: Outcome[list[list[int]]]) -> Figure:
    """A row without a bound: the peer's."""
    figure = Figure(name, "%")
    figure.add(outcome.map(share))
    return figure


def share(answers: Sequence[Sequence[int]]) -> float:
    """Percent of the trials in which something was found."""
    return 100 * sum(bool(one) for one in answers) / len(answers)


def near(places: Sequence[int]) -> list[int]:
    """Those at the true place or beside it."""
    return [at for at in places if abs(at - (RUNS - AFTER)) <= 1]


def found(values: Levels) -> list[int]:
    """Indexes of the first runs after our changes."""
    return [change.at for change in change_points(np.log(values))]


def otava(rows: Sequence[Levels], least: float) -> list[list[int]]:
    """Indexes of Otava's changes: its own defaults (window 50, p < 0.001), and a least relative size as given."""
    python = environment("otava", "otava", ["apache-otava==0.8.0"]).parent / "python"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([list(map(float, row)) for row in rows], file)
        file.flush()
        done = run([str(python), "-c", OTAVA, str(least), file.name], core=None)
    if done.code:
        raise Failed(f"Otava ended with {done.code}: {done.stderr.strip()[-200:]}")
    places: list[list[int]] = json.loads(done.stdout)
    return places


def stored(seed: int, number: int, profile: str, effect: float) -> Trial:
    """Runs of 3,000 requests each, 20 a second; the same for the same numbers."""
    medians = medians_of(seed, number, profile)
    runs = [
        RunFigures(f"run {at}", {P50.name: value * (1 + effect if at >= BASELINE else 1.0)}, machine=MACHINE)
        for at, value in enumerate(medians)
    ]
    return Trial(runs[:BASELINE], runs[BASELINE:-1], runs[-1])


@lru_cache(maxsize=4000)
def medians_of(seed: int, number: int, profile: str) -> tuple[float, ...]:
    """Medians of so many runs in ms; an effect scales them, so it needs no runs of its own."""
    rng, noise = np.random.default_rng([seed, number, len(profile)]), profile_named(profile)
    return tuple(float(np.median(one_run(rng, noise, REQUESTS))) / 1e6 for _ in range(BASELINE + CANDIDATES + 1))


def history(seed: int, number: int, outliers: float, likeness: float, effect: float) -> Levels:
    """Medians of runs in ms, the last five of them with the effect."""
    rng = np.random.default_rng([seed, number, round(1000 * outliers), round(1000 * likeness)])
    noise = rng.normal(0.0, CV, RUNS)
    for at in range(1, RUNS):
        noise[at] = likeness * noise[at - 1] + math.sqrt(1 - likeness**2) * noise[at]
    noise += np.where(rng.random(RUNS) < outliers, np.log(rng.uniform(1.2, 2.0, RUNS)), 0.0)
    noise[-AFTER:] += math.log1p(effect)
    values: Levels = 20.0 * np.exp(noise)
    return values


MACHINE = {"cpu": "simulated", "cores": 2, "memory": "8 GB", "kernel": "6.1", "python": "3.11", "version": "1", "plan_hash": "1"}


def show(seed: int, profile: str, effect: float) -> str:
    """One trial of each kind, so that a false alarm or a missed change can be looked at."""
    trial = stored(SEED if effect == 0 else SEED + 1, seed, profile, effect)
    lines = [f"trial {seed}, {profile}, effect {effect:+.1%}"]
    for name, runs in (("baseline", trial.baseline), ("new", [*trial.candidates, trial.confirming])):
        lines.append(f"{name}, ms: {' '.join(f'{run.figures[P50.name]:.3f}' for run in runs)}")
    for name, compared in (("three runs", trial.compare()), ("confirmed", trial.confirm())):
        one = compared.differences[0]
        lines.append(f"{name}: {one.answer}{f', {one.severity}' if one.severity else ''}: {one.reason}")
    for kind, (outliers, likeness) in HISTORIES.items():
        values = history(SEED if effect == 0 else SEED + 1, seed, outliers, likeness, effect)
        lines.append(f"history {kind}, ms: {' '.join(f'{value:.2f}' for value in values)}".replace("  ", " "))
        changes = change_points(np.log(values))
        lines += [f"  change at run {one.at}: {one.effect.ratio - 1:+.1%}, p = {one.p:.2g}" for one in changes] or ["  no change"]
    return "\n".join(lines)

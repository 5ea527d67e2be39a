"""Are leak verdicts right? Levels with known truth, judged; seconds of waiting for none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks.figures import Bound, Figure
from benchmarks.leak_shapes import BASE, BENIGN, LEAKS, level, steady
from benchmarks.rounds import Options
from loadstone.judge.leak import MEMORY, Answer, judge_leak
from loadstone.judge.leak_again import compare_parts
from loadstone.judge.level_history import Course

SEED = 2026  # the procedure was tuned on seeds below 100
TRIALS = 200
LEAKED = 0.10 * BASE
LENGTHS = {"15 min": 900.0, "60 min": 3600.0}
TWICE_S = 900.0
QUICK = 10  # trials when a round is short: does it work, not how often is it right


def measure(options: Options) -> Iterator[Figure]:
    """Shares of trials, in percent; a short round has few of them."""
    quick = options.rounds == 1
    for length, seconds in LENGTHS.items():
        trials = QUICK if quick else TRIALS
        yield from false_alarms(length, seconds, trials)
        yield from power(length, seconds, trials)
    yield from twice(TWICE_S, QUICK if quick else TRIALS)


def false_alarms(length: str, seconds: float, trials: int) -> Iterator[Figure]:
    """How often each shape that does not leak is called a leak."""
    answers = {name: answers_of(number, seconds, trials, leak="", leaked=0.0) for number, name in enumerate(BENIGN)}
    shares = {name: share(counts, Answer.LEAK) for name, counts in answers.items()}
    yield Figure(f"LEAK of {trials} × 11 benign shapes, {length}: mean", "%", Bound(most=1), [float(np.mean(list(shares.values())))])
    worst = max(shares, key=shares.__getitem__)
    yield Figure(f"LEAK of {trials} × 11 benign shapes, {length}: worst", "%", Bound(most=5), [shares[worst]])
    for name, counts in answers.items():
        yield Figure(f"  {name}, {length}: LEAK", "%", rounds=[shares[name]])
        yield Figure(f"  {name}, {length}: NO LEAK", "%", rounds=[share(counts, Answer.NO_LEAK)])


def power(length: str, seconds: float, trials: int) -> Iterator[Figure]:
    """How often growth of 10 % of the base on top of each shape is seen."""
    counts: Counter[Answer] = Counter()
    rows = []
    for number, name in enumerate(BENIGN):
        mine: Counter[Answer] = Counter()
        for leak in LEAKS:
            mine += answers_of(number, seconds, trials, leak=leak, leaked=LEAKED)
        counts += mine
        rows.append(Figure(f"  {name} and a leak, {length}: LEAK", "%", rounds=[share(mine, Answer.LEAK)]))
        rows.append(Figure(f"  {name} and a leak, {length}: NO LEAK", "%", rounds=[share(mine, Answer.NO_LEAK)]))
    title = f"of {trials} × 22 leaks of 10 %, {length}"
    yield Figure(f"LEAK {title}", "%", Bound(least=90), [share(counts, Answer.LEAK)])
    yield Figure(f"NO LEAK {title}", "%", Bound(most=5), [share(counts, Answer.NO_LEAK)])
    yield from rows


def answers_of(shape: int, seconds: float, trials: int, *, leak: str, leaked: float, seed: int = SEED) -> Counter[Answer]:
    """Answers for so many levels of one shape; the same for the same numbers."""
    counts: Counter[Answer] = Counter()
    benign = list(BENIGN.values())[shape]
    kind = list(LEAKS).index(leak) + 1 if leak else 0
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial, shape, kind, int(seconds)])
        counts[judge_leak(*level(rng, seconds, benign, LEAKS.get(leak, steady), leaked)).answer] += 1
    return counts


def twice(seconds: float, trials: int) -> Iterator[Figure]:
    """The same levels as of a load that came twice, the second time from the middle on; every leak rises steadily."""
    title = f"the same load twice, 2 × {seconds / 120:g} min"
    benign = [parts_answers(number, seconds, trials, 0.0) for number in range(len(BENIGN))]
    leaking = [parts_answers(number, seconds, trials, LEAKED) for number in range(len(BENIGN))]
    falsely = [share(counts, Answer.LEAK) for counts in benign]
    yield Figure(f"{title}: LEAK of {trials} × 11 benign shapes, mean", "%", Bound(most=1), [float(np.mean(falsely))])
    yield Figure(f"{title}: worst", "%", Bound(most=5), [max(falsely)])
    yield Figure(f"{title}: NO LEAK of them", "%", rounds=[share(sum(benign, Counter()), Answer.NO_LEAK)])
    yield Figure(f"{title}: LEAK of leaks of 10 %", "%", Bound(least=90), [share(sum(leaking, Counter()), Answer.LEAK)])
    yield Figure(f"{title}: NO LEAK of them", "%", Bound(most=5), [share(sum(leaking, Counter()), Answer.NO_LEAK)])


def parts_answers(shape: int, seconds: float, trials: int, leaked: float) -> Counter[Answer]:
    """Answers for so many levels of one shape that are cut in the middle."""
    counts: Counter[Answer] = Counter()
    for trial in range(trials):
        rng = np.random.default_rng([SEED, trial, shape, int(leaked > 0), int(seconds), 2])
        parts = Course(), Course()
        for at_s, value in zip(*level(rng, seconds, list(BENIGN.values())[shape], steady, leaked), strict=True):
            parts[int(at_s >= seconds / 2)].add(float(at_s), float(value))
        counts[compare_parts(*parts, MEMORY).answer] += 1
    return counts


def share(counts: Counter[Answer], answer: Answer) -> float:
    """Percent of the trials with this answer."""
    return 100 * counts[answer] / counts.total()

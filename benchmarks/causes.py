"""Is the right cause named first? Known faults of the reference backend, simulated courses, and runs without any fault."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Bound, Figure
from benchmarks.known_faults import FAULTS, HEALTHY, UNEXPLAINED, KnownFault, run_fault
from benchmarks.rounds import Options
from benchmarks.simulated_causes import KNOWN, UNRELATED, false_cause, right_cause

SEED = 2026  # the thresholds were chosen on seeds below 200
TRIALS = 100
QUICK = 5


def measure(options: Options) -> Iterator[Figure]:
    """Shares in percent; real runs take 20 s each, a round has one of each fault."""
    trials = QUICK if options.rounds == 1 else TRIALS
    yield from simulated(trials)
    yield from real(options.rounds)


def simulated(trials: int) -> Iterator[Figure]:
    """False causes where a resource fluctuates by itself, right ones where the cause is known."""
    seeds = range(SEED, SEED + trials)
    shares = {shape: 100 * sum(false_cause(seed, shape) for seed in seeds) / trials for shape in UNRELATED}
    yield Figure(
        f"false cause, {trials} × {len(UNRELATED)} unrelated resources: mean", "%", Bound(most=5), [sum(shares.values()) / len(shares)]
    )
    yield Figure("false cause: worst shape", "%", Bound(most=5), [max(shares.values())])
    for name in KNOWN:
        for among in (1, 3):
            right = 100 * sum(right_cause(seed, name, among) for seed in seeds) / trials
            yield Figure(f"{name}: right cause in the first {among}", "%", Bound(least=90) if among == 3 else Bound(), [right])


def real(rounds: int) -> Iterator[Figure]:
    """Runs against the reference backend."""
    right = {1: 0, 3: 0}
    for fault in FAULTS:
        places = [place_of(fault) for _ in range(rounds)]
        for among in right:
            found = sum(place is not None and place <= among for place in places)
            right[among] += found
            yield Figure(f"{fault.name}: right cause in the first {among}", "%", rounds=[100 * found / rounds])
    for among, found in right.items():
        share = 100 * found / (len(FAULTS) * rounds)
        yield Figure(f"all faults: right cause in the first {among}", "%", Bound(least=90) if among == 3 else Bound(), [share])
    for healthy in (HEALTHY, UNEXPLAINED):
        named = sum(bool(run_fault(healthy).causes) for _ in range(rounds))
        yield Figure(f"{healthy.name}: a cause is named", "%", Bound(most=5), [100 * named / rounds])


def place_of(fault: KnownFault) -> int | None:
    """At which place the right cause is named, from 1; None when it is not, or when no gate failed."""
    causes = run_fault(fault).causes
    return next((place for place, one in enumerate(causes, 1) if fault.right(one)), None)

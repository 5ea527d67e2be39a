"""Is the right cause named first? Known faults of the reference backend, simulated courses, and runs without any fault."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from benchmarks.figures import Bound, Figure
from benchmarks.known_faults import FAULTS, HEALTHY, UNEXPLAINED, KnownFault, run_fault
from benchmarks.rounds import Options
from benchmarks.simulated_causes import KNOWN, UNRELATED, false_cause, right_cause
from loadstone.judge.cause import Cause, CauseKind

SEED = 2026  # the thresholds were chosen on seeds below 200
TRIALS = 100
QUICK = 5
SIDE_BY_SIDE = 6  # runs: each asks for 40 requests/s, a few percent of a core
AMONG = {1: "right cause first", 3: "right cause among the first three"}


def measure(options: Options) -> Iterator[Figure]:
    """Shares in percent; a real run takes 20 s, a round has one of each fault, and `SIDE_BY_SIDE` of them go on at a time."""
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
    """Runs against the reference backend: every fault, and runs without one, which must name none."""
    there = [fault for fault in FAULTS if not fault.needs or shutil.which(fault.needs)]
    for fault in FAULTS:
        if fault not in there:
            print(f"! {fault.name} is left out: {fault.needs} is not installed", file=sys.stderr)
            yield Figure(f"{fault.name}: right cause first", "%", missing=f"{fault.needs} is not installed")
    with ProcessPoolExecutor(SIDE_BY_SIDE, multiprocessing.get_context("spawn")) as pool:
        jobs = {fault.name: [pool.submit(causes_of, fault.name) for _ in range(rounds)] for fault in there}
        quiet = {fault.name: [pool.submit(causes_of, fault.name) for _ in range(rounds)] for fault in (HEALTHY, UNEXPLAINED)}
        right = {1: 0, 3: 0}
        for fault in there:
            places = [place_of(fault, job.result()) for job in jobs[fault.name]]
            for among in right:
                found = sum(place is not None and place <= among for place in places)
                right[among] += found
                yield Figure(f"{fault.name}: {AMONG[among]}", "%", rounds=[100 * found / rounds])
        for among, found in right.items():
            yield Figure(f"all faults: {AMONG[among]}", "%", Bound(least=90), [100 * found / (len(there) * rounds)])
        for name, runs in quiet.items():
            kinds = [{one.kind for one in job.result()} for job in runs]
            named, doubted = sum(bool(each - {CauseKind.GENERATOR}) for each in kinds), sum(CauseKind.GENERATOR in each for each in kinds)
            yield Figure(f"{name}: a cause in the target is named", "%", Bound(most=5), [100 * named / rounds])
            yield Figure(f"{name}: the generator is doubted", "%", rounds=[100 * doubted / rounds])


def causes_of(name: str) -> tuple[Cause, ...]:
    """The causes that one run of a fault names; told as it comes, so that a row below its bound can be looked into."""
    fault = next(one for one in (*FAULTS, HEALTHY, UNEXPLAINED) if one.name == name)
    causes = run_fault(fault).causes
    told = "; ".join(f"{one.kind} {one.subject} {one.evidence:.2f}" for one in causes) or "no cause"
    print(f"  {name}: {'' if place_of(fault, causes) == 1 or not causes else 'NOT FIRST '}{told}", file=sys.stderr)
    return causes


def place_of(fault: KnownFault, causes: Sequence[Cause]) -> int | None:
    """At which place the right cause is named, from 1; None when it is not, or when no gate failed."""
    return next((place for place, one in enumerate(causes, 1) if fault.right(one)), None)

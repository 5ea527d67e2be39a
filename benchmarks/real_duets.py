"""Duets on real processes: the reference backend beside itself with known delay added, while a neighbour burns a core now and then."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options
from loadstone.cli.duet import plans
from loadstone.cli.duet_targets import ReferenceTarget
from loadstone.duet import Terms, duet
from loadstone.judge.difference import Answer
from loadstone.judge.duet_outcome import Outcome

BASE_MS, PATH = 20.0, "/api/items/1"
EFFECTS = (0.0, 0.05, 0.10, 0.20)
DUETS, MEDIAN_S, MOST_S = 20, 20.0, 60.0
# Works for 20 to 200 ms, rests for as long on average: seeded, so that every session has the same neighbour.
NEIGHBOUR = """
import os, random, sys, time
rng, parent = random.Random(int(sys.argv[1])), os.getppid()
while os.getppid() == parent:
    until = time.perf_counter() + rng.uniform(0.02, 0.2)
    while time.perf_counter() < until:
        pass
    time.sleep(rng.uniform(0.02, 0.2))
"""


def measure(options: Options) -> list[Figure]:
    """False alarms, and how often each delay was seen; `--quick` plays two duets of each."""
    count = 2 if options.seconds <= 2 else DUETS
    told = {effect: [_played(effect, seed) for seed in range(count)] for effect in EFFECTS}
    false = Figure(f"equal targets told apart, of {count} duets", "", Bound(most=0))
    false.rounds.append(sum(outcome.answer in {Answer.WORSE, Answer.BETTER} for outcome in told[0.0]))
    figures = [false]
    for effect in EFFECTS[1:]:
        needed = Bound(least=count - 1) if effect >= 0.10 else Bound()
        figures.append(Figure(f"+{effect:.0%} seen, of {count} duets", "", needed))
        figures[-1].rounds.append(sum(outcome.answer is Answer.WORSE for outcome in told[effect]))
    unclear = Figure("equal targets: cannot tell")
    unclear.rounds.append(sum(outcome.answer is Answer.CANNOT_TELL for outcome in told[0.0]))
    lengths = Figure("length of a duet", "s", Bound(most=MEDIAN_S))
    lengths.rounds += [outcome.facts.seconds for outcomes in told.values() for outcome in outcomes]
    return [*figures, unclear, lengths]


def _played(effect: float, seed: int) -> Outcome:
    terms = Terms(seed=seed, most_s=MOST_S)
    sides = [ReferenceTarget(["--latency", f"{BASE_MS * (1 + extra):g}ms"]) for extra in (0.0, effect, 0.0)]
    with _neighbour(seed):
        outcome = duet(sides[0], sides[1], plans([], PATH, terms), terms, control=sides[2])
    if outcome.ended == "interrupted":
        raise KeyboardInterrupt
    ratio = next((each.effect.ratio for each in outcome.differences if each.effect is not None), None)
    text = f"+{effect:.0%} seed {seed}: {outcome.answer}, ratio {ratio if ratio is None else round(ratio, 4)}, {outcome.pairs} pairs, "
    print(f"  {text}{outcome.facts.seconds:.1f} s; {outcome.why}", file=sys.stderr)
    return outcome


@contextlib.contextmanager
def _neighbour(seed: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR, str(seed)], stdin=subprocess.DEVNULL)
    try:
        time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()

"""How exact and how cheap callers are: against the oracle, on a core of its own.

What the oracle itself did late is in what the caller reads, and is shown beside it: each run has an oracle of its own, whose
ledger (`GET /voice`) says how many of its frames left more than 5 ms after their instant, and how late the worst did.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import voice_parts
from benchmarks.figures import Bound, Figure
from benchmarks.ours import Result, loadstone
from benchmarks.processes import SERVER_CORE, Failed
from benchmarks.rounds import Options, Outcome, attempt
from loadstone.reference.process import ReferenceProcess

DELAYS_MS = (300, 600, 900)
STOP_MS, BARGE_AFTER = 150, "800ms"
CALLS, MANY = (1, 100), 200
LEAST_S, QUICK_S = 30.0, 6.0  # of a run, after its warm-up
WARM_UP_S, RAMP_S = 4.0, 2.0
FEWEST_STOPS = 20
MOST_LATE_SHARE = 0.02  # of the oracle's frames
LATEST_MS, GAP_MS, STOP_OFF_MS, CPU_MS, PART_SHARE = 5.0, 5.0, 20.0, 4.0, 0.05

PLAN = """
target: {target}
allow_few: true
voice: {{protocol: pcm, rate: 16000, ramp: {ramp}s}}
scenarios:
  callers:
    warm_up: {warm_up}s
    profile: {{kind: constant-users, users: {calls}, duration: {seconds}s}}
    steps:
      - voice: {{path: "/voice/pcm?rate=16000&{query}", script: {script}}}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run with an oracle of its own.

    frames, late, latest_ms: of the oracle: sent, more than 5 ms after their instant, and the worst
    """

    result: Result
    frames: int
    late: int
    latest_ms: float

    def beside(self) -> str:
        """What the oracle itself did."""
        return f"oracle: {self.late} of {self.frames} frames late, worst {self.latest_ms:.1f} ms"


def run(calls: int, query: str, script: list[Any], seconds: float, warm_up: float = WARM_UP_S) -> Run:
    """All processes of the command share a core that the oracle has no part of."""
    plan = {"calls": calls, "query": query, "script": json.dumps(script), "seconds": seconds + warm_up, "warm_up": warm_up}
    with own_oracle() as oracle, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "calls.yaml"
        file.write_text(PLAN.format(target=oracle.url, ramp=min(RAMP_S, warm_up), **plan), "utf-8")
        result = loadstone(["run", str(file), "--quiet"], seconds=seconds + warm_up)
        with urllib.request.urlopen(f"{oracle.url}/voice", timeout=5) as answer:  # noqa: S310  our own oracle
            ledger = json.load(answer)
    return Run(result, ledger["frames_out"], ledger["frames_late"], ledger["latest_ms"])


@contextlib.contextmanager
def own_oracle() -> Iterator[ReferenceProcess]:
    """A reference backend on the core that callers have no part of; what it starts stays there, too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        oracle = ReferenceProcess()
        oracle.launch()
    finally:
        os.sched_setaffinity(0, before)
    with oracle:
        yield oracle


def off_ms(found: Run, metric: str, true_ms: float) -> float:
    """A distance from the truth that 95 % of readings do not exceed: from the least of all or from p95, whichever is further.

    accuracy: the histogram adds up to 0.4 % of p95
    """
    number = found.result.number
    return max(abs(number(f"metrics/{metric}/p95") - true_ms), abs(number(f"metrics/{metric}/min") - true_ms))


def trusted(found: Run) -> Run:
    """The run, unless its oracle was late so often that this machine has no time to give to either; raises Failed."""
    if found.late > MOST_LATE_SHARE * found.frames:
        raise Failed(f"no judge of the caller: {found.beside()}")
    return found


def exactness(seconds: float) -> list[Figure]:
    """Errors of response gaps and of barge-in stops."""
    figures = []
    for calls in CALLS:
        for delay_ms in DELAYS_MS:
            figure = Figure(f"voice.response_gap error p95, {calls} calls, D = {delay_ms} ms", "ms", Bound(most=GAP_MS))
            figure.add(attempt(partial(_gap, calls, delay_ms, seconds)))
            figures.append(figure)
        figure = Figure(f"voice.barge_stop error p95, {calls} calls, stops after {STOP_MS} ms", "ms", Bound(most=STOP_OFF_MS))
        # One call has an interruption in some three and a half seconds: with 60 s, 17 were counted.
        figure.add(attempt(partial(_stop, calls, max(seconds, 100.0) if calls == 1 and seconds >= LEAST_S else seconds)))
        figures.append(figure)
    return figures


def _gap(calls: int, delay_ms: int, seconds: float) -> float:
    found = run(calls, f"delay_ms={delay_ms}&speak_s=0.3", [{"speak": ""}, "wait_answer"], seconds)
    off = off_ms(found, "voice.response_gap", delay_ms)
    _say(f"gap {calls} calls D {delay_ms} ms: off by {off:.2f} ms, {_count(found, 'voice.response_gap')} readings; {found.beside()}")
    trusted(found)
    return off


def _stop(calls: int, seconds: float) -> float:
    script = [{"speak": ""}, {"barge_in": {"after": BARGE_AFTER}}, "wait_answer"]
    found = run(calls, f"delay_ms=300&speak_s=1.5&stop_ms={STOP_MS}", script, seconds)
    count = _count(found, "voice.barge_stop")
    if count < FEWEST_STOPS and seconds >= LEAST_S:
        raise Failed(f"{count} interruptions; {FEWEST_STOPS} are needed")
    off = off_ms(found, "voice.barge_stop", STOP_MS)
    _say(f"stop {calls} calls: off by {off:.2f} ms, {count} readings; {found.beside()}")
    trusted(found)
    return off


def cost(options: Options, seconds: float) -> list[Figure]:
    """Lateness of frames, and CPU of the whole command less that of one that makes one call of a second."""
    late = Figure(f"voice.frame_lateness p99 with {MANY} calls on one core", "ms", Bound(most=LATEST_MS))
    cpu = Figure(f"CPU of a call's second with {MANY} calls, command less its start-up", "ms", Bound(most=CPU_MS))
    started = attempt(lambda: run(1, "delay_ms=100&speak_s=0.1", [{"speak": ""}], 1.0, 0.0).result.done.cpu_s)
    for _ in range(min(options.rounds, 3)):
        found = attempt(lambda: run(MANY, "delay_ms=600&speak_s=4", [{"speak": ""}, "wait_answer"], seconds))
        late.add(found.map(lambda each: trusted(each).result.number("metrics/voice.frame_lateness/p99")))
        cpu.add(_cpu_ms(found, started, seconds))
        if found.value is not None:
            _say(f"{MANY} calls: {found.value.beside()}")
    return [late, cpu]


def _cpu_ms(found: Outcome[Run], started: Outcome[float], seconds: float) -> Outcome[float]:
    if started.value is None:
        return Outcome(None, started.reason)
    start_s = started.value
    # Calls are up from their place in the ramp on: on average for half of it less than the whole run.
    return found.map(lambda each: 1e3 * (each.result.done.cpu_s - start_s) / (MANY * (seconds + WARM_UP_S - RAMP_S / 2)))


def parts() -> list[Figure]:
    """What a detector's cost is reported as, against a plain loop beside it."""
    figures = []
    for part, missing in voice_parts.known():
        figure = Figure(f"cost of {part} reported, against a plain loop beside it", "of the loop's", Bound(1 - PART_SHARE, 1 + PART_SHARE))
        figure.add(Outcome(None, missing) if missing else attempt(partial(_share, part)))
        figures.append(figure)
    return figures


def _share(part: str) -> float:
    return voice_parts.compared(part)[2]


def measure(options: Options) -> list[Figure]:
    """Every figure of voice."""
    seconds = QUICK_S if options.seconds < 5 else max(LEAST_S, options.seconds)
    return [*cost(options, seconds), *exactness(seconds), *parts()]


def _count(found: Run, metric: str) -> int:
    return int(found.result.number(f"metrics/{metric}/count"))


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)

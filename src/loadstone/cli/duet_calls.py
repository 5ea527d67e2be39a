"""A duet of two functions: timed in turns in one process, which is started anew again and again with another hash seed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import IO, Any, Self

import numpy as np

from loadstone.duet import Terms
from loadstone.errors import UsageError
from loadstone.judge.duet_figures import Judges
from loadstone.judge.duet_outcome import Facts, Outcome, Pace
from loadstone.load.slices import Figure, Slice

FIGURE = Figure("call.time", "", "")
RESTART_EVERY = 4  # pairs: a process is cheap, and where it puts code and hashes is an accident that both functions share
ARMS = ("A", "B", "A′")


class Timing:
    """The process that times both functions; see `loadstone.inside.calls`."""

    def __init__(self, names: Sequence[str], hash_seed: int) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "loadstone.inside.calls", *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed % 2**32)},
        )

    def __enter__(self) -> Self:
        try:
            self._read()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """It ends with its input."""
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def pair(self, order: Sequence[str], timings: int) -> dict[str, list[int]]:
        """Ns per thousand calls of each arm's turn; raises UsageError when a function raised."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then what it said last tells why
            self._process.stdin.write(json.dumps({"order": order, "timings": timings}) + "\n")
            self._process.stdin.flush()
        times: dict[str, list[int]] = self._read()["times"]
        return times

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {"error": f"its process has ended with exit code {self._process.wait()}"}
        if "error" in told:
            raise UsageError(told["error"], where="--call", hint="--call package.module:function package.module:other, without arguments")
        return told


def call_duet(names: Sequence[str], terms: Terms, *, control: bool, told: Callable[[Outcome], None]) -> Outcome:
    """Is the second function slower than the first? Ctrl-C ends it with what is known."""
    rng = random.Random(f"{terms.seed}/calls")
    judges = Judges(terms.limit, terms.quantiles, terms.most_pairs, terms.error_limit)
    began, pairs, ended, a_first = time.monotonic(), 0, "", True

    def now() -> Outcome:
        shown = dict(zip(ARMS, (*names, names[0]), strict=True))
        facts = Facts(shown, time.monotonic() - began, Pace(users=0), restarts=max(0, (pairs - 1) // RESTART_EVERY))
        return _of_calls(judges.outcome(final=bool(ended), facts=facts, ended=ended))

    try:
        while not ended:
            with Timing(names, terms.seed + pairs) as timing:
                while not ended:
                    a_first = not a_first if pairs % 2 else rng.random() < 0.5
                    order = ["A", "B"] if a_first else ["B", "A"]
                    if control:
                        order.insert(rng.randrange(3), "A′")
                    times = timing.pair(order, terms.slice_requests)
                    pairs += 1
                    slices = {arm: _slice(values) for arm, values in times.items()}
                    judges.take(slices["A"], slices["B"], slices.get("A′"), first="A" if a_first else "B", cpu=None, paced=True)
                    ended = _end_of(judges, pairs, terms, time.monotonic() - began)
                    told(now())
                    if pairs % RESTART_EVERY == 0:
                        break
    except KeyboardInterrupt:
        ended = "interrupted"
    return now()


def _end_of(judges: Judges, pairs: int, terms: Terms, seconds: float) -> str:
    """Why it is over; empty when it is not."""
    decided = judges.look()
    if pairs >= terms.most_pairs:
        return "pairs"
    if decided:
        return "clear" if judges.clear else "futile"
    return "time" if seconds >= terms.most_s else ""


def _slice(values: Sequence[int]) -> Slice:
    return Slice({FIGURE: np.array(values, np.int64)}, len(values), 0, 0, 1.0)


def _of_calls(outcome: Outcome) -> Outcome:
    """Calls do not fail, and ms per thousand of them are µs each."""
    times = tuple(replace(each, unit="µs") for each in outcome.differences if each.unit == "ms")
    return replace(outcome, differences=times, shown=tuple(replace(each, unit="µs") for each in outcome.shown if each.unit == "ms"))

"""Our own side: the command as a user types it, its result as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import cpu_per_request_us
from benchmarks.processes import Failed, Finished, run

PROGRAM = [str(Path(sys.executable).with_name("loadstone"))]
SUITES = Path(__file__).parent / "suites"

# A verdict other than a pass is still a measurement: a saturated generator is meant to end with 5.
MEASURED = {0, 1, 4, 5}


class Result:
    """One run's JSON document and what the run cost."""

    def __init__(self, document: dict[str, Any], done: Finished) -> None:
        self.document = document
        self.done = done

    def number(self, path: str) -> float:
        """The number at a path such as `load.achieved_rate`; metric names keep their dots: `metrics/http.service_time/p50`."""
        value: Any = self.document
        for key in path.split("/") if "/" in path else path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, int | float):
            raise Failed(f"the result has no number at {path}")
        return float(value)

    @property
    def requests_per_s(self) -> float:
        """What was achieved; a run with failures is no measurement of speed."""
        requests, errors = self.number("load.requests"), self.number("load.errors")
        if errors > requests * 0.001:
            raise Failed(f"{errors:.0f} of {requests:.0f} requests failed")
        return self.number("load.achieved_rate")

    @property
    def cpu_us(self) -> float:
        """CPU time of all our processes per request, start-up included."""
        return cpu_per_request_us(self.done, self.number("load.requests"))


def last_words(done: Finished) -> str:
    """What the command said last: its error, when there was one."""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return " / ".join(line[:300] for line in lines[-2:]) or "it said nothing"


def loadstone(arguments: Sequence[str], *, seconds: float) -> Result:
    """Run one command with `--json`, all its processes on the generator's core."""
    done = run([*PROGRAM, *arguments, "--json"], limit_s=seconds + 60)
    if done.code not in MEASURED:
        raise Failed(f"loadstone {' '.join(arguments)} ended with {done.code}: {last_words(done)}")
    try:
        document = json.loads(done.stdout)
    except ValueError:
        raise Failed(f"loadstone {' '.join(arguments)} ended with {done.code} and printed no JSON: {last_words(done)}") from None
    return Result(document, done)


def hit(url: str, *arguments: str, seconds: float) -> Result:
    """`loadstone hit URL … --json`."""
    return loadstone(["hit", url, *arguments, "-d", f"{seconds:g}s"], seconds=seconds)


def llm(url: str, *arguments: str, seconds: float) -> Result:
    """`loadstone llm URL --model exact … --json`."""
    return loadstone(["llm", url, "--model", "exact", *arguments], seconds=seconds)


def ws(url: str, *arguments: str, seconds: float) -> Result:
    """`loadstone ws URL … --json`."""
    return loadstone(["ws", url, *arguments], seconds=seconds)


def run_suite(name: str, url: str, *, users: int, seconds: float) -> Result:
    """`loadstone run SUITE … --json` with one of the suites beside this file."""
    suite = str(SUITES / f"{name}.py")
    return loadstone(["run", suite, "--target", url, "--users", str(users), "--duration", f"{seconds:g}s"], seconds=seconds)

"""How exact and how cheap callers are: against the oracle, on a core of its own.

For each delay and number of calls: what the caller read beside what the oracle did. For each number of calls: how late the
caller's own frames left, and what a second of a call costs its process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from loadstone.reference.process import ReferenceProcess

DELAYS_MS = (300, 600, 900)
STOP_MS = 150
WORKER_CORE, ORACLE_CORE = 0, 1


def run(url: str, query: str, *options: str) -> dict[str, Any]:
    """The document of one run; its worker and parent share a core that the oracle has no part of."""
    command = [
        str(Path(sys.executable).with_name("loadstone")),
        "voice",
        f"{url}/voice/pcm?rate=16000&{query}",
        "--json",
        "--quiet",
        *options,
    ]
    done = subprocess.run(command, capture_output=True, check=False, preexec_fn=_on_worker_core)
    if not done.stdout:
        raise SystemExit(done.stderr.decode()[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _on_worker_core() -> None:
    _pin(0, WORKER_CORE)


def _pin(pid: int, core: int) -> None:
    if len(os.sched_getaffinity(0)) > 1 or pid == 0:
        os.sched_setaffinity(pid, {core})


def worst_ms(values: dict[str, Any], true_ms: float) -> float:
    """Largest distance from the truth below p95, or of all where there are too few for one; the histogram adds up to 0.4 %."""
    high = values["p95"] if values["p95"] is not None else values["max"]
    return float(max(abs(high - true_ms), abs(values["min"] - true_ms)))


def exactness(url: str, calls: int, seconds: int) -> None:
    """Errors of response gaps and of barge-in stops."""
    for delay_ms in DELAYS_MS:
        found = run(url, f"delay_ms={delay_ms}&speak_s=0.3", "-c", str(calls), "-d", f"{seconds}s")["metrics"]["voice.response_gap"]
        print(
            f"response_gap  {calls:4} calls  D {delay_ms} ms  n {found['count']:5}  off by {worst_ms(found, delay_ms):6.2f} ms", flush=True
        )
    query = f"delay_ms=300&speak_s=4&stop_ms={STOP_MS}"
    found = run(url, query, "-c", str(calls), "-d", f"{seconds}s", "--barge-in", "800ms")["metrics"]["voice.barge_stop"]
    print(f"barge_stop    {calls:4} calls  after {STOP_MS} ms  n {found['count']:5}  off by {worst_ms(found, STOP_MS):6.2f} ms", flush=True)


def cost(url: str, calls: int, seconds: int) -> None:
    """Lateness of frames and CPU."""
    metrics = run(url, "delay_ms=600&speak_s=4", "-c", str(calls), "-d", f"{seconds}s", "--within", "5s")["metrics"]
    late, cpu, up = metrics["voice.frame_lateness"], metrics["generator.cpu"]["mean"], metrics["voice.call_time"]["rate"] / 1e3
    print(
        f"cost          {calls:4} calls  {up:6.1f} up  frames p99 {late['p99']:6.2f} ms late  CPU {cpu:5.1f}%"
        f"  {cpu * 10 / up:5.2f} ms per call-second",
        flush=True,
    )


def main() -> None:
    """Print a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--calls", type=int, nargs="*", default=[50, 100, 200, 300])
    parser.add_argument("--only", choices=("exactness", "cost"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ReferenceProcess() as oracle:
        os.environ["LOADSTONE_STORE"] = str(Path(folder) / "runs.db")
        _pin(oracle.pid, ORACLE_CORE)
        if given.only != "cost":
            for calls in (1, 100):
                exactness(oracle.url, calls, given.seconds)
        if given.only != "exactness":
            for calls in given.calls:
                cost(oracle.url, calls, given.seconds)


if __name__ == "__main__":
    main()

"""What a probe of a process tree costs: CPU of the probing thread with fifty processes in the tree, one reading a second."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, attempt
from loadstone.clock import now_ns
from loadstone.plan.probe import ProbePlan
from loadstone.probes.probe import Readings
from loadstone.probes.process import ProcessProbe

PROCESSES = 50
EVERY_S = 1.0
LEAST_READINGS = 10
# Each child holds some memory and some threads, as workers of a server do; the parent waits until it is told to end.
CHILD = """
import sys, threading
held, stop = bytearray(10_000_000), threading.Event()
for _ in range(3):
    threading.Thread(target=stop.wait, daemon=True).start()
print(1, flush=True)
sys.stdin.read()
"""
PARENT = f"""
import subprocess, sys
command, pipes = [sys.executable, "-c", {CHILD!r}], dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
children = [subprocess.Popen(command, **pipes) for _ in range({PROCESSES - 1})]
for child in children:
    child.stdout.readline()
print(1, flush=True)
sys.stdin.read()
for child in children:
    child.communicate()
"""


def measure(options: Options) -> Iterator[Figure]:
    """The mean over a round of readings, all that is dear included; and the median of one reading."""
    share = Figure(f"CPU of the probe of {PROCESSES} processes, one reading a second", "% of a core", Bound(most=1))
    each = Figure("one reading of it, median", "ms")
    for _ in range(options.rounds):
        both = attempt(lambda: cost(max(LEAST_READINGS, round(options.seconds))))
        share.add(both.map(lambda found: found[0]))
        each.add(both.map(lambda found: found[1]))
    yield from (share, each)


def cost(readings: int) -> tuple[float, float]:
    """Percent of a core, and ms of CPU of one reading."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        probe = ProcessProbe(ProbePlan(kind="process", watches=f"pid:{parent.pid}"), "")
        probe.open(now_ns)
        probe.sample(Readings())  # the first look is made before the load, and is not part of a run
        stop, spent = threading.Event(), []
        for _ in range(readings):
            stop.wait(EVERY_S)
            before = time.thread_time()
            probe.sample(Readings())
            spent.append(time.thread_time() - before)
        parent.communicate()
    return 100 * sum(spent) / (readings * EVERY_S), 1e3 * statistics.median(spent)

"""Memory of the generator: per connected idle user, and its growth in a long run at full speed."""

from __future__ import annotations

import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.figures import Bound, Figure
from benchmarks.ours import PROGRAM, SUITES
from benchmarks.processes import GENERATOR_CORE, Failed, end, start
from benchmarks.rounds import Options, Outcome, attempt
from benchmarks.servers import delay, nginx

USERS = 10_000
FEW_USERS = 100
CONNECTED_WITHIN_S = 120.0
SETTLE_S = 3.0
ESTABLISHED = "01"


def measure(options: Options) -> Iterator[Figure]:
    """One round each: both figures are levels, not times."""
    per_user = Figure("memory of the worker ÷ idle connected users, 10,000 users", "kB", Bound(most=12))
    each_more = Figure("memory of one more idle connected user", "kB")
    growth = Figure(
        f"growth of the generator's memory, from {begin_of_growth_s(options.minutes):.0f} s to the end of {options.minutes:g} min",
        "MB",
        Bound(most=2),
    )
    few, many = attempt(lambda: idle_users(FEW_USERS)), attempt(lambda: idle_users(USERS))
    per_user.add(many.map(lambda memory: memory / USERS / 1000))
    each_more.add(of_one_more(few, many).map(lambda memory: memory / 1000))
    growth.add(attempt(lambda: growth_at_full_speed(options.minutes)).map(lambda grown: grown / 1e6))
    yield from (per_user, each_more, growth)


def idle_users(users: int) -> float:
    """Resident bytes of the worker with users that keep a connection."""
    with delay(0) as here:
        return worker_with(users, "idle_user", here.url)


def worker_with(users: int, suite: str, url: str) -> float:
    """Resident bytes of the worker once so many users of the suite are connected and silent."""
    arguments = ["run", str(SUITES / f"{suite}.py"), "--target", url, "--users", str(users), "--duration", "10m"]
    process = start([*PROGRAM, *arguments], core=GENERATOR_CORE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_connections(process, int(urlsplit(url).port or 0), users)
        time.sleep(SETTLE_S)
        return float(worker_of(process.pid).memory_info().rss)
    finally:
        end(process, signal.SIGINT)


def of_one_more(few: Outcome[float], many: Outcome[float]) -> Outcome[float]:
    """Bytes of one more user, from a worker with few of them and one with many; lacks a value when either does."""
    if few.value is None or many.value is None:
        return Outcome(None, few.reason or many.reason)
    return Outcome((many.value - few.value) / (USERS - FEW_USERS))


def wait_for_connections(process: subprocess.Popen[bytes], port: int, users: int) -> None:
    """Until the kernel shows that many connections to the port."""
    limit = time.monotonic() + CONNECTED_WITHIN_S
    while (connected := established(port)) < users:
        if process.poll() is not None:
            raise Failed(f"loadstone ended with {process.returncode} before {users} users were connected")
        if time.monotonic() > limit:
            raise Failed(f"only {connected} of {users} users were connected within {CONNECTED_WITHIN_S:.0f} s")
        time.sleep(0.5)


def established(port: int) -> int:
    """Connections whose far end is the port."""
    wanted = f":{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[2].endswith(wanted) and row[3] == ESTABLISHED for row in rows)


def worker_of(pid: int) -> psutil.Process:
    """The process of the tree that holds the most descriptors: the one with the connections."""
    return max(tree(pid), key=lambda process: process.num_fds())


def tree(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def begin_of_growth_s(minutes: float) -> float:
    """Minute 1, or a third of a run that is too short for it."""
    return min(60.0, minutes * 60 / 3)


def growth_at_full_speed(minutes: float) -> float:
    """Bytes that all our processes together grew by, from minute 1 (or a third of a shorter run) to the end."""
    with nginx() as url:
        return growth_of(["hit", url, "-c", "64", "-d", f"{minutes * 60:g}s", "--json"], minutes)


def growth_of(arguments: list[str], minutes: float, begin_s: float | None = None) -> float:
    """The same of any command line that takes so long; `begin_s` in the place of minute 1."""
    seconds = minutes * 60
    begin_s = begin_of_growth_s(minutes) if begin_s is None else begin_s
    samples: list[tuple[float, float]] = []
    process = start([*PROGRAM, *arguments], core=GENERATOR_CORE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    try:
        # The last seconds are left out: writing the report is not growth of the run.
        while process.poll() is None and (now_s := time.monotonic() - began) < seconds - 2:
            samples.append((now_s, sum(each.memory_info().rss for each in tree(process.pid))))
            time.sleep(1)
        if process.poll() is not None:
            raise Failed(f"loadstone ended with {process.returncode} after {samples[-1][0]:.0f} of {seconds:.0f} s")
        process.wait(60)
    finally:
        end(process)
    early = [memory for at_s, memory in samples if begin_s - 5 <= at_s <= begin_s + 5]
    late = [memory for at_s, memory in samples if at_s >= seconds - 12]
    return statistics.median(late) - statistics.median(early)

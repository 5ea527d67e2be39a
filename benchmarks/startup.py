"""How long a command takes to begin, and how much is installed: the help page, the first request of a load, the size of the core."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks import installed
from benchmarks.figures import Bound, Figure
from benchmarks.ours import PROGRAM, last_words
from benchmarks.processes import Failed, run
from benchmarks.rounds import Options, attempt
from benchmarks.servers import FirstRequest

HIT = ("hit",)
LLM = ("llm", "--model", "exact")


def measure(options: Options) -> Iterator[Figure]:
    """Warm start: the first of each is not counted, it reads the files from the disk."""
    help_page = Figure("loadstone --help", "s", Bound(most=0.3))
    first_hit = Figure("start of loadstone hit to the first request sent", "s", Bound(most=1.0))
    first_llm = Figure("start of loadstone llm to the first request sent", "s", Bound(most=1.0))
    for number in range(options.rounds + 1):
        rows = (
            (help_page, attempt(time_of_help)),
            (first_hit, attempt(lambda: time_to_first_request(*HIT))),
            (first_llm, attempt(lambda: time_to_first_request(*LLM))),
        )
        for figure, outcome in rows:
            if number or outcome.value is None:
                figure.add(outcome)
    size = Figure("installed size of the core, dependencies included", "MB", Bound(most=400))
    size.add(attempt(lambda: installed.size("loadstone") / 1e6))
    yield from (help_page, first_hit, first_llm, size)


def time_of_help() -> float:
    """Seconds of wall time."""
    done = run([*PROGRAM, "--help"], limit_s=30)
    if done.code:
        raise Failed(f"loadstone --help ended with {done.code}: {last_words(done)}")
    return done.wall_s


def time_to_first_request(command: str, *options: str) -> float:
    """Seconds from starting the process to the arrival of the one request of its load."""
    server = FirstRequest()
    try:
        began = time.monotonic()
        done = run([*PROGRAM, command, server.url, *options, "-n", "1", "-c", "1", "--json"], limit_s=30)
        if server.arrived_s is None:
            raise Failed(f"loadstone {command} sent nothing and ended with {done.code}: {last_words(done)}")
        return server.arrived_s - began
    finally:
        server.close()

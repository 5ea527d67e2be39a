"""How long a command takes to begin: its help page, and the first request of a load."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.figures import Bound, Figure
from benchmarks.ours import PROGRAM, last_words
from benchmarks.processes import Failed, run
from benchmarks.rounds import Options, attempt
from benchmarks.servers import FirstRequest


def measure(options: Options) -> Iterator[Figure]:
    """Warm start: the first of each is not counted, it reads the files from the disk."""
    help_page = Figure("loadstone --help", "s", Bound(most=0.3))
    first_request = Figure("start of the command to the first request sent", "s", Bound(most=1.0))
    for number in range(options.rounds + 1):
        shown, sent = attempt(time_of_help), attempt(time_to_first_request)
        if number or shown.value is None:
            help_page.add(shown)
        if number or sent.value is None:
            first_request.add(sent)
    yield help_page
    yield first_request


def time_of_help() -> float:
    """Seconds of wall time."""
    done = run([*PROGRAM, "--help"], limit_s=30)
    if done.code:
        raise Failed(f"loadstone --help ended with {done.code}: {last_words(done)}")
    return done.wall_s


def time_to_first_request() -> float:
    """Seconds from starting the process to the arrival of the one request of its load."""
    server = FirstRequest()
    try:
        began = time.monotonic()
        done = run([*PROGRAM, "hit", server.url, "-n", "1", "-c", "1", "--json"], limit_s=30)
        if server.arrived_s is None:
            raise Failed(f"loadstone hit sent nothing and ended with {done.code}: {last_words(done)}")
        return server.arrived_s - began
    finally:
        server.close()

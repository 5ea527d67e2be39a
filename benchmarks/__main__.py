"""`python -m benchmarks [NAME…]`: run, print the table, keep the result as JSON."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import (
    agents,
    both_ways,
    capacities,
    causes,
    dashboard,
    duets,
    fixed_delay,
    histories,
    inside_cost,
    leak_processes,
    leak_sites,
    leaking_service,
    leaks,
    memory,
    monitoring,
    pacing,
    pairs,
    peers,
    probes,
    real_duets,
    reports,
    scripted,
    soak,
    startup,
    stores,
    streams,
    throughput,
    voice,
    voice_knee,
    websocket_echo,
)
from benchmarks.figures import Figure, table
from benchmarks.processes import GENERATOR_CORE, SERVER_CORE, allow_many_descriptors
from benchmarks.rounds import Options

BENCHMARKS = {
    "throughput": throughput,
    "scripted": scripted,
    "both_ways": both_ways,
    "fixed_delay": fixed_delay,
    "pacing": pacing,
    "streams": streams,
    "websockets": websocket_echo,
    "voice": voice,
    "voice_knee": voice_knee,
    "agents": agents,
    "leaks": leaks,
    "causes": causes,
    "memory": memory,
    "probes": probes,
    "monitor": monitoring,
    "soak": soak,
    "dashboard": dashboard,
    "capacities": capacities,
    "startup": startup,
    "store": stores,
    "report": reports,
    "inside_cost": inside_cost,
    "leak_sites": leak_sites,
    "leak_processes": leak_processes,
    "real_duets": real_duets,
    "duets": duets,
    "histories": histories,
    "pairs": pairs,
    "leaking_service": leaking_service,
}
# One name for everything that shows how far verdicts can be trusted; the simulated ones first, they do not mind other work.
GROUPS = {"judging": ("duets", "histories", "pairs", "store", "real_duets", "capacities")}
RESULTS = Path(__file__).parent / "results"


def read_arguments() -> argparse.Namespace:
    """What to run, and how long."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Loadstone beside its peers, on one machine, as ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {' '.join((*BENCHMARKS, *GROUPS))}; all when none")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="how often each figure is measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="length of one run of one tool (%(default)s)")
    parser.add_argument("--minutes", type=float, default=usual.minutes, help="length of the run that watches memory grow (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one round of 2 s, memory for half a minute: does it work, not how fast is it")
    one = parser.add_argument_group(
        "one simulated trial, with `duets`, `histories` or `pairs`: its numbers and its answer instead of the table"
    )
    one.add_argument("--seed", type=int, help="number of the trial")
    one.add_argument("--profile", default="ci", help="quiet, ci or shared (%(default)s)")
    one.add_argument("--effect", type=float, default=0.0, help="0.1 makes the candidate 10 %% slower (%(default)s)")
    one.add_argument("--quantile", type=float, default=0.5, help="0.5 or 0.95 (%(default)s)")
    arguments = parser.parse_args()
    if arguments.seed is not None and arguments.names not in (["duets"], ["histories"], ["pairs"]):
        parser.error("--seed shows one trial of `duets`, of `histories` or of `pairs`")
    arguments.names = [name for given in arguments.names for name in GROUPS.get(given, (given,))]
    unknown = set(arguments.names) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}; known: {' '.join((*BENCHMARKS, *GROUPS))}")
    if arguments.rounds < 1 or arguments.seconds < 1 or arguments.minutes <= 0:
        parser.error("--rounds and --seconds must be at least 1, --minutes more than 0")
    return arguments


def machine() -> dict[str, Any]:
    """What the figures were measured on: ratios of different machines are not the same either."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=RESULTS.parent, capture_output=True, text=True, check=False).stdout.strip()
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "cpu": model,
        "cores": os.cpu_count(),
        "generator_core": GENERATOR_CORE,
        "server_core": SERVER_CORE,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average_before": os.getloadavg()[0],
        "peers": peers.versions(),
    }


def keep(facts: dict[str, Any], options: Options, figures: list[Figure]) -> Path:
    """Write the result file; one per run, named by its time."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{facts['at'].replace(':', '').replace('+0000', 'Z')}.json"
    document = {
        "machine": facts,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "minutes": options.minutes,
        "figures": [figure.as_json() for figure in figures],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


def main() -> int:
    """0: all reached. 1: something was not. 2: wrong usage. 4: something could not be measured."""
    arguments = read_arguments()
    if arguments.seed is not None:
        if arguments.names == ["histories"]:
            print(histories.show(arguments.seed, arguments.profile, arguments.effect))
            return 0
        shown = pairs if arguments.names == ["pairs"] else duets
        print(shown.show(arguments.seed, arguments.profile, arguments.effect, arguments.quantile))
        return 0
    if GENERATOR_CORE == SERVER_CORE:
        print("The benchmarks need two cores: one for the generator, one for the server.", file=sys.stderr)
        return 2
    allow_many_descriptors()
    os.environ.setdefault("LOADSTONE_STORE", "none")  # the runs that are measured are nobody's history; "store" measures keeping
    options = Options(1, 2.0, 0.5) if arguments.quick else Options(arguments.rounds, arguments.seconds, arguments.minutes)
    facts = machine()
    if facts["load_average_before"] > 0.5:
        print(f"! other work on this machine: load average {facts['load_average_before']:.1f}; even ratios will be rough", file=sys.stderr)
    figures: list[Figure] = []
    for name in arguments.names or BENCHMARKS:
        print(f"… {name}", file=sys.stderr)
        figures += BENCHMARKS[name].measure(options)
    print(table(figures))
    print(f"\nkept in {os.path.relpath(keep(facts, options, figures))}")
    if any(figure.reached is False for figure in figures):
        return 1
    return 4 if any(figure.median is None for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())

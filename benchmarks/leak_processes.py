"""Real processes, some of which leak: is each verdict right, and the cause of each leak?

`python -m benchmarks.leak_processes --seconds 180`. All run side by side; each is nearly idle. A process of Node is watched from
outside only, so for it there is a verdict and no cause.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.figures import Bound, Figure, table
from benchmarks.leaking import SHAPES
from benchmarks.processes import Failed
from benchmarks.rounds import Options, Outcome, attempt
from loadstone.judge.leak import COUNTED, MEMORY, Answer, judge_leak
from loadstone.judge.leak import Sizes as Matter
from loadstone.judge.leak_cause import Cause, LeakCause, Readings, Settled, Sizes, Traced, Watched, leak_cause

LEAK, NO_LEAK, CANNOT_TELL = Answer.LEAK, Answer.NO_LEAK, Answer.CANNOT_TELL
SHORTEST_S = 60.0  # fewer than 48 readings are not judged
SHARE_OF_LONG = 0.3
NODE = Path(__file__).parent / "servers" / "leaking.js"
TRUTH: dict[str, tuple[Answer, Cause | None]] = {
    "small_objects": (LEAK, Cause.PYTHON_OBJECTS),
    "large_objects": (LEAK, Cause.PYTHON_OBJECTS),
    "native": (LEAK, Cause.NATIVE),
    "mapped": (LEAK, Cause.MAPPED),
    "descriptors": (LEAK, Cause.DESCRIPTORS),
    "threads": (LEAK, Cause.THREADS),
    "cycles": (LEAK, Cause.CYCLES),
    "fragmentation": (LEAK, Cause.FRAGMENTATION),
    "lru": (NO_LEAK, None),
    "churn": (NO_LEAK, None),
    "flat": (NO_LEAK, None),
    "node leak": (LEAK, None),
    "node flat": (NO_LEAK, None),
}


class Seen(NamedTuple):
    """A process that has ended: its verdict, and its cause when somebody was inside."""

    verdict: Answer
    cause: LeakCause | None


def measure(options: Options) -> Iterator[Figure]:
    """One round: three tenths of the long run, a minute at least."""
    yield from figures(max(SHORTEST_S, SHARE_OF_LONG * 60 * options.minutes))


def figures(seconds: float, keep: Path | None = None) -> list[Figure]:
    """Shares of right verdicts and causes, after so many seconds; the readings of each process go to a file of that folder."""
    seen = attempt(lambda: watch_all(seconds, keep))
    verdicts = Figure(f"processes with the right verdict after {seconds:g} s", "%", Bound(least=100))
    causes = Figure("leaking processes with the right cause", "%", Bound(least=100))
    node = Figure("of which processes of Node", "")
    verdicts.add(seen.map(lambda each: share(each, lambda name, one: one.verdict == TRUTH[name][0])))
    with_cause = seen.map(lambda each: {name: one for name, one in each.items() if TRUTH[name][1] is not None})
    causes.add(with_cause.map(lambda each: share(each, lambda name, one: one.cause is not None and one.cause.cause is TRUTH[name][1])))
    node.add(Outcome(None, "Node is not installed: apt install nodejs") if shutil.which("node") is None else Outcome(2.0))
    return [verdicts, causes, node]


def share(seen: dict[str, Seen], right: Callable[[str, Seen], bool]) -> float:
    """Percent of the processes that are right; the others are told."""
    for name, one in seen.items():
        print(f"  {name:14} {one.verdict:11} {one.cause or ''}{'' if right(name, one) else '   <- wrong'}", file=sys.stderr)
    return 100 * sum(right(name, one) for name, one in seen.items()) / len(seen)


def watch_all(seconds: float, keep: Path | None = None) -> dict[str, Seen]:
    """Every process, side by side."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", "benchmarks.leaking", name, f"{seconds:g}"],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            text=True,
        )
        for name in SHAPES
    }
    node = shutil.which("node")
    others = {f"node {mode}": subprocess.Popen([node, str(NODE), mode, f"{seconds + 5:g}"]) for mode in ("leak", "flat")} if node else {}
    try:
        outside = watch_from_outside(others, seconds)
        seen = {}
        for name, process in running.items():
            said, _ = process.communicate(timeout=120 + seconds)
            if process.returncode:
                raise Failed(f"{name} ended with {process.returncode}")
            if keep is not None:
                (keep / f"{name}.jsonl").write_text(said)
            seen[name] = from_inside([json.loads(line) for line in said.splitlines()])
    finally:
        everything: list[subprocess.Popen[Any]] = [*running.values(), *others.values()]
        for each in everything:
            if each.poll() is None:
                each.kill()
            each.wait()
    return seen | {name: Seen(verdict(readings), None) for name, readings in outside.items()}


def watch_from_outside(processes: dict[str, subprocess.Popen[Any]], seconds: float) -> dict[str, list[tuple[float, float]]]:
    """Resident bytes once a second."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
    for second in range(int(seconds) if processes else 0):
        for name, process in processes.items():
            pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            found[name].append((float(second), pages * 4096.0))
        time.sleep(1)
    return found


def from_inside(lines: Sequence[dict[str, Any]]) -> Seen:
    """What the readings of a process of Python say."""
    levels = [line for line in lines if "at_s" in line]
    settled = next(line["trim"] for line in lines if "trim" in line)
    traced = next(line for line in lines if "first" in line)

    def series(*keys: str) -> list[tuple[float, float]]:
        return [(line["at_s"], number(line, keys)) for line in levels]

    watched = Watched(
        memory=series("resident_bytes"),
        heap=series("heap", "used_bytes"),
        heap_free=series("heap", "free_bytes"),
        blocks=series("allocated_blocks"),
        descriptors=series("descriptors"),
        threads=series("threads"),
    )
    first, then = traced["first"], traced["then"]
    heap_grown = number(then, ("heap", "used_bytes")) - number(first, ("heap", "used_bytes"))
    cause = leak_cause(
        watched,
        Settled(sizes(settled["before"]), sizes(settled["collected"]), sizes(settled["trimmed"])),
        Traced(then["traced_bytes"] - first["traced_bytes"], heap_grown - (then["tracer_bytes"] - first["tracer_bytes"])),
        [each["name"] for each in then["types"]],
        [f"{Path(each['site']).name}" for each in then["sites"]],
    )
    answers = [verdict(watched.memory), verdict(watched.descriptors, COUNTED), verdict(watched.threads, COUNTED)]
    return Seen(LEAK if LEAK in answers else CANNOT_TELL if CANNOT_TELL in answers else NO_LEAK, cause)


def number(line: dict[str, Any], keys: Sequence[str]) -> float:
    """The number under these keys."""
    found: Any = line
    for key in keys:
        found = found[key]
    return float(found)


def sizes(document: dict[str, Any]) -> Sizes:
    """Resident memory and blocks of one moment."""
    return Sizes(document["resident_bytes"], document["allocated_blocks"], number(document, ("heap", "used_bytes")))


def verdict(readings: Readings, sizes: Matter = MEMORY) -> Answer:
    """What `leak(…) = none` would say of one level."""
    return judge_leak([at_s for at_s, _ in readings], [level for _, level in readings], sizes).answer


def main() -> int:
    """0: all right; 1: something was wrong; 4: not measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leak_processes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long each process runs (%(default)s)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the readings of each process to a file there")
    arguments = parser.parse_args()
    found = figures(max(SHORTEST_S, arguments.seconds), arguments.keep)
    print(table(found))
    return 1 if any(each.reached is False for each in found) else 4 if any(each.median is None for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())

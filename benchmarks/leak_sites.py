"""Does `loadstone.inside` name what leaks? Ten planted leaks, each in a service that is otherwise healthy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import planted
from benchmarks.figures import Bound, Figure
from benchmarks.rounds import Options, Outcome
from loadstone.inside import Watcher

WARM_UP, REQUESTS = 300, 1000
TOP = 3


def measure(_: Options) -> Iterator[Figure]:
    """One pass: nothing in it depends on time."""
    either = Figure("planted leaks whose type or line is among the first three, of 10", "", Bound(least=9))
    by_type, by_line = Figure("… by type alone (no tracing)"), Figure("… by line alone (tracing)")
    found = {service.__name__: named(service) for service in planted.PLANTED}
    for name, (type_named, line_named) in found.items():
        if not (type_named and line_named):
            print(f"  {name}: {'type' if type_named else 'line' if line_named else 'nothing'} only", file=sys.stderr)
    either.add(Outcome(float(sum(any(each) for each in found.values()))))
    by_type.add(Outcome(float(sum(each[0] for each in found.values()))))
    by_line.add(Outcome(float(sum(each[1] for each in found.values()))))
    yield from (either, by_type, by_line)


def named(kind: type[Any]) -> tuple[bool, bool]:
    """Whether the leaking type, and the leaking line, are among the first three that a checkpoint names."""
    service, bustle, watcher = kind(), planted.Bustle(), Watcher()
    watcher.trace()
    try:
        for number in range(WARM_UP):
            serve(service, bustle, number)
        watcher.checkpoint()
        for number in range(WARM_UP, WARM_UP + REQUESTS):
            serve(service, bustle, number)
        grown = watcher.checkpoint()
    finally:
        watcher.untrace()
        getattr(service, "close", lambda: None)()
    types, sites = [each["name"] for each in grown["types"]][:TOP], [each["site"] for each in grown["sites"]][:TOP]
    return any(each.endswith(planted.PLANTED[kind]) for each in types), line_of(kind) in sites


def serve(service: Any, bustle: planted.Bustle, number: int) -> None:
    """One request to the leaking part and one to the healthy one."""
    service.handle(number)
    bustle.handle(number)


def line_of(kind: type[Any]) -> str:
    """Where the leak is marked in the source."""
    lines = Path(planted.__file__).read_text().splitlines()
    return f"{planted.__file__}:{1 + next(number for number, line in enumerate(lines) if line.endswith(f'# leak: {kind.__name__}'))}"

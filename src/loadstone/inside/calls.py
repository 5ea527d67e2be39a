"""Times two functions in turns, in a process of its own: `python -m loadstone.inside.calls module:first module:second`.

A line of JSON on its input is a pair: whose turns come when, and how many timings a turn has; a line of JSON on its output is what
they took, in ns per thousand calls. A timing is a batch of calls that takes at least a thousand times what the clock can tell apart.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

PER_CALLS = 1000  # calls to which timings are scaled, so that whole ns are fine enough for the shortest function
RESOLUTIONS = 1000  # of the clock, in a batch
WARM_UP = 5  # batches that nobody sees: the interpreter specialises code that runs often
MOST_CALLS = 1 << 24

Batch = Callable[[int], int]


def resolution_ns(looks: int = 2000) -> int:
    """The least time that the clock tells apart: of two readings one after the other."""
    clock = time.perf_counter_ns
    least = 1 << 62
    for _ in range(looks):
        began = now = clock()
        while now == began:
            now = clock()
        least = min(least, now - began)
    return least


def found(text: str) -> Callable[[], Any]:
    """The function that `package.module:name` names; raises LookupError with a sentence."""
    module, _, name = text.partition(":")
    if not module or not name:
        raise LookupError(f"{text!r} names no function: module:function")
    try:
        value: Any = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"{text}: {error}") from error
    if not callable(value):
        raise LookupError(f"{text} cannot be called")  # noqa: TRY004  told to a user as a wrong name
    return value  # type: ignore[no-any-return]


def batch_of(function: Callable[[], Any], runner: asyncio.Runner) -> Batch:
    """A batch of so many calls, one after another, and the ns it took; of coroutines inside one running loop."""
    if not inspect.iscoroutinefunction(function):

        def batch(calls: int) -> int:
            began = time.perf_counter_ns()
            for _ in range(calls):
                function()
            return time.perf_counter_ns() - began

        return batch

    async def awaited(calls: int, function: Callable[[], Awaitable[Any]] = function) -> int:
        began = time.perf_counter_ns()
        for _ in range(calls):
            await function()
        return time.perf_counter_ns() - began

    return lambda calls: runner.run(awaited(calls))


def calls_for(batch: Batch, least_ns: int) -> int:
    """Calls in a batch that takes at least so long; the batch is warm afterwards."""
    calls = 1
    while batch(calls) < least_ns and calls < MOST_CALLS:
        calls *= 2
    for _ in range(WARM_UP):
        batch(calls)
    return calls


def turn(batch: Batch, calls: int, timings: int) -> list[int]:
    """So many timings, in ns per thousand calls; nothing is collected inside."""
    gc.collect()
    gc.disable()
    try:
        return [batch(calls) * PER_CALLS // calls for _ in range(timings)]
    finally:
        gc.enable()


def main(words: Sequence[str]) -> int:
    """Serve pairs until the input ends."""
    told = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the functions print is not part of the answer
    sys.path.insert(0, str(Path.cwd()))

    def tell(**fields: Any) -> None:
        told.write(json.dumps(fields) + "\n")

    with asyncio.Runner() as runner:
        name = ""
        try:
            least_ns = RESOLUTIONS * resolution_ns()
            batches, calls = {}, {}
            for key, name in zip("AB", words, strict=True):
                batches[key] = batch_of(found(name), runner)
                calls[key] = calls_for(batches[key], least_ns)
            tell(calls=calls, least_ns=least_ns)
            for line in sys.stdin:
                asked = json.loads(line)
                times = {}
                for arm in asked["order"]:
                    name = words["AB".index(arm[0])]
                    times[arm] = turn(batches[arm[0]], calls[arm[0]], asked["timings"])
                tell(times=times)
        except LookupError as error:
            tell(error=str(error))
        except Exception as error:  # noqa: BLE001  whatever a user's function raises is told, not thrown
            tell(error=f"{name} raised {type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

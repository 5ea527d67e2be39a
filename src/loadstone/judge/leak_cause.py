"""Why memory grows: what rises with it, and what comes back when it is asked for.

The order of the questions is the order of certainty: a count that rises is a fact; what comes back after a collection or a trim
was no leak of reachable objects; only what is left is told apart by where the memory was taken from. CPython keeps objects of up to
512 bytes in blocks of its own arenas (mappings) and takes everything larger from the C library's heap: so blocks alone mean small
objects, heap alone native code or large objects (a trace tells which), and neither means a mapping.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

BLOCK_BYTES = 512
WINDOWS = 12
WARM_UP = 2  # windows
LEAST_BYTES, LEAST_SHARE = 2e6, 0.02
LEAST_TRACED_BYTES = 5e5
LEAST_DESCRIPTORS, LEAST_THREADS, LEAST_TASKS = 10, 5, 10
STEADY = 0.7
MOST_OF = 0.5
PLATEAU = 0.2
HOLDS_BYTES = 65_536  # a small object seldom keeps more than this alive outside of its block
TOP = 3

Readings = Sequence[tuple[float, float]]


class Cause(StrEnum):
    """What grows, in words that end the sentence "memory grows because of …"."""

    PYTHON_OBJECTS = "Python objects"
    NATIVE = "native memory"
    MAPPED = "mapped memory"
    CYCLES = "cycles that wait for the garbage collector"
    FRAGMENTATION = "fragmentation"
    DESCRIPTORS = "descriptors"
    THREADS = "threads"
    TASKS = "tasks that do not end"
    CACHE = "a cache that is full"
    NOTHING = "nothing: it does not grow"
    UNKNOWN = "something that was not watched"


@dataclass(frozen=True, slots=True)
class Watched:
    """Levels over the load, each as (time s, level); empty where nobody read it. Bytes, or numbers."""

    memory: Readings
    heap: Readings = ()
    heap_free: Readings = ()
    blocks: Readings = ()
    descriptors: Readings = ()
    threads: Readings = ()
    tasks: Readings = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """One moment: resident bytes, blocks, and bytes of the heap in use; None where nobody could tell."""

    memory: float | None
    blocks: float | None = None
    heap: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The load at rest: as it is, after a collection, after a trim of the heap (None where it cannot be trimmed)."""

    before: Sizes
    collected: Sizes
    trimmed: Sizes | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """Growth in bytes between two checkpoints with tracing: of what Python allocated, and of the heap less the tracer's own part.

    The heap and not resident memory, because a checkpoint takes some for a moment.
    """

    allocated: float
    heap: float


@dataclass(frozen=True, slots=True)
class LeakCause:
    """The cause, what speaks for it, the first three types and lines that grew, and the name of the processes that did."""

    cause: Cause
    evidence: tuple[str, ...]
    types: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    process: str = ""

    def __str__(self) -> str:
        parts = [f"{self.cause}: {'; '.join(self.evidence)}"]
        parts += [f"process: {self.process}"] if self.process else []
        parts += [f"types: {', '.join(self.types)}"] if self.types else []
        parts += [f"lines: {', '.join(self.sites)}"] if self.sites else []
        return ". ".join(parts)


@dataclass(frozen=True, slots=True)
class Rise:
    """How a level went after its warm-up.

    base, grown: at the beginning, and how much more at the end
    late_share:  rate of the last third as a share of the whole's; below 0.2 it has come to rest
    steady:      share of the windows that are above the one before
    """

    base: float = 0.0
    grown: float = 0.0
    late_share: float = 0.0
    steady: float = 0.0
    known: bool = False


@dataclass(slots=True)
class _Case:
    memory: Rise
    heap: Rise
    free: Rise
    blocks: Rise
    settled: Settled | None
    traced: Traced | None
    evidence: list[str] = field(default_factory=list)

    def says(self, cause: Cause, *evidence: str) -> Cause:
        self.evidence += evidence
        return cause


def leak_cause(
    watched: Watched,
    settled: Settled | None = None,
    traced: Traced | None = None,
    types: Sequence[str] = (),
    sites: Sequence[str] = (),
    process: str = "",
) -> LeakCause:
    """The cause of growth, from what was watched; never an error, whatever is missing.

    types, sites: what grew, most first, as `loadstone.inside` tells it
    process:      whose memory grew, by name
    """
    case = _Case(rise(watched.memory), rise(watched.heap), rise(watched.heap_free), rise(watched.blocks), settled, traced)
    cause = _counted(case, rise(watched.descriptors), rise(watched.threads), rise(watched.tasks)) or _memory(case)
    return LeakCause(cause, tuple(case.evidence), tuple(types[:TOP]), tuple(sites[:TOP]), process)


def rise(readings: Readings) -> Rise:
    """How a level went: medians of twelve windows, the first two left out as warm-up; unknown below 24 readings."""
    values = [value for _, value in readings]
    if len(values) < 2 * WINDOWS:
        return Rise()
    edges = [round(number * len(values) / WINDOWS) for number in range(WINDOWS + 1)]
    levels = [statistics.median(values[begin:end]) for begin, end in itertools.pairwise(edges)][WARM_UP:]
    grown, third = levels[-1] - levels[0], len(levels) // 3
    late = levels[-1] - levels[-1 - third]
    late_share = late / third * (len(levels) - 1) / grown if grown else 0.0
    steps = [after > before for before, after in itertools.pairwise(levels)]
    return Rise(levels[0], grown, late_share, sum(steps) / len(steps), known=True)


def _counted(case: _Case, descriptors: Rise, threads: Rise, tasks: Rise) -> Cause | None:
    """Threads and tasks before descriptors: one that hangs often holds a socket, a socket never holds one of them."""
    if threads.grown >= LEAST_THREADS and threads.steady >= STEADY and threads.late_share >= PLATEAU:
        return case.says(Cause.THREADS, f"threads from {threads.base:g} to {threads.base + threads.grown:g}")
    if tasks.grown >= LEAST_TASKS and tasks.steady >= STEADY and tasks.late_share >= PLATEAU:
        return case.says(Cause.TASKS, f"tasks from {tasks.base:g} to {tasks.base + tasks.grown:g}")
    if descriptors.grown >= LEAST_DESCRIPTORS and descriptors.steady >= STEADY and descriptors.late_share >= PLATEAU:
        return case.says(Cause.DESCRIPTORS, f"descriptors from {descriptors.base:g} to {descriptors.base + descriptors.grown:g}")
    return None


def _memory(case: _Case) -> Cause:
    memory = case.memory
    if not memory.known:
        return case.says(Cause.UNKNOWN, f"memory was read fewer than {2 * WINDOWS} times")
    if memory.grown < max(LEAST_BYTES, LEAST_SHARE * memory.base):
        return case.says(Cause.NOTHING, f"memory went from {_mb(memory.base)} to {_mb(memory.base + memory.grown)}")
    case.evidence.append(f"memory grew by {_mb(memory.grown)}")
    return _came_back(case) or _at_rest(case) or _taken_from(case)


def _came_back(case: _Case) -> Cause | None:
    settled = case.settled
    if settled is None:
        return None
    blocks, memory = _fall(settled.before.blocks, settled.collected.blocks), _fall(settled.before.memory, settled.collected.memory)
    if case.blocks.grown > 0 and blocks >= MOST_OF * case.blocks.grown and blocks * BLOCK_BYTES >= MOST_OF * case.memory.grown:
        return case.says(Cause.CYCLES, f"a collection gave back {blocks:,.0f} of {case.blocks.grown:,.0f} blocks")
    if memory >= MOST_OF * case.memory.grown:
        return case.says(Cause.CYCLES, f"a collection gave back {_mb(memory)}")
    heap = _fall(settled.before.heap, settled.collected.heap)
    if heap >= MOST_OF * case.memory.grown:  # large objects: the heap has them back, and the process still has the heap
        return case.says(Cause.CYCLES, f"a collection gave back {_mb(heap)} of the heap")
    trimmed = _fall(settled.collected.memory, settled.trimmed.memory) if settled.trimmed is not None else 0.0
    held = not case.free.known or case.free.grown >= MOST_OF * case.memory.grown  # what was free from the start is no growth
    if held and trimmed >= MOST_OF * case.memory.grown:
        return case.says(Cause.FRAGMENTATION, f"a trim of the heap gave back {_mb(trimmed)}")
    return None


def _at_rest(case: _Case) -> Cause | None:
    if case.memory.late_share < PLATEAU:
        return case.says(Cause.CACHE, "the last third of the time added next to nothing")
    return None


def _taken_from(case: _Case) -> Cause:
    memory, heap, blocks, traced = case.memory, case.heap, case.blocks, case.traced
    if traced is not None and traced.heap >= LEAST_TRACED_BYTES:
        share = traced.allocated / traced.heap
        case.evidence.append(f"while traced, Python's own allocations were {min(share, 1.0):.0%} of what the heap grew by")
        if share >= MOST_OF:
            return Cause.PYTHON_OBJECTS
    blocks_rise = blocks.known and blocks.grown > 0 and blocks.steady >= STEADY
    if blocks_rise and blocks.grown * BLOCK_BYTES >= MOST_OF * memory.grown:
        return case.says(Cause.PYTHON_OBJECTS, f"{blocks.grown:,.0f} more blocks of the interpreter")
    if blocks_rise and traced is None and blocks.grown * HOLDS_BYTES >= memory.grown and heap.grown > 0:
        return case.says(Cause.PYTHON_OBJECTS, f"{blocks.grown:,.0f} more blocks, and {_mb(heap.grown)} more of the heap that they hold")
    if heap.known and heap.grown >= MOST_OF * memory.grown:
        doubt = "" if traced is not None else "; large Python objects look the same until allocations are traced"
        return case.says(Cause.NATIVE, f"the heap grew by {_mb(heap.grown)}, the interpreter's blocks hardly{doubt}")
    if heap.known and blocks.known:
        return case.says(
            Cause.MAPPED, f"neither the heap ({_mb(heap.grown)}) nor the interpreter's blocks ({blocks.grown:+,.0f}) explain it"
        )
    missing = " and ".join(name for name, each in (("the heap", heap), ("the interpreter's blocks", blocks)) if not each.known)
    return case.says(Cause.UNKNOWN, f"{missing} was not watched")


def _fall(before: float | None, after: float | None) -> float:
    return before - after if before is not None and after is not None else 0.0


def _mb(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"

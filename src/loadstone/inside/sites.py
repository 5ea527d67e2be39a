"""Allocations by line, with tracemalloc: only while asked for, because it makes an application several times slower."""

from __future__ import annotations

import functools
import sysconfig
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FRAMES = 4
_OWN = str(Path(__file__).parent)


class Line(NamedTuple):
    """A place in a file."""

    filename: str
    lineno: int

    def __str__(self) -> str:
        return f"{self.filename}:{self.lineno}"


def start_tracing(frames: int = FRAMES) -> None:
    """Trace allocations from now on; those made earlier stay unknown. More frames cost more and see further up the stack."""
    if not tracemalloc.is_tracing():
        _libraries()  # looked up before, so that its own allocations are not traced
        tracemalloc.start(frames)


def stop_tracing() -> None:
    """Forget all traces."""
    tracemalloc.stop()


def tracing() -> bool:
    """Are allocations traced now."""
    return tracemalloc.is_tracing()


def traced_bytes() -> dict[str, int]:
    """What Python allocated since the tracing began and still holds, and what the tracer itself takes."""
    return {"traced_bytes": tracemalloc.get_traced_memory()[0], "tracer_bytes": tracemalloc.get_tracemalloc_memory()}


def count_sites() -> dict[tuple[str, str], tuple[int, int]]:
    """(line, line inside a library or "") -> bytes and pieces that are still there."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for each in tracemalloc.take_snapshot().statistics("traceback"):
        # tracemalloc keeps the oldest of the kept frames first.
        frames = [Line(frame.filename, frame.lineno) for frame in reversed(each.traceback)]
        if any(frame.filename.startswith(_OWN) or frame.filename == tracemalloc.__file__ for frame in frames):
            continue
        key = named(frames)
        size, pieces = found.get(key, (0, 0))
        found[key] = size + each.size, pieces + each.count
    return found


def named(frames: Sequence[Line]) -> tuple[str, str]:
    """The nearest line of the application, and the library's line that took the memory for it.

    frames: innermost first. A line of asyncio or logging says nothing about who leaks.
    """
    inner = str(frames[0])
    nearest = next((frame for frame in frames if not is_library(frame.filename)), None)
    if nearest is None or nearest == frames[0]:
        return inner, ""
    return str(nearest), inner


@functools.cache
def _libraries() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(sorted(f"{path}/" for path in paths if path))


@functools.lru_cache(4096)
def is_library(filename: str) -> bool:
    """The standard library, an installed package, or code without a file."""
    return filename.startswith((*_libraries(), "<"))

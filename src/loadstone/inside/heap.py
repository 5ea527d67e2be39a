"""The heap of the C library: what it has handed out, and what it holds back from the system.

With glibc 2.33 and newer it is `mallinfo2` and `malloc_trim`, called through ctypes: the calls that `psutil.heap_info` and
`psutil.heap_trim` (7.2 and newer) make, without importing psutil into the application, and with the free bytes that those leave
out. Elsewhere (macOS, Windows) psutil is asked. Where neither can tell there is no heap to speak of: None, never 0.
source: mallinfo(3), malloc_trim(3)
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

MALLINFO = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class Heap(NamedTuple):
    """Bytes of one moment.

    used_bytes:   handed out to native code and to Python objects above 512 bytes; smaller ones live in arenas of the
                  interpreter, which are mappings and no part of this
    mapped_bytes: the part of it in mappings of its own (single allocations of 128 kB and more)
    free_bytes:   given back by the program and kept by the library; None where it does not say
    """

    used_bytes: int
    mapped_bytes: int
    free_bytes: int | None


def read_heap() -> Heap | None:
    """The heap now, in about 2 µs; None where nobody can tell."""
    reading, _ = _calls()
    return reading() if reading is not None else None


def trim_heap() -> bool:
    """Give free memory back to the system; False where that cannot be asked for."""
    _, trimming = _calls()
    if trimming is None:
        return False
    trimming()
    return True


@functools.cache
def _calls() -> tuple[Callable[[], Heap] | None, Callable[[], Any] | None]:
    return _of_glibc() or _of_psutil() or (None, None)


def _of_glibc() -> tuple[Callable[[], Heap], Callable[[], Any]] | None:
    if sys.platform != "linux":
        return None
    import ctypes

    class Mallinfo2(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in MALLINFO]

    try:
        library = ctypes.CDLL(None)
        mallinfo2, malloc_trim = library.mallinfo2, library.malloc_trim
    except (OSError, AttributeError):  # musl, or an older glibc, whose mallinfo wraps at 2 GB
        return None
    mallinfo2.restype, mallinfo2.argtypes = Mallinfo2, ()
    malloc_trim.restype, malloc_trim.argtypes = ctypes.c_int, (ctypes.c_size_t,)

    def reading() -> Heap:
        info = mallinfo2()
        return Heap(info.uordblks + info.hblkhd, info.hblkhd, info.fordblks)

    return reading, lambda: malloc_trim(0)


def _of_psutil() -> tuple[Callable[[], Heap], Callable[[], Any]] | None:
    try:
        import psutil

        info, trimming = psutil.heap_info, psutil.heap_trim
        info()
    except (ImportError, AttributeError, OSError):
        return None

    def reading() -> Heap:
        found = info()
        return Heap(found.heap_used + found.mmap_used, found.mmap_used, None)

    return reading, trimming

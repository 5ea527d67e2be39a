"""Memory that Python's own allocator does not know: the C library's heap, and mappings."""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress

from loadstone.errors import UsageError

_BYTE = 0xA5
_PRIVATE = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)


class Heap:
    """malloc, free and malloc_trim of the C library that this process runs on. Raises UsageError where it cannot be reached."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(None)
            self._malloc, self._realloc, self._free = library.malloc, library.realloc, library.free
        except (OSError, TypeError, AttributeError):
            raise UsageError("the C library's heap cannot be reached on this system", hint="leak_kind: large or mmap") from None
        self._malloc.restype, self._malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
        self._realloc.restype, self._realloc.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_size_t)
        self._free.restype, self._free.argtypes = None, (ctypes.c_void_p,)
        self._trim = getattr(library, "malloc_trim", None)

    def take(self, size: int) -> int:
        """The address of so many bytes, all of them written. Raises MemoryError."""
        address: int | None = self._malloc(size)
        if address is None:
            raise MemoryError(size)
        ctypes.memset(address, _BYTE, size)
        return address

    def take_behind(self, size: int, kept: int) -> int:
        """A block of `kept` bytes where one of `size` would lie: cut down in place, so it fills no hole that is too small for `size`."""
        address: int | None = self._malloc(size)
        if address is None:
            raise MemoryError(size)
        cut: int | None = self._realloc(address, kept)
        return address if cut is None else cut

    def give_back(self, address: int) -> None:
        """Free what `take` gave."""
        self._free(address)

    def trim(self) -> None:
        """Hand free pages back to the system, where the library can."""
        if self._trim is not None:
            self._trim(0)


def trim_heap() -> None:
    """Hand free pages of the heap back to the system, where that can be done: what fills them later is seen to grow."""
    with suppress(UsageError):
        Heap().trim()


def mapped(size: int) -> mmap.mmap:
    """An anonymous mapping of so many bytes, one written in each page, so that all of it is resident. Raises OSError."""
    pages = mmap.mmap(-1, size, flags=_PRIVATE) if _PRIVATE else mmap.mmap(-1, size)
    pages[0 : size : mmap.PAGESIZE] = bytes([_BYTE]) * -(-size // mmap.PAGESIZE)
    return pages

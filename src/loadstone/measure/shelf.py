"""What a run keeps of itself until its end, outside of our memory: in a file without a name, which is gone with the process."""

from __future__ import annotations

import contextlib
import io
import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterator
from typing import IO, Generic, TypeVar

Thing = TypeVar("Thing")


class Shelf(Generic[Thing]):
    """Things that can be pickled, in the order in which they were put on; each is made anew when it is looked at.

    Where no temporary file can be made, or its disk is full, they are kept in memory: a run must not end for that.
    """

    def __init__(self) -> None:
        self._ends = array("q")
        self._file: IO[bytes]
        try:
            self._use(tempfile.TemporaryFile(prefix="loadstone-", buffering=0))  # noqa: SIM115  it is closed with the shelf
        except OSError:
            self._use(io.BytesIO())

    def put(self, thing: Thing) -> None:
        """One more, behind the others."""
        content = pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            self._write(content)
        except OSError:
            self._move_to_memory()
            self._write(content)
        self._ends.append(self._size + len(content))

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[Thing]:
        began = 0
        for end in self._ends:
            yield pickle.loads(self._read(began, end))  # noqa: S301  nobody else can write there
            began = end

    @property
    def _size(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _write(self, content: bytes) -> None:
        self._file.seek(self._size)
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _read(self, began: int, end: int) -> bytes:
        self._file.seek(began)
        found = b""
        while len(found) < end - began:
            part = self._file.read(end - began - len(found))
            if not part:
                raise OSError("a temporary file has become shorter than it was")
            found += part
        return found

    def _move_to_memory(self) -> None:
        before = self._file
        self._use(io.BytesIO(self._read(0, self._size)))
        with contextlib.suppress(OSError):
            before.close()

    def _use(self, file: IO[bytes]) -> None:
        self._file = file
        weakref.finalize(self, file.close)

"""What a run keeps of itself until its end, outside of our memory: in a file without a name, which is gone with the process."""

from __future__ import annotations

import contextlib
import io
import tempfile
import weakref
from collections.abc import Iterator
from typing import IO, Generic, TypeVar

Label = TypeVar("Label")


class Shelf(Generic[Label]):
    """Byte strings with a label each, in the order in which they were put on.

    Where no temporary file can be made, or its disk is full, they are kept in memory: a run must not end for that.
    """

    def __init__(self) -> None:
        self._places: list[tuple[Label, int]] = []  # with where each ends
        self._size = 0
        self._file: IO[bytes]
        try:
            self._use(tempfile.TemporaryFile(prefix="loadstone-", buffering=0))  # noqa: SIM115  it is closed with the shelf
        except OSError:
            self._use(io.BytesIO())

    def put(self, label: Label, content: bytes) -> None:
        """One more, behind the others."""
        try:
            self._write(content)
        except OSError:
            self._move_to_memory()
            self._write(content)
        self._size += len(content)
        self._places.append((label, self._size))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[Label, bytes]]:
        began = 0
        for label, end in self._places:
            yield label, self._read(began, end)
            began = end

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

"""What a run keeps of itself outside of memory, and what happens where there is no room for it."""

from __future__ import annotations

import io
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.measure.shelf import Shelf


class Full(io.BytesIO):
    """A file on a disk that has room for so many bytes."""

    room = 0

    def write(self, data: Any) -> int:
        part = bytes(data)[: max(0, self.room - self.tell())]
        if not part:
            raise OSError(28, "No space left on device")
        return super().write(part)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_everything_comes_back_in_its_order(contents: list[bytes]) -> None:
    shelf = Shelf[bytes]()
    for content in contents:
        shelf.put(content)
    assert list(shelf) == contents
    assert len(shelf) == len(contents)


@pytest.mark.parametrize("room", [0, 1, 30, 45, 80])
def test_what_a_full_disk_does_not_take_is_kept_in_memory(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(Full, "room", room)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_asked: Full())
    shelf = Shelf[str]()
    for text in ("twenty letters or so", "twenty more of these", "and twenty after them"):
        shelf.put(text)
    assert list(shelf) == ["twenty letters or so", "twenty more of these", "and twenty after them"]


def test_a_machine_without_a_folder_for_temporary_files_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_asked: object) -> io.BytesIO:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    shelf = Shelf[str]()
    shelf.put("here")
    assert list(shelf) == ["here"]

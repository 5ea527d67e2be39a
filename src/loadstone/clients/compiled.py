"""The usual exchange in C, where that part was built: functions that are there twice, and which of the two are in use.

`_compiled.c` has twins of a few functions of the wire, the connection and the HTTP client. What they do is the same, as
tests/clients/test_both_ways.py holds; only their price differs. Decision 0011.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

PURE = "LOADSTONE_PURE"  # any text: in Python, though there may be a compiled part; nothing is compiled at installation either
COMPILED, PYTHON = "compiled", "python"
NOT_BUILT = "the compiled part was not built: with a C compiler and Python's headers (apt-get install gcc python3-dev), install again"
OUTDATED = "the compiled part was built from another version of its source: install again"
UNWANTED = f"{PURE} is set"


class Twins:
    """Functions that are there twice. `way` says which are in use, `why` why they are not the compiled ones."""

    def __init__(self) -> None:
        self.way, self.why = PYTHON, NOT_BUILT
        self._places: tuple[tuple[type, str], ...] = ()
        self._functions: dict[str, tuple[Any, ...]] = {}
        self._built: Any = None

    def bind(self, places: tuple[tuple[type, str], ...], classes: tuple[type, ...]) -> None:
        """Put the compiled functions in their places, if they can be had; classes: as `bind` in `_compiled.c` takes them."""
        self._places = places
        self._functions[PYTHON] = tuple(vars(cls)[name] for cls, name in places)
        for (cls, name), function in zip(places, self._functions[PYTHON], strict=True):
            setattr(cls, f"{name.lstrip('_')}_in_python", function)  # what the twin calls when something is out of the ordinary
        self._built, self.why = _load()
        if self._built is not None:
            self._functions[COMPILED] = self._built.bind(*classes)
            self.use(COMPILED)

    @property
    def ways(self) -> tuple[str, ...]:
        """Those that can be used."""
        return tuple(self._functions)

    def use(self, way: str) -> None:
        """Go this way from now on; for connections that are open already it is too late."""
        for (cls, name), function in zip(self._places, self._functions[way], strict=True):
            setattr(cls, name, function)
        self.way = way

    @property
    def turn(self) -> Callable[[int, dict[int, Callable[[int], None]]], None] | None:
        """The compiled turn of a poll set: its descriptor, and handlers by descriptor."""
        found: Callable[[int, dict[int, Callable[[int], None]]], None] | None = self._built.turn if self.way == COMPILED else None
        return found


def _load() -> tuple[Any, str]:
    if os.environ.get(PURE):
        return None, UNWANTED
    try:
        from loadstone.clients import _compiled  # type: ignore[attr-defined,unused-ignore]  # there or not
    except ImportError:
        return None, NOT_BUILT
    return (None, OUTDATED) if _is_outdated(_compiled.SOURCE, Path(__file__).parent) else (_compiled, "")


def _is_outdated(built_from: str, folder: Path) -> bool:
    """Was it built from other text than lies beside it? Only an editable installation has the text: hatch_build.py."""
    if not (folder / "_compiled.c").exists():
        return False
    import hashlib

    text = b"".join(path.read_bytes() for path in sorted(folder.glob("_compiled*.[ch]")))
    return hashlib.sha256(text).hexdigest()[:16] != built_from


twins = Twins()

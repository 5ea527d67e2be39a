"""Objects by type: everything that the garbage collector tracks, counted. 270 ms for a few million objects, so on request only."""

from __future__ import annotations

import gc
from collections import Counter
from types import CoroutineType, FunctionType, GeneratorType
from typing import Any

_CALLS = (FunctionType, CoroutineType, GeneratorType)


def count_types() -> dict[str, int]:
    """How many objects of each type the collector tracks.

    Not among them: bytes, text and numbers, which hold no references; a leak of those shows as its container, as a line that
    allocates (`sites`), and in the heap.
    """
    objects = gc.get_objects()
    counts = Counter(map(type, objects))
    named: Counter[str] = Counter()
    for kind in _CALLS:  # ten thousand closures are told by the function that made them
        if counts.pop(kind, 0):
            named.update(_call_name(each) for each in objects if type(each) is kind)
    del objects
    for each, count in counts.items():
        named[type_name(each)] += count
    return dict(named)


def _call_name(call: Any) -> str:
    module = getattr(call, "__module__", None) or getattr(getattr(call, "cr_frame", None), "f_globals", {}).get("__name__", "?")
    return f"{type(call).__name__} {module}.{call.__qualname__}"


def type_name(each: type) -> str:
    """`module.Name`; built-in types and those of the interpreter go by their name alone."""
    module = getattr(each, "__module__", "builtins")
    return each.__qualname__ if module == "builtins" or not isinstance(module, str) else f"{module}.{each.__qualname__}"

"""Pools of connections, workers or anything else: how large, how much of it in use."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

from loadstone.errors import UsageError

SIZES = ("size", "get_size")
IN_USE = ("checkedout", "in_use")
IDLE = ("get_idle_size", "idle")


class PoolLevel(NamedTuple):
    """One pool of one moment; in_use is None where the pool does not say."""

    name: str
    size: float
    in_use: float | None


_registered: dict[str, weakref.ref[Any]] = {}


def register_pool(name: str, pool: Any) -> None:
    """Watch any object with `size` and `checkedout` (attributes or methods), as SQLAlchemy's pools have, or `get_size` and
    `get_idle_size`, as asyncpg's have. It is held weakly; a second pool of the name takes the place of the first.

    raises: UsageError for an object without a size
    """
    if _number(pool, SIZES) is None:
        raise UsageError(
            f"the pool {name!r} is a {type(pool).__name__}, which does not say its size", hint=f"an object with {' or '.join(SIZES)}"
        )
    _registered[name] = weakref.ref(pool)


def read_pools() -> Iterator[PoolLevel]:
    """All that live, in the order of their registration; one that cannot be read just now is left out."""
    for name, reference in tuple(_registered.items()):
        pool = reference()
        if pool is None:
            del _registered[name]
            continue
        size = _number(pool, SIZES)
        if size is None:
            continue
        in_use, idle = _number(pool, IN_USE), _number(pool, IDLE)
        yield PoolLevel(name, size, size - idle if in_use is None and idle is not None else in_use)


def _number(pool: Any, names: tuple[str, ...]) -> float | None:
    """The first of these attributes, or what it answers; None when there is none or it is no number."""
    for name in names:
        found = getattr(pool, name, None)
        if found is None:
            continue
        try:
            return float(found() if callable(found) else found)
        except Exception:  # noqa: BLE001, S112  somebody else's code: a pool that fails is not read, and breaks nothing
            continue
    return None

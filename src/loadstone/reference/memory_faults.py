"""What is wrong with the backend's memory and other things it holds: what can be asked for, and all of it in force."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from loadstone.errors import UsageError
from loadstone.reference.leaks import COUNTED_KINDS, KINDS, MOST_COUNTED, Leaks
from loadstone.reference.memory_shapes import LARGEST_HOLE, Fragments, Linger, Plateau, SawTooth, Shape, Sized
from loadstone.reference.raw_memory import trim_heap
from loadstone.reference.switch_values import one_of, period, read_values, shown, size, whole
from loadstone.units import parse_size


@dataclass(frozen=True, slots=True)
class MemoryFaults:
    """What requests leave behind; docs/reference.md has the meaning and the exactness of each.

    leak:     bytes at each `leak_every`-th request; of descriptors, sockets, threads and tasks how many
    plateau:  bytes a cache grows to, bytes of an entry
    fragment: bytes of the first hole, and of all together at most (0: no such limit)
    sawtooth: bytes, seconds of a period
    linger:   bytes that each request leaves, seconds without requests after which all of it goes
    """

    leak: int = 0
    leak_kind: str = "large"
    leak_every: int = 1
    plateau: Sized | None = None
    fragment: Sized | None = None
    sawtooth: Sized | None = None
    linger: Sized | None = None

    @property
    def any(self) -> bool:
        """Does anything happen to memory at all?"""
        return bool(self.leak or self.plateau or self.fragment or self.sawtooth or self.linger)

    def as_json(self) -> dict[str, Any]:
        """The form that reads back to the same faults."""
        values = {known.name: getattr(self, known.name) for known in fields(self)}
        return {name: str(value) if isinstance(value, Sized) else shown(value) for name, value in values.items()}


def read_memory_faults(asked: Mapping[str, Any], where: str) -> MemoryFaults:
    """The faults that a mapping asks for; null leaves one off. Raises UsageError."""
    faults = MemoryFaults(**read_values(asked, _READ, _DEFAULT, where))
    if faults.leak_kind in COUNTED_KINDS and faults.leak > MOST_COUNTED:
        what = f"{faults.leak} {faults.leak_kind} a request are more than {MOST_COUNTED}"
        raise UsageError(what, where=f"{where}.leak", hint="1; with leak_every=10 one in ten requests leaks")
    if faults.plateau and faults.plateau.other > faults.plateau.size:
        raise UsageError("an entry is larger than the whole cache", where=f"{where}.plateau", hint="50MB,50kB")
    return faults


class Memory:
    """All of these faults in force. Others in their place end all but the leaks, which stay until `give_back`."""

    def __init__(self) -> None:
        self.leaks = Leaks()
        self._shapes: dict[str, Shape] = {}

    def use(self, faults: MemoryFaults, now: float) -> None:
        """Put other faults in force, from now. Raises UsageError, and changes nothing, when this system cannot do one."""
        if faults.any:
            trim_heap()
        shapes: dict[str, Shape] = {}
        if faults.plateau:
            shapes["plateau"] = Plateau(faults.plateau.size, int(faults.plateau.other))
        if faults.fragment:
            shapes["fragment"] = Fragments(faults.fragment.size, faults.fragment.other or math.inf)
        if faults.sawtooth:
            shapes["sawtooth"] = SawTooth(faults.sawtooth.size, faults.sawtooth.other, now)
        if faults.linger:
            shapes["linger"] = Linger(faults.linger.size, faults.linger.other)
        self.leaks.use(faults.leak_kind, faults.leak, faults.leak_every)
        for shape in self._shapes.values():
            shape.give_back()
        self._shapes = shapes

    def request(self, now: float) -> None:
        """One more request."""
        self.leaks.request()
        for shape in self._shapes.values():
            with suppress(OSError, MemoryError):  # the system has no more to give; what is held is told
                shape.request(now)

    def pass_time(self, now: float) -> None:
        """So late it is: what is let go without a request is let go."""
        for shape in self._shapes.values():
            with suppress(OSError, MemoryError):
                shape.pass_time(now)

    def give_back(self) -> None:
        """End all of it, leaks too."""
        self.leaks.give_back()
        for shape in self._shapes.values():
            shape.give_back()
        self._shapes = {}

    def as_json(self) -> dict[str, Any]:
        """What is held, and of shapes what has been let go."""
        shapes = {name: {"held_bytes": shape.held, "freed_bytes": shape.freed} for name, shape in self._shapes.items()}
        return {"leaked": asdict(self.leaks.leaked), **shapes}


def _holes(value: Any, where: str) -> Sized | None:
    """`20kB`, or with an end `20kB,8MB`."""
    first, _, most = str(value).partition(",")
    hole, limit = _hole(first if "," in str(value) else value, where), size(most.strip(), where) if most else 0
    if limit and limit < hole:
        raise UsageError("the first hole is larger than all together", where=f"{where}.fragment", hint="20kB,8MB")
    return Sized(hole, limit, str(value)) if hole else None


def _hole(value: Any, where: str) -> int:
    hole = size(value, where)
    if hole and not 2000 <= hole <= LARGEST_HOLE:
        raise UsageError(f"{value!r} is not a size from 2 kB to {LARGEST_HOLE // 1000} kB", where=where, hint="20kB")
    return hole


def _pair(apart: str, other: Callable[[Any, str], float], hint: str) -> Callable[[Any, str], Sized]:
    def read(value: Any, where: str) -> Sized:
        first, found, second = value.partition(apart) if isinstance(value, str) else ("", "", "")
        if not found:
            raise UsageError(f"{value!r} is not two values with {apart!r} between them", where=where, hint=hint)
        amount, rest = parse_size(first), other(second.strip(), where)
        if amount < 1 or rest <= 0:
            raise UsageError(f"{value!r} has a part that is nothing", where=where, hint=hint)
        return Sized(amount, rest, value)

    return read


_DEFAULT = MemoryFaults()
_READ: dict[str, Callable[[Any, str], Any]] = {
    "leak": size,
    "leak_kind": one_of(*KINDS),
    "leak_every": whole(1, 1_000_000),
    "plateau": _pair(",", size, "50MB,50kB: up to 50 MB, in entries of 50 kB"),
    "fragment": _holes,
    "sawtooth": _pair("@", period, "20MB@10s: 20 MB, let go each 10 s"),
    "linger": _pair("@", period, "100kB@10s: 100 kB a request, let go 10 s after the last"),
}
MEMORY_KEYS = tuple(_READ)

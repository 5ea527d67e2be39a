"""Faults with exact known amounts: what can be asked for, in JSON and on the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

from loadstone.errors import UsageError
from loadstone.reference.delays import Delay, parse_delay
from loadstone.reference.instances import SCALING_KEYS, ScalingFaults, read_scaling_faults
from loadstone.reference.memory_faults import MEMORY_KEYS, MemoryFaults, read_memory_faults
from loadstone.reference.pool import POOL_KEYS, PoolFaults, read_pool_faults
from loadstone.units import PER_SECONDS, parse_duration, parse_rate, parse_share

KNOWN = (
    *("latency", "drift", "error_rate", "error_status", "capacity", "queue", "stall", "paths", "seed"),
    *MEMORY_KEYS,
    *POOL_KEYS,
    *SCALING_KEYS,
)
# Whoever switches faults must always get through; health is spared unless it is named.
NEVER_FAULTY = ("/faults", "/stats", "/simulator", "/sockets")
SPARED_BY_DEFAULT = (*NEVER_FAULTY, "/health", "/metrics")
DEFAULT_QUEUE = 10_000


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing is answered from `at_s` for `for_s` seconds; `at_s` counts from the moment the faults took effect."""

    for_s: float
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Seconds of latency added for each second since the faults took effect, written "5ms/m"."""

    ratio: float
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Faults:
    """Everything that is wrong with the backend, on purpose.

    error_rate:     exact share of requests that are answered with `error_status`
    capacity_per_s: one server that takes exactly 1/capacity s for each request; None is unlimited
    queue:          requests that may wait for that server; the next is answered 503 at once
    drift:          latency that grows
    memory:         what requests leave behind
    pool, scaling:  a bounded pool of connections, and workers that scale
    paths:          prefixes the faults apply to; empty is every path but /health, /faults and /stats
    """

    latency: Delay | None = None
    error_rate: Fraction = Fraction(0)
    error_status: int = 500
    capacity_per_s: float | None = None
    queue: int = DEFAULT_QUEUE
    stalls: tuple[Stall, ...] = ()
    drift: Drift | None = None
    memory: MemoryFaults = field(default_factory=MemoryFaults)
    pool: PoolFaults = field(default_factory=PoolFaults)
    scaling: ScalingFaults = field(default_factory=ScalingFaults)
    paths: tuple[str, ...] = ()
    seed: int = 0

    @property
    def any(self) -> bool:
        """Is anything wrong at all?"""
        queues = self.capacity_per_s or self.pool.pool or self.scaling.instances
        return bool(self.latency or self.drift or self.error_rate or queues or self.stalls or self.memory.any)

    def touches(self, path: str) -> bool:
        """Do the faults apply to requests for this path?"""
        if path.startswith(NEVER_FAULTY):
            return False
        return path.startswith(self.paths) if self.paths else not path.startswith(SPARED_BY_DEFAULT)

    def as_json(self) -> dict[str, Any]:
        """The form that `read_faults` reads back to the same faults."""
        return {
            "latency": str(self.latency) if self.latency else None,
            "error_rate": float(self.error_rate),
            "error_status": self.error_status,
            "capacity": self.capacity_per_s,
            "queue": self.queue,
            "stall": ",".join(stall.text for stall in self.stalls) or None,
            "drift": str(self.drift) if self.drift else None,
            "paths": list(self.paths),
            "seed": self.seed,
            **self.memory.as_json(),
            **self.pool.as_json(),
            **self.scaling.as_json(),
        }


def read_faults(asked: Mapping[str, Any], *, where: str = "faults") -> Faults:
    """The faults that a mapping of names to texts or numbers asks for; null leaves a fault off.

    raises: UsageError for an unknown name or a value that cannot be used; nothing is taken half
    """
    unknown = [name for name in asked if name not in KNOWN]
    if unknown:
        raise UsageError(f"unknown fault {unknown[0]!r}; known: {', '.join(KNOWN)}", where=where, hint='{"error_rate": "1%"}')
    given = {name: value for name, value in asked.items() if value is not None}
    if "capacity" in given and "instances" in given:
        raise UsageError("capacity and instances both say who does the work", where=f"{where}.instances", hint="keep one of them")

    def group(keys: tuple[str, ...]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if name in keys}

    try:
        return Faults(
            latency=parse_delay(given["latency"], where=f"{where}.latency") if "latency" in given else None,
            error_rate=Fraction(str(parse_share(given.get("error_rate", 0)))),
            error_status=_whole(given, "error_status", 500, least=400, greatest=599, where=where),
            capacity_per_s=_capacity(given["capacity"], where) if "capacity" in given else None,
            queue=_whole(given, "queue", DEFAULT_QUEUE, least=0, greatest=1_000_000, where=where),
            stalls=_stalls(given.get("stall", ""), where),
            drift=_drift(given["drift"], where) if "drift" in given else None,
            memory=_in_use(read_memory_faults(group(MEMORY_KEYS), where), "leak", ("leak_kind", "leak_every"), where),
            pool=_in_use(read_pool_faults(group(POOL_KEYS), where), "pool", POOL_KEYS[1:], where),
            scaling=_in_use(read_scaling_faults(group(SCALING_KEYS), where), "instances", SCALING_KEYS[1:], where),
            paths=_paths(given.get("paths", ()), where),
            seed=_whole(given, "seed", 0, least=0, greatest=2**63, where=where),
        )
    except UsageError as error:
        raise UsageError(error.what, where=error.where or where, hint=error.hint) from None


def _whole(given: Mapping[str, Any], name: str, default: int, *, least: int, greatest: int, where: str) -> int:
    value = given.get(name, default)
    try:
        number = int(value)
        if isinstance(value, bool) or number != float(value) or not least <= number <= greatest:
            raise ValueError(value)
    except (ValueError, TypeError):
        raise UsageError(f"{value!r} is not a whole number from {least} to {greatest}", where=f"{where}.{name}") from None
    return number


_Group = TypeVar("_Group", MemoryFaults, PoolFaults, ScalingFaults)


def _in_use(faults: _Group, main: str, details: tuple[str, ...], where: str) -> _Group:
    """The same faults, unless they say how without saying that: nothing would happen, which nobody can have meant."""
    default = type(faults)()
    if not getattr(faults, main):
        for name in details:
            if getattr(faults, name) != getattr(default, name):
                raise UsageError(f"{name} says nothing without {main}", where=f"{where}.{name}", hint=_HINTS[main])
    return faults


_HINTS = {"leak": "leak=10kB, or leak=1 of what is counted", "pool": "pool=10", "instances": "instances=1-8"}


def _drift(value: Any, where: str) -> Drift | None:
    amount, slash, unit = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not slash or unit.strip() not in PER_SECONDS:
        raise UsageError(f"{value!r} is not a drift of latency", where=f"{where}.drift", hint="5ms/m: 5 ms more with each minute")
    ratio = parse_duration(amount) / PER_SECONDS[unit.strip()]
    return Drift(ratio, value) if ratio else None


def _capacity(value: str | float, where: str) -> float:
    rate = parse_rate(value)
    if rate == 0:
        raise UsageError("a capacity of 0/s would never answer", where=f"{where}.capacity", hint="100/s, or a stall")
    return rate


def _stalls(text: Any, where: str) -> tuple[Stall, ...]:
    if not isinstance(text, str):
        raise UsageError(f"{text!r} is not a stall", where=f"{where}.stall", hint="5s@30s: for 5 s, 30 s from now")
    stalls = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        duration, at, start = part.partition("@")
        if not at:
            raise UsageError(f"{part!r} does not say when", where=f"{where}.stall", hint="5s@30s: for 5 s, 30 s from now")
        stalls.append(Stall(parse_duration(duration), parse_duration(start), part))
    stalls.sort(key=lambda stall: stall.at_s)
    for before, after in pairwise(stalls):
        if after.at_s < before.at_s + before.for_s:
            raise UsageError(f"stalls {before.text} and {after.text} overlap", where=f"{where}.stall")
    return tuple(stalls)


def _paths(value: Any, where: str) -> tuple[str, ...]:
    paths = tuple(value.split(",")) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else None
    if paths is None or not all(isinstance(path, str) and path.startswith("/") for path in paths):
        raise UsageError(f"{value!r} is not a list of paths", where=f"{where}.paths", hint='["/api/"]')
    return paths

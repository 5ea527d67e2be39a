"""A process tree as a probe: what the target takes of the machine while it is under load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.resources import PROCESS
from loadstone.plan.probe import ProbePlan
from loadstone.probes import procfs
from loadstone.probes.container import Limits, limits_of
from loadstone.probes.network import Interfaces
from loadstone.probes.probe import Readings
from loadstone.probes.process_choice import CGROUPS, Choice
from loadstone.probes.process_depth import ASKED_SHARE, SHARE, MemoryShares, Sockets, Switches, namespace
from loadstone.probes.process_tree import Grown, GrownCpu, Tree

T = TypeVar("T")
SETTINGS = {"memory", "name"}
MOST_NAMES = 10  # of processes, each with a memory of its own; what comes after those is told together
LIMITS_EVERY = 10  # readings: limits of containers seldom change


class ProcessProbe:
    """Reads /proc; see docs/probes.md. What may not be read is named in `probe.unreadable` and never told as 0.

    proc, cgroups: where the kernel shows its files
    """

    def __init__(self, plan: ProbePlan, target: str, *, proc: str = procfs.PROC, cgroups: str = CGROUPS) -> None:  # noqa: ARG002  a probe's call
        self._choice = Choice.read(plan.watches)
        for key in plan.settings:
            if key not in SETTINGS:
                raise UsageError(f"unknown setting {key!r}", where=f"probe {self._choice}", hint=f"one of {', '.join(sorted(SETTINGS))}")
        self._pss = plan.settings.get("memory", "rss") == "pss"
        if plan.settings.get("memory", "rss") not in {"rss", "pss"}:
            raise UsageError("memory is counted as rss or as pss", where=f"probe {self._choice}", hint="memory: pss")
        self.name = str(plan.settings.get("name") or self._choice)
        names = {name for name, *_ in PROCESS}
        self.metrics = tuple(metric for metric in BUILT_IN if metric.name in names)
        self._proc, self._cgroups = proc, cgroups
        self._clock: Callable[[], int] = now_ns

    def open(self, clock: Callable[[], int]) -> None:
        """See Probe."""
        proc, self._clock = self._proc, clock
        self._tree = Tree(self._choice, proc, self._cgroups)
        self._cpu, self._read_ns, self._looks = GrownCpu(), 0, 0
        self._minor, self._major, self._in, self._out = Grown(), Grown(), Grown(), Grown()
        self._shares = MemoryShares(proc, ASKED_SHARE if self._pss else SHARE, clock)
        self._switches, self._sockets = Switches(proc, clock), Sockets(proc, clock)
        self._names: set[str] = set()
        self._open_files: dict[int, int | None] = {}
        self._limits = Limits()
        self._periods: tuple[int, int] | None = None
        self._interfaces: Interfaces | None = None

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        stats = self._tree.look()
        readings.at_ns = self._clock()
        seconds, self._read_ns = (readings.at_ns - self._read_ns) / SECOND, readings.at_ns

        def tell(metric: str, value: float | None, /, **tags: str) -> None:
            if value is not None:
                readings.gauge(metric, value, probe=self.name, **tags)

        def rate(metric: str, grown: float | None, /, **tags: str) -> None:
            tell(metric, None if grown is None or seconds <= 0 else grown / seconds, **tags)

        tell("target.processes", len(stats))
        tell("target.threads", sum(stat.threads for stat in stats))
        tell("target.restarts", self._tree.restarts)
        ticks = self._cpu.of(stats, self._tree.fresh)
        rate("target.cpu", None if ticks is None else 100 * ticks / procfs.TICKS_PER_S)
        for kind, grown, now in (
            ("minor", self._minor, {stat.pid: stat.minor_faults for stat in stats}),
            ("major", self._major, {stat.pid: stat.major_faults for stat in stats}),
        ):
            rate("target.page_faults", grown.of(now, self._tree.fresh), kind=kind)
        self._tell_memory(stats, tell)
        self._tell_files(stats, tell, rate)
        tell("target.context_switches", self._switches.per_second(stats))
        for state, count in (self._sockets.by_state(stats) or {}).items():
            tell("target.connections", count, state=state)
        if self._sockets.hidden:
            tell("probe.unreadable", self._sockets.hidden, value="connections")
        self._tell_container(stats, tell)
        self._tell_network(stats, rate)
        self._looks += 1

    def close(self) -> None:
        """See Probe: nothing is held open."""

    def _tell_memory(self, stats: list[procfs.Stat], tell: Callable[..., None]) -> None:
        shares = self._shares.of(stats)
        if shares is not None:
            tell("target.pss", shares.pss)
            tell("target.uss", shares.uss)
            tell("target.swap", shares.swap)
        if self._shares.hidden:
            tell("probe.unreadable", self._shares.hidden, value="pss")
        rss = sum(stat.rss for stat in stats)
        tell("target.memory", rss if not self._pss else shares and shares.pss)
        by_name: Counter[str] = Counter()
        for stat in sorted(stats, key=lambda each: -each.rss):
            if stat.name not in self._names and len(self._names) < MOST_NAMES:
                self._names.add(stat.name)
            by_name[stat.name if stat.name in self._names else "others"] += stat.rss
        for name in (*self._names, "others"):
            if name in by_name or name != "others":
                tell("target.process_memory", by_name[name], process=name)

    def _tell_files(self, stats: list[procfs.Stat], tell: Callable[..., None], rate: Callable[..., None]) -> None:
        opened, hidden = _of_each(stats, lambda pid: procfs.descriptors(self._proc, pid))
        tell("target.descriptors", None if hidden else sum(opened.values()))
        if hidden:
            tell("probe.unreadable", hidden, value="descriptors")
        self._tell_descriptor_limit(stats, opened, tell)
        disk, hidden = _of_each(stats, lambda pid: procfs.disk_bytes(self._proc, pid))
        if hidden:
            tell("probe.unreadable", hidden, value="disk")
            return
        for metric, grown, column in (("target.disk_read", self._in, 0), ("target.disk_write", self._out, 1)):
            rate(metric, grown.of({pid: both[column] for pid, both in disk.items()}, self._tree.fresh))

    def _tell_descriptor_limit(self, stats: list[procfs.Stat], opened: dict[int, int], tell: Callable[..., None]) -> None:
        """Each process has a limit of its own: the one that is nearest to it is told beside the sum of all."""
        if self._looks % LIMITS_EVERY == 0 or not self._open_files.keys() >= opened.keys():
            self._open_files, _ = _of_each(stats, lambda pid: procfs.descriptor_limit(self._proc, pid))
        limits = {pid: limit for pid in opened if (limit := self._open_files.get(pid))}
        if limits:
            tell("target.descriptors_limit", sum(limits.values()))
            tell("target.descriptors_used", max(100 * opened[pid] / limit for pid, limit in limits.items()))

    def _tell_container(self, stats: list[procfs.Stat], tell: Callable[..., None]) -> None:
        if self._looks % LIMITS_EVERY == 0 or self._limits.memory_bytes or self._limits.cpu_percent:
            try:
                self._limits = limits_of(stats[0].pid, self._proc, self._cgroups)
            except OSError:
                return
        limits = self._limits
        tell("target.memory_limit", limits.memory_bytes)
        tell("target.cpu_limit", limits.cpu_percent)
        if limits.memory_bytes and limits.used_bytes is not None:
            tell("target.memory_limit_used", 100 * limits.used_bytes / limits.memory_bytes)
        before, self._periods = self._periods, limits.periods
        if before and limits.periods and limits.periods[0] > before[0]:
            tell("target.throttled", 100 * (limits.periods[1] - before[1]) / (limits.periods[0] - before[0]))

    def _tell_network(self, stats: list[procfs.Stat], rate: Callable[..., None]) -> None:
        """Linux counts traffic by network namespace: it is the target's own only where it has one of its own, as in a container."""
        if self._looks == 0:
            try:
                apart = namespace(self._proc, stats[0].pid) != namespace(self._proc, "self")
            except OSError:
                return
            self._interfaces = Interfaces(Path(self._proc, str(stats[0].pid), "net", "dev")) if apart else None
        both = self._interfaces.grown() if self._interfaces else None
        if both:
            rate("target.network_in", both[0])
            rate("target.network_out", both[1])


def _of_each(stats: Iterable[procfs.Stat], look: Callable[[int], T]) -> tuple[dict[int, T], int]:
    """PID -> what was found, without processes that ended meanwhile; and how many hide it."""
    found, hidden = {}, 0
    for stat in stats:
        try:
            found[stat.pid] = look(stat.pid)
        except PermissionError:
            hidden += 1
        except OSError:
            continue
    return found, hidden

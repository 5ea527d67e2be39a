"""What is dear to read of a process tree: shared memory shared out, context switches of all threads, sockets by state.

To read it the kernel walks through a process's whole memory, its threads or its descriptors, while the process may wait. So each of
these has an allowance, a share of one core: after a reading that took long the next one waits for as long as it takes to earn that.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from loadstone.clock import SECOND
from loadstone.probes import procfs
from loadstone.probes.process_choice import tcp_lines
from loadstone.probes.process_tree import Grown

SHARE = 0.001
ASKED_SHARE = 0.01  # when PSS is what memory is to mean
MOST_SOCKETS = 50_000
STATES = {
    "01": "established",
    "02": "syn_sent",
    "03": "syn_received",
    "04": "fin_wait_1",
    "05": "fin_wait_2",
    "06": "time_wait",
    "07": "closed",
    "08": "close_wait",
    "09": "last_ack",
    "0A": "listen",
    "0B": "closing",
}
OTHER = "other"  # Unix sockets, UDP, and those of the kernel's own


class Allowance:
    """A share of one core that may be spent, and when there is something to spend again."""

    def __init__(self, share: float, clock: Callable[[], int]) -> None:
        self._share, self._clock = share, clock
        self._next_ns = clock()

    def due(self) -> bool:
        """May something be spent now?"""
        return self._clock() >= self._next_ns

    def spent_since(self, begun_ns: int) -> None:
        """What was begun then has just ended."""
        now_ns = self._clock()
        self._next_ns = begun_ns + round((now_ns - begun_ns) / self._share)


class Shares(NamedTuple):
    """Memory of a process in bytes: its share of what it shares with others, what is its alone, and what was swapped out."""

    pss: int
    uss: int
    swap: int


class MemoryShares:
    """PSS, USS and swap of a tree, read process by process, the longest unread first."""

    def __init__(self, proc: str, share: float, clock: Callable[[], int]) -> None:
        self._proc, self._clock, self._allowance = proc, clock, Allowance(share, clock)
        self._known: dict[tuple[int, int], Shares] = {}  # in the order of reading
        self.hidden = 0

    def of(self, stats: Iterable[procfs.Stat]) -> Shares | None:
        """The sums over the tree, some of them from earlier readings; None until each process was read once, or while one hides it."""
        living = {(stat.pid, stat.start): stat for stat in stats}
        self._known = {key: known for key, known in self._known.items() if key in living}
        order = [*(key for key in living if key not in self._known), *self._known]
        if self._allowance.due():
            begun_ns = self._clock()
            self.hidden = 0
            for key in order:
                self._read(key)
                if self._clock() - begun_ns > _PORTION_NS:
                    break
            self._allowance.spent_since(begun_ns)
        if self.hidden or not living or len(self._known) < len(living):
            return None
        return Shares(*(sum(column) for column in zip(*self._known.values(), strict=True)))

    def _read(self, key: tuple[int, int]) -> None:
        self._known.pop(key, None)
        try:
            fields = procfs.pairs(procfs.read(f"{self._proc}/{key[0]}/smaps_rollup"))
        except PermissionError:
            self.hidden += 1
            return
        except OSError:
            return
        self._known[key] = Shares(
            1024 * fields.get("Pss", 0),
            1024 * (fields.get("Private_Clean", 0) + fields.get("Private_Dirty", 0)),
            1024 * fields.get("SwapPss", fields.get("Swap", 0)),
        )


_PORTION_NS = SECOND // 250  # 4 ms at once: a reading should not be late for it


class Switches:
    """Context switches of all threads per second, between two readings that may lie several readings apart."""

    def __init__(self, proc: str, clock: Callable[[], int]) -> None:
        self._proc, self._clock, self._allowance = proc, clock, Allowance(SHARE, clock)
        self._grown, self._read_ns = Grown(), 0
        self._seen: set[int] = set()

    def per_second(self, stats: Iterable[procfs.Stat]) -> float | None:
        """None when it was not read this time, and for the first reading."""
        if not self._allowance.due():
            return None
        begun_ns = self._clock()
        now = dict(self._threads(stats))
        grown = self._grown.of(now, now.keys() - self._seen)
        seconds, self._read_ns, self._seen = (begun_ns - self._read_ns) / SECOND, begun_ns, set(now)
        self._allowance.spent_since(begun_ns)
        return None if grown is None or seconds <= 0 else grown / seconds

    def _threads(self, stats: Iterable[procfs.Stat]) -> Iterable[tuple[int, int]]:
        for stat in stats:
            folder = f"{self._proc}/{stat.pid}/task"
            try:
                threads = [int(name) for name in os.listdir(folder)]  # noqa: PTH208  a Path for each of them costs ten times this
            except OSError:
                continue
            for thread in threads:
                try:
                    fields = procfs.pairs(procfs.read(f"{folder}/{thread}/status"))
                except OSError:
                    continue
                yield thread, fields.get("voluntary_ctxt_switches", 0) + fields.get("nonvoluntary_ctxt_switches", 0)


class Sockets:
    """How many sockets a tree holds, by their state."""

    def __init__(self, proc: str, clock: Callable[[], int]) -> None:
        self._proc, self._clock, self._allowance = proc, clock, Allowance(SHARE, clock)
        self._states = {"established"}
        self.hidden = 0

    def by_state(self, stats: Iterable[procfs.Stat]) -> dict[str, int] | None:
        """State -> sockets, each state that was ever seen among them; None when it was not read, or is hidden in part."""
        if not self._allowance.due():
            return None
        begun_ns = self._clock()
        held, namespaces = self._held(stats)
        states: Counter[str] = Counter()
        if not self.hidden and len(held) <= MOST_SOCKETS:
            for pid in namespaces.values():
                for line in tcp_lines(f"{self._proc}/{pid}/net"):
                    inode = int(line[9])
                    if inode in held:
                        held.discard(inode)
                        states[STATES.get(line[3], OTHER)] += 1
            states[OTHER] += len(held)
        self._allowance.spent_since(begun_ns)
        if self.hidden or not namespaces or len(held) > MOST_SOCKETS:
            return None
        self._states |= {state for state, count in states.items() if count}
        return {state: states[state] for state in sorted(self._states)}

    def _held(self, stats: Iterable[procfs.Stat]) -> tuple[set[int], dict[str, int]]:
        """The inodes of all sockets, and one process of each network namespace."""
        held, namespaces, self.hidden = set[int](), dict[str, int](), 0
        for stat in stats:
            try:
                held.update(procfs.socket_inodes(self._proc, stat.pid))
                namespaces.setdefault(namespace(self._proc, stat.pid), stat.pid)
            except PermissionError:
                self.hidden += 1
            except OSError:
                continue
        return held, namespaces


def namespace(proc: str, pid: int | str) -> str:
    """The name of a process's network namespace; empty where the system does not say."""
    try:
        return os.readlink(f"{proc}/{pid}/ns/net")  # noqa: PTH115  a Path costs ten times this
    except FileNotFoundError:
        return ""

"""What other programs on this machine took from the target and from the generator, second by second.

A thread that could run and had to wait for a processor is told by the kernel (/proc/PID/task/TID/schedstat, Documentation/scheduler
/sched-stats.rst: time on a processor, time in its queue, turns). Waiting alone accuses nobody: a target with more threads than
processors waits for itself. So what others took counts, too. What the generator waits is not asked here: its sends are stamped.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loadstone.clock import SECOND
from loadstone.plan.model import Plan
from loadstone.probes import procfs
from loadstone.probes.probe import NoReading
from loadstone.probes.process_choice import Choice
from loadstone.probes.process_tree import Tree

NOTICED = 0.05  # of that limit; many waits, each far shorter, are no late answer
PORTS = {"https": 443, "wss": 443}
CGROUPS = "/sys/fs/cgroup"
FOREIGN = 0.10  # processors; below it other programs are the system's usual murmur
STOLEN = 0.05  # of all processors, by the hypervisor
STRETCH = 1.10  # times as long as its work alone a process took
SATURATED = 0.80  # of a second in which a thread ran or could have run: hardly anything is left that makes up for waiting
SOON = 0.5  # of the least limit of time: waiting for that long in one second can break it
SHORTEST_S = 0.5
MOST_THREADS = 400  # reading them costs 10 µs each


@dataclass(frozen=True, slots=True)
class Strained:
    """A process and what it started, in one stretch of time.

    ran, waited: seconds of all threads, on a processor and in its queue
    busiest:     share of the time in which its busiest thread ran or waited to run, from 0 to 1
    longest:     seconds that the thread which waited most did so
    each:        of that thread, the seconds of one wait on average
    """

    ran: float
    waited: float
    busiest: float
    longest: float
    each: float

    def held_up(self, limit_s: float) -> bool:
        """Was it the waiting that made it late? A thread with time to spare makes up for short waits."""
        stretched = self.waited > (STRETCH - 1.0) * self.ran
        noticed = self.longest >= SOON * limit_s and self.each >= NOTICED * limit_s
        return stretched and (self.busiest >= SATURATED or noticed)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One second, about.

    foreign: processors that others used; None when nobody knows which processes are the target's
    stolen:  share of the machine that the hypervisor gave to others
    """

    foreign: float | None
    stolen: float
    target: Strained | None
    generator: Strained | None

    def spoilt(self, limit_s: float) -> str:
        """Why this second says nothing about the target; empty when it does.

        limit_s: the least response time that an objective allows
        """
        if self.stolen >= STOLEN:
            return f"the hypervisor took {self.stolen:.0%} of this machine"
        if self.target is None or not self.crowded or not self.target.held_up(limit_s):
            return ""
        return f"the target waited {self.target.waited:.2f} s in a second for a processor, while {self.others}"

    @property
    def crowded(self) -> bool:
        """Did others use processors that matter?"""
        return self.foreign is not None and self.foreign >= FOREIGN

    @property
    def others(self) -> str:
        """What they used, in words."""
        return f"other programs used {self.foreign or 0.0:.1f} of {os.cpu_count() or 1}"


class Contention:
    """Read once a second; tells what happened since the reading before.

    target: its processes; none when it is not on this machine, or unknown
    """

    def __init__(
        self, target: Sequence[Choice], proc: str = procfs.PROC, own: Choice | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._proc, self._clock = proc, clock
        self._target = _Group(target, proc)
        self._own = _Group([own or Choice("pid", str(os.getpid()))], proc)
        self._before_s, self._machine = clock(), self._ticks()

    def look(self) -> Stretch | None:
        """Since the last look; None where the system does not say, or so soon after it that ticks of 10 ms say nothing."""
        now_s = self._clock()
        if now_s - self._before_s < SHORTEST_S:
            return None
        machine = self._ticks()
        lasted_s, before = now_s - self._before_s, self._machine
        self._before_s, self._machine = now_s, machine
        own = self._own.look(lasted_s)
        target = self._target.look(lasted_s)
        if machine is None or before is None:
            return None
        busy_s, stolen, whole = (now - then for now, then in zip(machine, before, strict=True))
        ours_s = sum(each.ran for each in (own, target) if each is not None)
        foreign = max(0.0, busy_s - ours_s) / lasted_s if target is not None else None
        return Stretch(foreign, stolen / whole if whole else 0.0, target, own)

    def _ticks(self) -> tuple[float, float, float] | None:
        """Seconds of all processors at work, stolen, and altogether, since the machine's start."""
        try:
            fields = [int(field) for field in Path(self._proc, "stat").read_text().split("\n", 1)[0].split()[1:9]]
        except (OSError, ValueError):
            return None
        user, nice, system, _idle, _wait, hard, soft, stolen = fields
        return (user + nice + system + hard + soft) / procfs.TICKS_PER_S, stolen, sum(fields)


def processes_of(plan: Plan) -> list[Choice]:
    """The target's processes on this machine: those that the plan watches, and whoever listens on its port."""
    found = [Choice.read(probe.watches) for probe in plan.probes if probe.kind == "process"]
    parts = urlsplit(plan.target or "")
    if parts.hostname and (parts.hostname == "localhost" or _is_loopback(parts.hostname)):
        found.append(Choice("port", str(parts.port or PORTS.get(parts.scheme, 80))))
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Counters = dict[tuple[int, str], tuple[int, int, int]]  # of each thread: ns on a processor, ns in its queue, turns


class _Group:
    """Processes, what they started, and the counters of their threads."""

    def __init__(self, choices: Sequence[Choice], proc: str) -> None:
        self._proc, self._trees = proc, [Tree(choice, proc, CGROUPS) for choice in choices]
        self._before: Counters | None = None

    def look(self, lasted_s: float) -> Strained | None:
        now = self._threads()
        before, self._before = self._before, now
        if now is None or before is None:
            return None
        grown = []
        for thread, counters in now.items():
            ran, waited, turns = (max(0, value - then) for value, then in zip(counters, before.get(thread, (0, 0, 0)), strict=True))
            grown.append((ran / SECOND, waited / SECOND, turns))
        busiest = max(ran + waited for ran, waited, _ in grown) / lasted_s
        _, longest, turns = max(grown, key=lambda each: each[1])
        return Strained(sum(ran for ran, _, _ in grown), sum(each[1] for each in grown), busiest, longest, longest / max(1, turns))

    def _threads(self) -> Counters | None:
        found: Counters = {}
        for pid in self._processes():
            folder = f"{self._proc}/{pid}/task"
            try:
                for thread in os.listdir(folder):  # noqa: PTH208  half the price of a Path per thread
                    ran, waited, turns = procfs.read(f"{folder}/{thread}/schedstat").split()
                    found[pid, thread] = int(ran), int(waited), int(turns)
            except (OSError, ValueError):  # it ended meanwhile, or this kernel does not count that
                continue
            if len(found) > MOST_THREADS:
                return None
        return found or None

    def _processes(self) -> set[int]:
        found: set[int] = set()
        for tree in self._trees:
            with contextlib.suppress(NoReading):
                found.update(process.pid for process in tree.look())
        return found

"""A tree of processes that come and go: who belongs to it now, and how much its counters grew."""

from __future__ import annotations

from collections.abc import Mapping

from loadstone.probes import procfs
from loadstone.probes.probe import NoReading
from loadstone.probes.process_choice import Choice
from loadstone.probes.process_renewal import Renewals

LOOK_AGAIN = 30  # readings after which the parents of all processes are read afresh, and names looked up again


class Tree:
    """The chosen processes and everything that they started.

    A process stays in the tree when its parent ends; a PID that was given to another process (its start differs) is out.
    fresh:    members that began since the look before
    restarts: how often the chosen processes had all ended and others were found in their place, or one that they started was replaced
    """

    def __init__(self, choice: Choice, proc: str, cgroups: str) -> None:
        self._choice, self._proc, self._cgroups = choice, proc, cgroups
        self._members: dict[int, int] = {}  # PID -> start
        self._parents: dict[int, int] = {}
        self._listed: set[int] = set()
        self._looks = 0
        self._begun = False
        self.fresh: set[int] = set()
        self.restarts = 0
        self._renewals = Renewals(proc)

    def look(self) -> list[procfs.Stat]:
        """Who is there now; raises NoReading when nobody is."""
        try:
            listed = set(procfs.pids(self._proc))
        except OSError:
            raise NoReading("other", f"this system has no {self._proc}") from None
        self.fresh = listed - self._listed if self._listed else set()
        self._listed = listed
        living = self._living()
        again = self._looks % LOOK_AGAIN == 0
        if self._choice.by == "cgroup" or not living or (again and self._choice.by == "name"):
            living = self._with_chosen(living)
        if self._choice.by != "cgroup":
            self._with_children(listed, living, afresh=again)
        self._looks += 1
        self._members = {pid: stat.start for pid, stat in living.items()}
        self.restarts += self._renewals.see(living)
        if not living:
            raise NoReading("gone", f"{self._choice}: no such process")
        return list(living.values())

    def _living(self) -> dict[int, procfs.Stat]:
        stats = ((start, procfs.stat(self._proc, pid)) for pid, start in self._members.items())
        return {stat.pid: stat for start, stat in stats if stat and not stat.ended and stat.start == start}

    def _with_chosen(self, living: dict[int, procfs.Stat]) -> dict[int, procfs.Stat]:
        """The chosen processes, looked up afresh. A PID is a promise about one process: once it has ended, its number says nothing."""
        if self._choice.by == "pid" and self._begun:
            return living
        chosen = self._choice.find(self._proc, self._cgroups)
        stats = {pid: stat for pid in chosen if (stat := living.get(pid) or procfs.stat(self._proc, pid)) and not stat.ended}
        if stats and not living and self._begun:
            self.restarts += 1
        self._begun = self._begun or bool(stats)
        return stats if self._choice.by == "cgroup" else {**living, **stats}

    def _with_children(self, listed: set[int], living: dict[int, procfs.Stat], *, afresh: bool) -> None:
        """Add what members started; only processes not seen before are read, so that a full machine costs little."""
        known = {} if afresh else {pid: parent for pid, parent in self._parents.items() if pid in listed and pid not in self.fresh}
        seen: dict[int, procfs.Stat] = {}
        for pid in listed:
            if pid not in known and (stat := living.get(pid) or procfs.stat(self._proc, pid)):
                known[pid], seen[pid] = stat.parent, stat
        self._parents = known
        waiting = [pid for pid, parent in known.items() if pid not in living and (pid in seen or parent in living)]
        found = True
        while found:  # a child may stand before its parent
            found = False
            for pid in waiting:
                if pid in living or known[pid] not in living:
                    continue
                stat = seen.get(pid) or procfs.stat(self._proc, pid)
                if stat and not stat.ended:
                    living[pid] = stat
                    found = True


class Grown:
    """How much counters of members grew from one look to the next, all together; members that ended take their last stretch along."""

    def __init__(self) -> None:
        self._before: Mapping[int, int] | None = None

    def of(self, now: Mapping[int, int], fresh: set[int]) -> int | None:
        """now: PID -> counter; fresh: those that began since, whose whole counter is growth; None for the first look."""
        before, self._before = self._before, dict(now)
        if before is None:
            return None
        return sum(max(0, value - before[pid]) if pid in before else value if pid in fresh else 0 for pid, value in now.items())


class GrownCpu:
    """CPU ticks of a tree between two looks, children included that began and ended in between.

    Those are in what their parents waited for. What was already counted of a child that ended is taken off again, and never
    more than was waited for: a child that nobody waits for keeps what was seen of it.
    """

    def __init__(self) -> None:
        self._own, self._before = Grown(), dict[int, tuple[int, int]]()

    def of(self, stats: list[procfs.Stat], fresh: set[int]) -> int | None:
        """None for the first look."""
        own = self._own.of({stat.pid: stat.own for stat in stats}, fresh)
        now = {stat.pid: (stat.own, stat.waited) for stat in stats}
        before, self._before = self._before, now
        if own is None:
            return None
        waited = sum(now[pid][1] - before[pid][1] for pid in now.keys() & before.keys())
        waited += sum(now[pid][1] for pid in now.keys() & fresh - before.keys())
        seen = sum(sum(before[pid]) for pid in before.keys() - now.keys())
        return own + max(0, waited - seen)

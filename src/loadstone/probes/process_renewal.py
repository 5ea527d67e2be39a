"""Workers that a supervisor starts in place of others: gunicorn's after so many requests, PHP-FPM's, uvicorn's after they died."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loadstone.probes import procfs
from loadstone.probes.process_choice import listening_inodes

SETTLED = 2  # looks until a worker has the socket that its parent hands on
LASTING = 5  # looks; what lives shorter was made for a task
AT_ONCE = 2  # looks within which a supervisor starts the next


@dataclass(slots=True)
class _Worker:
    """kind: its parent and its name; serves: it listens on a socket of its parent's."""

    kind: tuple[int, str]
    looks: int = 0
    serves: bool = False


class Renewals:
    """Sees the members of a tree at each look, and says when a worker was replaced.

    A worker listens where its parent does. A database's process for each connection does not, nor does a tool that is started for a
    task: that these come and go is no restart. Where sockets may not be looked into, nobody is a worker.
    """

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._known: dict[tuple[int, int], _Worker] = {}  # PID and start
        self._owed: dict[tuple[int, str], int] = {}  # of a kind one ended: looks that its parent has left

    def see(self, members: Mapping[int, procfs.Stat]) -> bool:
        """Was one replaced since the look before?"""
        before = self._known
        self._known = {
            (pid, stat.start): before.get((pid, stat.start)) or _Worker((stat.parent, stat.name)) for pid, stat in members.items()
        }
        self._owed = {kind: left - 1 for kind, left in self._owed.items() if left > 1}
        ended = [before[key] for key in before.keys() - self._known.keys()]
        self._owed |= {worker.kind: AT_ONCE for worker in ended if worker.serves and worker.looks >= LASTING}
        renewed = self._owed.keys() & {self._known[key].kind for key in self._known.keys() - before.keys()}
        for kind in renewed:
            del self._owed[kind]
        for (pid, _), worker in self._known.items():
            worker.looks += 1
            if worker.looks == SETTLED and worker.kind[0] in members:
                worker.serves = self._listens_with(pid, worker.kind[0])
        return bool(renewed)

    def _listens_with(self, pid: int, parent: int) -> bool:
        try:
            shared = set(procfs.socket_inodes(self._proc, pid)) & set(procfs.socket_inodes(self._proc, parent))
        except OSError:
            return False
        return bool(shared and shared & listening_inodes(f"{self._proc}/{pid}/net"))

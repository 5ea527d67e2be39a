"""Processes that a supervisor starts in place of others: gunicorn's workers after so many requests, a pool's after so many tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loadstone.probes import procfs

LASTING = 5  # looks; what lives shorter was made for a task, and is no worker
AT_ONCE = 2  # looks within which a supervisor starts the next


@dataclass(slots=True)
class _Worker:
    """kind: its parent and their common program; None for a child that runs another one, such as a tool for a task."""

    kind: tuple[int, str] | None
    looks: int = 0


class Renewals:
    """Sees the members of a tree at each look, and says when one was replaced.

    Replaced is a process that ran its parent's program and lasted, when its parent starts the same again at once.
    """

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._workers: dict[tuple[int, int], _Worker] = {}  # PID and start
        self._owed: dict[tuple[int, str], int] = {}  # of a kind one ended: looks that its parent has left

    def see(self, members: Mapping[int, procfs.Stat]) -> bool:
        """Was one replaced since the look before?"""
        before, first = self._workers, not self._workers
        self._workers = {(pid, stat.start): before.get((pid, stat.start)) or self._worker(stat, members) for pid, stat in members.items()}
        self._owed = {kind: left - 1 for kind, left in self._owed.items() if left > 1}
        for key in before.keys() - self._workers.keys():
            if (kind := before[key].kind) is not None and before[key].looks >= LASTING:
                self._owed[kind] = AT_ONCE
        fresh = set() if first else {self._workers[key].kind for key in self._workers.keys() - before.keys()}
        renewed = fresh & self._owed.keys()
        for kind in renewed:
            del self._owed[kind]
        for worker in self._workers.values():
            worker.looks += 1
        return bool(renewed)

    def _worker(self, stat: procfs.Stat, members: Mapping[int, procfs.Stat]) -> _Worker:
        parent = members.get(stat.parent)
        program = self._program(stat) if parent is not None else ""
        return _Worker((stat.parent, program) if parent is not None and program == self._program(parent) else None)

    def _program(self, stat: procfs.Stat) -> str:
        return procfs.program(self._proc, stat.pid) or stat.name

"""How near generator and targets come to what their processors give, while they are loaded in turns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import psutil

from loadstone.clock import SECOND, now_ns

SHORTEST_S = 0.3  # of slices together: the kernel tells processes' time in ticks of 10 ms


class Strain:
    """The greatest share of the processor time open to it that the generator or a target took in its slices.

    spent: by arm, the processor seconds of its target so far and the processors it may use at once; None where nobody can know
    """

    def __init__(self, spent: Mapping[str, Callable[[], tuple[float, int] | None]]) -> None:
        self._spent = spent
        self.begin()

    def begin(self) -> None:
        """Forget what was; targets that were started anew count from zero."""
        self._slices_s = dict.fromkeys(self._spent, 0.0)
        self._own_s = 0.0
        self._before = {arm: spent() for arm, spent in self._spent.items()}

    def slice(self, arm: str) -> Callable[[], None]:
        """A slice of this arm begins now; what is answered ends it."""
        began_ns, own_s = now_ns(), time.process_time()

        def end() -> None:
            self._slices_s[arm] += (now_ns() - began_ns) / SECOND
            self._own_s += time.process_time() - own_s

        return end

    def look(self) -> float | None:
        """The share since the last look that had an answer, from 0 to 1; None while slices were too short to say."""
        whole = sum(self._slices_s.values())
        if min(self._slices_s.values()) < SHORTEST_S:
            return None
        shares = [self._own_s / whole]  # one thread
        for arm, spent in self._spent.items():
            now, before = spent(), self._before[arm]
            if now is not None and before is not None:
                shares.append((now[0] - before[0]) / self._slices_s[arm] / now[1])
        self.begin()
        return min(1.0, max(0.0, *shares))


def spent_by(pid: int) -> tuple[float, int] | None:
    """Processor seconds of a process and those it started, and how many processors they can use if each has one busy thread."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
        times = [process.cpu_times() for process in family]
    except psutil.Error:
        return None
    return sum(each.user + each.system for each in times), min(len(family), os.cpu_count() or 1)

"""How busy the whole machine was since the last look: one read of /proc/stat."""

from __future__ import annotations

from pathlib import Path

IDLE, IOWAIT, GUEST = 3, 4, 8
FEWEST_TICKS = 50  # of all processors together: the kernel counts in ticks of 10 ms, and fewer of them say nothing


class CpuShare:
    """The share of all processors' time that somebody used or a hypervisor took; inside a container still the machine's.

    stat: where the kernel tells it
    """

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._before = self._read()

    def look(self) -> float | None:
        """Share from 0 to 1 since the last look that had an answer; None while too little time has passed, or nothing is told."""
        now = self._read()
        if now is None or self._before is None:
            self._before = self._before or now
            return None
        whole, idle = now[0] - self._before[0], now[1] - self._before[1]
        if whole < FEWEST_TICKS:
            return None
        self._before = now
        return min(1.0, max(0.0, 1.0 - idle / whole))

    def _read(self) -> tuple[int, int] | None:
        """All ticks and idle ones; guests' time is in user time already (proc_stat(5))."""
        try:
            fields = self._stat.read_text().splitlines()[0].split()
            ticks = [int(field) for field in fields[1 : GUEST + 1]]
        except (OSError, ValueError, IndexError):
            return None
        return (sum(ticks), ticks[IDLE] + ticks[IOWAIT]) if fields[0] == "cpu" and len(ticks) > IOWAIT else None

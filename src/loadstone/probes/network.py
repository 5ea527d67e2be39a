"""Bytes through the interfaces of a network namespace."""

from __future__ import annotations

from pathlib import Path


class Interfaces:
    """The counters of /proc/net/dev, without the loopback.

    path: the file, which belongs to a namespace
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before: dict[str, tuple[int, int]] | None = None

    def grown(self) -> tuple[int, int] | None:
        """Bytes received and sent since the call before; None the first time, and when the file cannot be read.

        An interface that came in between begins at 0; one whose counter fell was set back.
        """
        try:
            lines = self._path.read_text().splitlines()
        except OSError:
            return None
        now = {}
        for line in lines[2:]:
            name, colon, rest = line.partition(":")
            fields = rest.split()
            if colon and len(fields) > 8 and name.strip() != "lo":
                now[name.strip()] = (int(fields[0]), int(fields[8]))
        before, self._before = self._before, now
        if before is None:
            return None
        columns = [[_growth(both[column], before.get(name, (0, 0))[column]) for name, both in now.items()] for column in (0, 1)]
        return sum(columns[0]), sum(columns[1])


def _growth(now: int, before: int) -> int:
    return now - before if now >= before else now

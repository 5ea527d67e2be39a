"""What the target took, one record for each second, as a table that spreadsheets and scripts read.

The columns are `timestamp cpu_percent memory_mb disk_io_read_mb disk_io_write_mb network_sent_mb network_recv_mb`. MB are millions of
bytes; disk and network are what went through in the time of the record. What nobody read is an empty field, never 0.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from loadstone.errors import UsageError
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot

MEGABYTE = 1e6
COLUMNS: Mapping[str, tuple[str, str]] = {  # column -> metric of the target's tree, and of the machine where there is none
    "cpu_percent": ("target.cpu", "machine.cpu"),
    "memory_mb": ("target.memory", "machine.memory"),
    "disk_io_read_mb": ("target.disk_read", "machine.disk_read"),
    "disk_io_write_mb": ("target.disk_write", "machine.disk_write"),
    "network_sent_mb": ("target.network_out", "machine.network_out"),
    "network_recv_mb": ("target.network_in", "machine.network_in"),
}


def resource_records(watched: Watched) -> ResourceRecords:
    """The sink `resources`; raises UsageError without a folder."""
    if watched.folder is None:
        raise UsageError("needs a folder to write to", where="--sink resources", hint="--out DIR")
    if not watched.plan.probes and not watched.plan.embedded:
        raise UsageError("nothing is watched that it could write", where="--sink resources", hint="--pid PID, or --probe machine")
    return ResourceRecords(watched.folder / f"resources_{watched.stamp}.csv")


class ResourceRecords:
    """The Sink that writes them; a record for each snapshot in which something was read.

    raises: UsageError when the file cannot be opened; OSError from `snapshot` when the disk is full
    """

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        try:
            self._file: TextIO | None = path.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write: {error.strerror or error}", where=str(path), hint="another --out directory") from error
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._now = now
        self._began: datetime | None = None
        self._writer.writerow(["timestamp", *COLUMNS])
        self._file.flush()

    def snapshot(self, snapshot: Snapshot) -> None:
        """See Sink. The time is the end of the record's second; seconds are counted from one start, so a clock that steps moves none."""
        if self._file is None:
            return
        if self._began is None:
            self._began = self._now() - timedelta(seconds=snapshot.end_s)
        values = record_of(snapshot)
        if any(values):
            time = self._began + timedelta(seconds=snapshot.end_s)
            self._writer.writerow([time.isoformat(timespec="milliseconds"), *values])
            self._file.flush()

    def close(self) -> None:
        """See Sink."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def record_of(snapshot: Snapshot) -> list[str]:
    """The texts of the columns after the time; empty for what nobody read."""
    return [_value(snapshot, column, snapshot.end_s - snapshot.start_s) for column in COLUMNS]


def _value(snapshot: Snapshot, column: str, seconds: float) -> str:
    """The mean of what was read in the second; several trees are added up."""
    for metric in COLUMNS[column]:
        found = [gauge.mean for series, gauge in snapshot.gauges.items() if series.metric == metric]
        if found:
            rate = column.startswith(("disk", "network"))
            value = sum(found) * (seconds if rate else 1) / (1 if column == "cpu_percent" else MEGABYTE)
            return f"{value:.3f}"
    return ""

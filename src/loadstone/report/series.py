"""The seconds of a run as JSON lines, written while it goes on: a killed run loses at most its last second.

Line 1 names the format, and holds what a report needs to be made again: the plan without its secrets, and when the run started.
Each further line is one snapshot; of runs longer than two hours several seconds together, so that a log has some 7,200 lines at
most. Histograms are the base64 of `Histogram.to_bytes`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from loadstone.errors import UsageError
from loadstone.load.control import Applied
from loadstone.load.control_record import applied_of, record_of
from loadstone.measure.aggregate import together
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

FORMAT = "loadstone.snapshots/1"
RESUMED = "resumed"  # the key of a line that is no snapshot: the run was continued here
CONTROLLED = "control"  # of another one: somebody changed the load
MOST_LINES = 7200
ENDLESS_S = 10.0  # in one line, of a run without an end
SLACK_S = 0.5


def log_name(stamp: str) -> str:
    """The file of a run's seconds."""
    return f"snapshots_{stamp}.jsonl"


def snapshot_log(watched: Watched) -> SnapshotLog:
    """The sink `log`; raises UsageError without a folder."""
    if watched.folder is None:
        raise UsageError("needs a folder to write to", where="--sink log", hint="--out DIR")
    path, every_s = watched.folder / log_name(watched.stamp), line_s(watched.duration_s)
    if watched.earlier is not None:
        gap = {"at_s": watched.earlier.end_s, "gap_s": watched.earlier.gaps_s[-1]}
        return SnapshotLog(path, {RESUMED: gap}, every_s=every_s, go_on=True)
    head = {"started_at": datetime.now(UTC).isoformat(), "plan": json.loads(watched.plan.model_dump_json())}
    return SnapshotLog(path, head, every_s=every_s)


def line_s(duration_s: float | None) -> float:
    """How many seconds are in a line of the log of a run that takes so long."""
    if duration_s is None:
        return ENDLESS_S
    return max(1.0, math.ceil(duration_s / MOST_LINES))


class SnapshotLog:
    """The Sink that appends each second to a file and hands it to the system at once.

    A disk that is full or gone must not end the run: the log stops at the first failed write.
    path:    an earlier run's file there is replaced
    head:    goes into line 1
    go_on:   the file is that of this run: what follows is appended, after a line that holds `head`
    every_s: so many seconds are one line; a change of phase, or of being judged, begins a new one
    raises: UsageError when the file cannot be opened at all
    """

    def __init__(self, path: Path, head: Mapping[str, Any] | None = None, *, every_s: float = 1.0, go_on: bool = False) -> None:
        self.path = path
        self._every_s = every_s
        self._open: Snapshot | None = None
        self.failure = ""  # why writing stopped; empty while all is well
        try:
            self._file: BinaryIO | None = path.open("r+b" if go_on else "ab")
        except OSError as error:
            raise UsageError(f"cannot write: {error.strerror or error}", where=str(path), hint="another --out directory") from error
        if not _taken(self._file):
            self._file.close()
            if go_on:
                raise UsageError("the run still goes on: another process writes its log", where=str(path), hint="wait for its end")
            what = "another run that began in the same second writes its log here"
            raise UsageError(what, where=str(path), hint="again, or another --out directory")
        if go_on:
            _cut_last_line(self._file)
        else:
            self._guard(self._empty)  # only now: a moment ago it might have been another's
        self._append(dict(head or {}) if go_on else {"format": FORMAT, **(head or {})})

    def snapshot(self, snapshot: Snapshot) -> None:
        """Append one second, or add it to the line that is open."""
        if self._file is None:
            return
        before = self._open
        if before is not None and (before.phase, before.judged) != (snapshot.phase, snapshot.judged):
            self._append(as_line(before))
            before = None
        self._open = snapshot if before is None else together([before, snapshot], Gauge.then)
        if self._open.end_s - self._open.start_s >= self._every_s - SLACK_S:
            self._append(as_line(self._open))
            self._open = None

    def changed(self, applied: Applied) -> None:
        """Append what somebody did to the load, at once: a run that is judged again must know it."""
        self._append({CONTROLLED: record_of(applied)})

    def close(self) -> None:
        """Finish the file; may be called more than once."""
        if self._open is not None:
            self._append(as_line(self._open))
            self._open = None
        file, self._file = self._file, None
        if file is not None:
            self._guard(file.close)

    def _append(self, line: dict[str, Any]) -> None:
        file = self._file
        if file is None:
            return
        data = json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        if not self._guard(lambda: (file.write(data), file.flush())):
            self._file = None
            # What a failed flush left in the buffer is tried, and fails, once more on close.
            self._guard(file.close)

    def _empty(self) -> None:
        if self._file is not None and self._file.tell():
            self._file.truncate(0)

    def _guard(self, write: Any) -> bool:
        try:
            write()
        except OSError as error:
            self.failure = self.failure or f"{self.path}: {error.strerror or error}"
            return False
        return True


def as_line(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot in JSON's own types; `from_line` reads it back."""
    return {
        "seq": snapshot.seq,
        "start_s": snapshot.start_s,
        "end_s": snapshot.end_s,
        "judged": snapshot.judged,
        "phase": snapshot.phase,
        "distributions": [
            [series.metric, dict(series.tags), base64.b64encode(values.to_bytes()).decode()]
            for series, values in snapshot.distributions.items()
        ],
        "counts": [[series.metric, dict(series.tags), count] for series, count in snapshot.counts.items()],
        "gauges": [
            [series.metric, dict(series.tags), [level.last, level.least, level.greatest, level.total, level.count]]
            for series, level in snapshot.gauges.items()
        ],
        "failures": [[*failure, count] for failure, count in snapshot.failures.items()],
    }


def from_line(line: dict[str, Any]) -> Snapshot:
    """The snapshot that `as_line` wrote; raises KeyError, TypeError or ValueError for anything else."""
    return Snapshot(
        seq=line["seq"],
        start_s=line["start_s"],
        end_s=line["end_s"],
        judged=line["judged"],
        phase=line["phase"],
        distributions={
            _series(metric, tags): Histogram.from_bytes(base64.b64decode(data, validate=True))
            for metric, tags, data in line["distributions"]
        },
        counts={_series(metric, tags): count for metric, tags, count in line["counts"]},
        gauges={_series(metric, tags): Gauge(*level) for metric, tags, level in line["gauges"]},
        failures={Failure(kind, step, text): count for kind, step, text, count in line["failures"]},
    )


def read_head(path: Path) -> dict[str, Any]:
    """Line 1 of a log; raises UsageError for a file that is none."""
    try:
        with path.open("rb") as file:
            head: dict[str, Any] = json.loads(file.readline())
        _need_format(head["format"])
    except OSError as error:
        raise UsageError(f"cannot read: {error}", where=str(path)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"not a snapshot log: {error}", where=str(path), hint="one that `loadstone run --out` wrote") from None
    return head


def read_snapshots(path: Path, damage: list[str] | None = None) -> Iterator[Snapshot]:
    """Every whole second of a log, in order; a last line that was cut by a crash is left out.

    damage: takes a line for each one of the log that is cut or damaged, and reading goes on; None: one before the end is an error
    raises: UsageError with file and line for a file that is no log, or that is damaged before its end
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror or error}", where=str(path)) from error
    with file:
        for number, data in enumerate(file, start=1):
            if not data.endswith(b"\n"):
                if damage is not None:
                    damage.append(f"{path.name}:{number} is cut: the run was killed while it wrote it, or still goes on")
                return
            try:
                line = json.loads(data)
                if number == 1:
                    _need_format(line["format"])
                elif CONTROLLED in line:
                    applied_of(line[CONTROLLED])
                elif RESUMED not in line:
                    yield from_line(line)
            except (KeyError, TypeError, ValueError, AttributeError, struct.error) as error:
                if damage is not None and number > 1:
                    damage.append(f"{path.name}:{number} is damaged, and its seconds are missing: {type(error).__name__}: {error}"[:200])
                    continue
                hint = "a snapshots file that `loadstone run --out` wrote"
                raise UsageError(f"not a line of a snapshot log: {error}", where=f"{path}:{number}", hint=hint) from error


def read_gaps(path: Path) -> Iterator[float]:
    """How many seconds the run stood still, once for each time that it was continued."""
    for found in _marked(path, RESUMED):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            yield float(found["gap_s"])


def read_changes(path: Path) -> Iterator[Applied]:
    """What people did to the load, in order."""
    for found in _marked(path, CONTROLLED):
        with contextlib.suppress(ValueError, TypeError):
            yield applied_of(found)


def _marked(path: Path, key: str) -> Iterator[Any]:
    """What lines of this key hold; a damaged one is left out here, and told by who reads the seconds."""
    mark = f'{{"{key}":'.encode()
    with path.open("rb") as file:
        for data in file:
            if data.startswith(mark) and data.endswith(b"\n"):
                with contextlib.suppress(ValueError):
                    yield json.loads(data)[key]


def _taken(file: BinaryIO) -> bool:
    """Take the file for this process alone, where the system has such locks; a process that is killed lets go of it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _cut_last_line(file: BinaryIO) -> None:
    """Take off what a crash left of a line, and stand at the end."""
    whole = 0
    for data in file:
        whole += len(data) if data.endswith(b"\n") else 0
    file.seek(whole)
    file.truncate()


def _need_format(found: str) -> None:
    if found != FORMAT:
        raise ValueError(f"format {found!r}, not {FORMAT!r}")


def _series(metric: str, tags: dict[str, str]) -> Series:
    return Series(metric, tuple(tags.items()))

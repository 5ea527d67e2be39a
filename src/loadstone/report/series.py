"""The seconds of a run as JSON lines, written while it goes on: a killed run loses at most its last second.

Line 1 names the format; each further line is one snapshot. Histograms are the base64 of `Histogram.to_bytes`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from loadstone.errors import UsageError
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

FORMAT = "loadstone.snapshots/1"


def snapshot_log(watched: Watched) -> SnapshotLog:
    """The sink `log`; raises UsageError without a folder."""
    if watched.folder is None:
        raise UsageError("needs a folder to write to", where="--sink log", hint="--out DIR")
    return SnapshotLog(watched.folder / f"snapshots_{watched.stamp}.jsonl")


class SnapshotLog:
    """The Sink that appends each second to a file and hands it to the system at once.

    A disk that is full or gone must not end the run: the log stops at the first failed write.
    path:   an earlier run's file there is replaced
    raises: UsageError when the file cannot be opened at all
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure = ""  # why writing stopped; empty while all is well
        try:
            self._file: BinaryIO | None = path.open("wb")
        except OSError as error:
            raise UsageError(f"cannot write: {error.strerror or error}", where=str(path), hint="another --out directory") from error
        self._append({"format": FORMAT})

    def snapshot(self, snapshot: Snapshot) -> None:
        """Append one second."""
        if self._file is not None:
            self._append(as_line(snapshot))

    def close(self) -> None:
        """Finish the file; may be called more than once."""
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


def read_snapshots(path: Path) -> Iterator[Snapshot]:
    """Every whole second of a log, in order; a last line that was cut by a crash is left out.

    raises: UsageError with file and line for a file that is no log, or that is damaged before its end
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror or error}", where=str(path)) from error
    with file:
        for number, data in enumerate(file, start=1):
            if not data.endswith(b"\n"):
                return
            try:
                line = json.loads(data)
                if number > 1:
                    yield from_line(line)
                else:
                    _need_format(line["format"])
            except (KeyError, TypeError, ValueError) as error:
                hint = "a snapshots file that `loadstone run --out` wrote"
                raise UsageError(f"not a line of a snapshot log: {error}", where=f"{path}:{number}", hint=hint) from error


def _need_format(found: str) -> None:
    if found != FORMAT:
        raise ValueError(f"format {found!r}, not {FORMAT!r}")


def _series(metric: str, tags: dict[str, str]) -> Series:
    return Series(metric, tuple(tags.items()))

"""What a sink is, and what it may know of the run that it watches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from loadstone.measure.earlier import Earlier
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan


class Sink(Protocol):
    """Anything that watches a run: terminal, log, exporter."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """One more second."""

    def close(self) -> None:
        """The run is over; may be called more than once."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The run that a sink is made for.

    duration_s: of the schedule; None when it is endless
    stream:     where people read while it runs: stderr
    color:      may the stream be coloured?
    folder:     that of --out; None without
    stamp:      date and time of the start, as names of files carry it
    earlier:    the part that was made before, when the run goes on with one
    """

    plan: Plan
    duration_s: float | None
    stream: TextIO
    color: bool = False
    folder: Path | None = None
    stamp: str = ""
    earlier: Earlier | None = None

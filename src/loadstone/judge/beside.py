"""A run that is over, as its keeper gives it to those who compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loadstone.judge.figures import Asked, figures_of
from loadstone.judge.recorded import RunFigures
from loadstone.measure.snapshot import View


@dataclass(frozen=True, slots=True, eq=False)
class PastRun:
    """A run, read back.

    sections: contiguous stretches of its judged part; none when it came from a file of figures
    machine:  fields of its provenance, for `alike.alikeness`
    started:  UTC; None when unknown
    """

    name: str
    total: View
    sections: Sequence[View]
    machine: Mapping[str, object]
    started: datetime | None = None
    commit: str = ""

    def figures(self, asked: Sequence[Asked]) -> RunFigures:
        """The run as comparisons of several runs take it."""
        return RunFigures(self.name, *figures_of(self.total, asked), self.machine, self.started, self.commit)


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a run is compared with: the runs of a baseline, oldest first, or one earlier run.

    name: as people call it
    """

    name: str
    runs: Sequence[PastRun]


# How a gate gets what it compares with: by the name in the gate, or "" for what the command line or the plan named.
# raises: LoadstoneError when there is none of that name
Baselines = Callable[[str], Beside | None]

"""What a comparison of runs is given: figures of whole runs, and sections of one; who keeps them is not its business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from loadstone.stats.histogram import Histogram

Direction = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that runs are compared by.

    name:     as gates name it: `p95(http.response_time{step=ask})`
    unit:     of its values, the displayed one: ms, %, /s, B
    better:   which way is better; figures of which neither is are not judged
    is_share: a share from 0 to 1, compared by its difference in points; anything else is compared by its ratio
    """

    name: str
    unit: str = ""
    better: Direction = "lower"
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """So many of all; an error share is known as well as its number of requests."""

    hits: int
    samples: int

    @property
    def value(self) -> float:
        """From 0 to 1; of nothing it is not a number."""
        return self.hits / self.samples if self.samples else float("nan")


@dataclass(frozen=True, slots=True)
class RunFigures:
    """A finished run, as figures.

    figures: by name, in the figure's unit; a figure that the run does not have is missing, not 0
    shares:  by name, for figures that are shares
    samples: by name: how many values stand behind a figure; 0 or missing when unknown
    machine: what `alike.likeness` compares: fields of a run's provenance, and `memory`
    started: UTC; None when unknown
    """

    name: str
    figures: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, Share] = field(default_factory=dict)
    samples: Mapping[str, int] = field(default_factory=dict)
    machine: Mapping[str, object] = field(default_factory=dict)
    started: datetime | None = None
    commit: str = ""

    def value(self, figure: Figure) -> float | None:
        """The figure of this run; None when it has none."""
        if figure.is_share:
            share = self.shares.get(figure.name)
            return share.value if share and share.samples else None
        return self.figures.get(figure.name)

    def count(self, figure: Figure) -> int:
        """Samples behind the figure; 0 when unknown."""
        share = self.shares.get(figure.name)
        return share.samples if share else self.samples.get(figure.name, 0)


@dataclass(frozen=True, slots=True)
class Sections:
    """One figure over the contiguous sections of one run; exactly one of the three is given.

    times:  values of a time or size each; the figure is their quantile `q`
    levels: a mean or a rate per section, in the figure's unit
    shares: hits and samples per section
    unit_size: what one of the figure's unit is in the histogram's: 1e6 for ms of ns
    """

    times: Sequence[Histogram] = ()
    q: float = 0.5
    unit_size: float = 1e6
    levels: Sequence[float] = ()
    shares: Sequence[Share] = ()

"""A run as every report is given it: be it just judged, read from the store, or found in a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from loadstone.judge.beside import Compared
from loadstone.judge.story import Story
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.timeline import Stretch
from loadstone.report.document import Document
from loadstone.report.telling import document_of

if TYPE_CHECKING:
    from loadstone.report.trend import Trend

View = Literal["performance", "regression", "decision", "trend"]
VIEWS: tuple[View, ...] = get_args(View)


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One run.

    catalogue: the metrics that document and timeline name
    timeline: the run over time, in order, warm-up and rest included; empty where it was not kept
    damage:   a line for each part that could not be read
    run_id:   in the store; empty where the run is not kept
    view:     what the reader wants to know; a report that cannot choose its parts by it tells everything
    compared: the run beside others; None where nobody asked for that
    trends:   histories of figures over the runs that are kept, by the figure's name
    """

    document: Document
    catalogue: Catalogue
    timeline: tuple[Stretch, ...] = ()
    damage: tuple[str, ...] = ()
    run_id: str = ""
    view: View = "performance"
    compared: Compared | None = None
    trends: Mapping[str, Trend] = field(default_factory=dict)

    @classmethod
    def of(cls, story: Story, timeline: tuple[Stretch, ...] = ()) -> Told:
        """A run that was judged here."""
        return cls(document_of(story), story.result.catalogue, timeline)

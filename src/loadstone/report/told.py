"""A run as every report is given it: be it just judged, read from the store, or found in a log."""

from __future__ import annotations

from dataclasses import dataclass

from loadstone.judge.story import Story
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.timeline import Stretch
from loadstone.report.document import Document
from loadstone.report.telling import document_of


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One run.

    catalogue: the metrics that document and timeline name
    timeline: the run over time, in order, warm-up and rest included; empty where it was not kept
    damage:   a line for each part that could not be read
    run_id:   in the store; empty where the run is not kept
    """

    document: Document
    catalogue: Catalogue
    timeline: tuple[Stretch, ...] = ()
    damage: tuple[str, ...] = ()
    run_id: str = ""

    @classmethod
    def of(cls, story: Story, timeline: tuple[Stretch, ...] = ()) -> Told:
        """A run that was judged here."""
        return cls(document_of(story), story.result.catalogue, timeline)

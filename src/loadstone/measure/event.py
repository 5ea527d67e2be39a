"""Something that happened in a run at a moment: a phase, an alert, a hand on the controls."""

from __future__ import annotations

from typing import NamedTuple

CONTROL = "control"  # the kind of what a person did to the load


class Event(NamedTuple):
    """A phase began, a notice was given, a gate ended the run, a person changed the load.

    at_s: seconds since the run's start; None: the whole run
    kind: one of a few words, as `phase`, `gate`, `control`, `alert`
    """

    at_s: float | None
    kind: str
    text: str

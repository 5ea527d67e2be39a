"""Bands: how good a value is, where a gate only says whether it is good enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from loadstone.judge.limits import resolve
from loadstone.judge.readings import read
from loadstone.judge.verdict import Status
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import View
from loadstone.plan.gate_text import parse_gate
from loadstone.plan.model import BandLine


class Grade(StrEnum):
    """Where a value lies; without data it has no grade."""

    GOOD = "good"
    FAIR = "fair"  # no longer good, not yet a concern; only where the plan leaves room between the two
    CONCERN = "concern"
    ISSUE = "issue"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class Graded:
    """A value, its grade, and the edges between the grades.

    value:  in `unit`, the displayed one; inf when the rank fell among what never came back, None without data
    edges:  as the plan writes them, from good to issue
    reason: why there is no value; else empty
    """

    name: str
    subject: str
    value: float | None
    unit: str
    grade: Grade
    edges: tuple[str, ...]
    reason: str = ""


def grade_all(bands: Iterable[BandLine], view: View, catalogue: Catalogue, *, allow_few: bool = False) -> tuple[Graded, ...]:
    """Each band of a plan, over what was judged. Raises UsageError for a metric or a unit that does not fit."""
    return tuple(_grade(band, view, catalogue, allow_few=allow_few) for band in bands)


def _grade(band: BandLine, view: View, catalogue: Catalogue, *, allow_few: bool) -> Graded:
    steps = [(Grade.GOOD, band.good), (Grade.FAIR, band.concern), (Grade.CONCERN, band.issue)]
    found, unit, value, subject = Grade.ISSUE, "", None, band.value
    for grade, edge in steps:
        if edge is None:
            continue
        gate = resolve(parse_gate(f"{band.value} {band.operator} {edge}"), catalogue, allow_few=allow_few)
        unit, subject = gate.unit, gate.spec.subject
        reading = read(gate, view)
        status = reading.status(band.operator, gate.limit)
        if status is Status.NO_DATA:
            reason = reading.missing or "how much more than the edge is not known: some exchanges never came back"
            return Graded(band.name, subject, None, unit, Grade.NO_DATA, band.edges, reason)
        value = reading.low
        if status is Status.PASS:
            found = grade
            break
    return Graded(band.name, subject, value, unit, found, band.edges)

"""Bands: how good a value is, where a gate only says whether it is good enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadstone.judge.limits import resolve
from loadstone.judge.load_growth import LoadGrowth
from loadstone.judge.readings import read
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import View
from loadstone.plan.band_text import edge_of, figure_of, is_rest, level_by_load, linear_up_to
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


@dataclass(frozen=True, slots=True)
class Grown:
    """What is known of growth beside the sums of a run.

    by_load:  level -> how it grew with the load
    verdicts: those of the gates, of which `leak(LEVEL) = none` says whether a level leaks
    """

    by_load: Mapping[str, LoadGrowth]
    verdicts: Sequence[Verdict] = ()


NOTHING_GROWN = Grown({})


def grade_all(
    bands: Iterable[BandLine], view: View, catalogue: Catalogue, *, allow_few: bool = False, grown: Grown = NOTHING_GROWN
) -> tuple[Graded, ...]:
    """Each band of a plan, over what was judged. Raises UsageError for a metric or a unit that does not fit."""
    return tuple(
        _grade_growth(band, level, catalogue, grown)
        if (level := level_by_load(band.value))
        else _grade(band, view, catalogue, allow_few=allow_few)
        for band in bands
    )


def _grade_growth(band: BandLine, level: str, catalogue: Catalogue, grown: Grown) -> Graded:
    """Linear, faster than linear, or leak: a leak whatever the load says, the rest only where no leak was found."""
    resolve(parse_gate(f"leak({level}) = none"), catalogue)
    most = linear_up_to(band.good, band.concern, band.issue)
    course, edges = grown.by_load.get(level), ("linear", "faster than linear", "leak")
    ratio = course.ratio() if course else None
    shown = ratio.value if ratio else None
    leaks = [verdict for verdict in grown.verdicts if verdict.gate.stat == "leak" and verdict.gate.metric == level]
    if any(verdict.status is Status.FAIL for verdict in leaks):
        return Graded(band.name, band.value, shown, "1", Grade.ISSUE, edges)
    if not leaks or any(verdict.status is Status.NO_DATA for verdict in leaks):
        why = f"whether it leaks is not known: {leaks[0].reason if leaks else f'no gate leak({level}) = none'}"
        return Graded(band.name, band.value, None, "1", Grade.NO_DATA, edges, why)
    if ratio is None:
        return Graded(band.name, band.value, None, "1", Grade.NO_DATA, edges, "the load did not rise slowly enough to see growth with it")
    return Graded(band.name, band.value, shown, "1", Grade.CONCERN if ratio.surely_above(most) else Grade.GOOD, edges)


def _grade(band: BandLine, view: View, catalogue: Catalogue, *, allow_few: bool) -> Graded:
    steps = [(Grade.GOOD, band.good), (Grade.FAIR, band.concern), (Grade.CONCERN, band.issue)]
    found, unit, value, subject = Grade.ISSUE, "", None, band.value
    for grade, edge in steps:
        if edge is None:
            continue
        text = f"{figure_of(band.value)} {band.operator} {edge_of(band.value, edge)}"
        gate = resolve(parse_gate(text), catalogue, allow_few=allow_few)
        unit, subject = gate.unit, f"{'1 - ' if is_rest(band.value) else ''}{gate.spec.subject}"
        reading = read(gate, view)
        status = reading.status(band.operator, gate.limit)
        if status is Status.NO_DATA:
            reason = reading.missing or "how much more than the edge is not known: some exchanges never came back"
            return Graded(band.name, subject, None, unit, Grade.NO_DATA, band.edges, reason)
        value = reading.low if not is_rest(band.value) else None if reading.low is None else 100 - reading.low
        if status is Status.PASS:
            found = grade
            break
    return Graded(band.name, subject, value, unit, found, band.edges)

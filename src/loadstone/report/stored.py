"""A run out of the store, or out of a bundle, as reports are given it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from loadstone.errors import LoadstoneError, StoreError
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.declared import catalogue_of
from loadstone.measure.packing import unpack
from loadstone.measure.snapshot import LOAD, Snapshot
from loadstone.measure.timeline import Stretch, Timeline
from loadstone.plan.model import Plan
from loadstone.plan.own_metrics import FINEST
from loadstone.report.document import Count, Distribution, Document, Event, Figures
from loadstone.report.reading import read_document
from loadstone.report.told import Told
from loadstone.store.rows import Packed, RunParts, RunRow

MOST_NAMED = 5  # damaged stretches, each with its place; of more there is the number


def told_of_parts(row: RunRow, parts: RunParts, damage: Sequence[str] = ()) -> Told:
    """The run, with its seconds over time where they were kept, else its sections.

    damage: of what is not in the parts
    raises: StoreError for a run without a document, UsageError for a document that cannot be read at all
    """
    if not parts.document:
        raise StoreError(f"run {row.id} did not come to its end, so there is no report", hint="loadstone runs list")
    document, lines = read_document(parts.document, f"run {row.id}")
    lines = [*damage, *lines]
    timeline = over_time(parts, lines)
    if not document.events and parts.events:
        document = document.model_copy(update={"events": _events(parts)})
    catalogue = catalogue_of_parts(parts, document, lines)
    return Told(document, catalogue, timeline, tuple(lines), row.id)


def told_of_document(data: bytes, where: str) -> Told:
    """A JSON document alone: nothing over time."""
    document, damage = read_document(data, where)
    catalogue = Catalogue()
    _complete(catalogue, document.metrics, {})
    return Told(document, catalogue, damage=tuple(damage))


def over_time(parts: RunParts, damage: list[str]) -> tuple[Stretch, ...]:
    """The stretches; those that cannot be unpacked are left out and named."""
    if parts.timeline:
        whole = zip(parts.timeline, _tried("stretch", parts.timeline, damage), strict=True)
        return tuple(Stretch.of(snapshot, each.content) for each, snapshot in whole if snapshot is not None)
    if parts.seconds:
        timeline = Timeline()
        for snapshot in _seconds(parts, damage):
            timeline.snapshot(snapshot)
        stretches = timeline.so_far()
        if stretches:
            return stretches
    sections = [
        Stretch(each.start_s, each.end_s, True, LOAD, each.content)
        for each, snapshot in zip(parts.sections, _tried("section", parts.sections, damage), strict=True)
        if snapshot is not None
    ]
    return tuple(sections)


def seconds_of(parts: RunParts, damage: list[str]) -> list[Snapshot]:
    """Every second that can be read, in order; those that are missing between them are named."""
    found = _seconds(parts, damage)
    gaps = [(one.end_s, other.start_s) for one, other in pairwise(found) if other.start_s - one.end_s > 1.5]
    damage += [f"nothing is kept from {start_s:.0f} to {end_s:.0f} s" for start_s, end_s in gaps[:MOST_NAMED]]
    return found


def catalogue_of_parts(parts: RunParts, document: Document, damage: list[str]) -> Catalogue:
    """Everything that the run's metrics are called: what its plan declares, and what its scripts recorded without declaring it."""
    try:
        catalogue = catalogue_of(Plan.model_validate_json(parts.plan_json), ())
    except (ValueError, LoadstoneError):
        catalogue = Catalogue()  # of a plan of another version, the metrics are told as the document has them
    greatest: dict[str, float] = {}
    try:
        totals = unpack(parts.totals) if parts.totals else Snapshot(0, 0.0, 0.0)
    except ValueError as error:
        damage.append(f"the totals cannot be read: {error}")
        totals = Snapshot(0, 0.0, 0.0)
    for series, values in totals.distributions.items():
        if values.count:
            greatest[series.metric] = max(values.max, greatest.get(series.metric, 0.0))
    _complete(catalogue, document.metrics, greatest)
    return catalogue


def _complete(catalogue: Catalogue, metrics: Mapping[str, Figures], greatest: Mapping[str, float]) -> None:
    """Add what the document has beside what is known; the scale follows from the greatest value, recorded and shown."""
    for name, found in metrics.items():
        if catalogue.get(name) is not None:
            continue
        kind = Kind.DISTRIBUTION if isinstance(found, Distribution) else Kind.COUNT if isinstance(found, Count) else Kind.GAUGE
        scale = FINEST if kind is Kind.DISTRIBUTION else 1.0
        if isinstance(found, Distribution) and found.max and greatest.get(name, 0.0) > 0:
            scale = 10.0 ** round(math.log10(greatest[name] / found.max))
        catalogue.add(Metric(name, found.unit, kind, "neither", "recorded by the run's own scripts", scale))


def _events(parts: RunParts) -> list[Event]:
    return [Event(at_s=each.at_s, kind=each.kind, text=each.text) for each in parts.events if not each.kind.startswith("notice ")]


def _seconds(parts: RunParts, damage: list[str]) -> list[Snapshot]:
    return [snapshot for snapshot in _tried("second", parts.seconds, damage) if snapshot is not None]


def _tried(word: str, packed: Sequence[Packed], damage: list[str]) -> list[Snapshot | None]:
    found: list[Snapshot | None] = []
    wrong: list[str] = []
    for each in packed:
        try:
            found.append(unpack(each.content))
        except (ValueError, LoadstoneError) as error:
            found.append(None)
            wrong.append(f"the {word} from {each.start_s:g} to {each.end_s:g} s cannot be read: {error}")
    damage += wrong[:MOST_NAMED]
    if len(wrong) > MOST_NAMED:
        damage.append(f"{len(wrong) - MOST_NAMED} more {word}{'es' if word.endswith('ch') else 's'} of {len(packed)} cannot be read")
    return found

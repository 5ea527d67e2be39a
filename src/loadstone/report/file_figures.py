"""Figures as files of suites have them: seconds, MB of a million bytes, shares from 0 to 1; None wherever there is no value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field, FiniteFloat

from loadstone.measure.catalogue import Metric
from loadstone.measure.snapshot import View
from loadstone.report.document import Count, Distribution, Document, Level
from loadstone.report.result_files import Evidence, FilePart
from loadstone.report.telling import distribution, finite, sound

MB = 1e6
RESPONSE = "http.response_time"


class RunInfo(FilePart):
    """Which run a file is about, and how far it can be relied on."""

    name: str = Field(description="the suite's name")
    run_id: str | None = Field(description="in the store; null where the run is not kept")
    timestamp: datetime = Field(description="when the run began, UTC")
    duration_seconds: FiniteFloat = Field(description="length of the judged part")
    target: str = Field(description="what was tested")
    version: str = Field(description="of Loadstone")
    command: str = Field(description="the command line")
    verdict: str = Field(description="pass, fail, inconclusive, untrustworthy, unreachable or interrupted")
    exit_code: int = Field(description="that the process ended with")
    generator_trust: str = Field(description="ok, degraded or untrustworthy: how far the load generator itself can be trusted")
    notices: list[str] = Field(description="what the reader should know about the measurement")
    units: dict[str, str] = Field(description="the unit of each metric of this file")


def run_info(evidence: Evidence, units: Mapping[str, str]) -> RunInfo:
    """The head of a file."""
    document = evidence.told.document
    origin = document.provenance
    return RunInfo(
        name=origin.plan,
        run_id=evidence.kept.row.id if evidence.kept else evidence.told.run_id or None,
        timestamp=origin.started_at,
        duration_seconds=document.load.seconds,
        target=origin.target,
        version=origin.version,
        command=origin.command,
        verdict=document.verdict,
        exit_code=document.exit_code,
        generator_trust=document.generator.trust,
        notices=list(dict.fromkeys([*(notice.text for notice in document.notices), *(sound(line) for line in evidence.told.damage)])),
        units=dict(units),
    )


def times_of(evidence: Evidence, metric: str = RESPONSE) -> Distribution | None:
    """A time of the whole judged part; None for one that nobody recorded."""
    found = evidence.told.document.metrics.get(metric)
    return found if isinstance(found, Distribution) and found.count + found.beyond else None


def count_of(document: Document, metric: str) -> int | None:
    """A sum over the judged part."""
    found = document.metrics.get(metric)
    return found.count if isinstance(found, Count) else None


def level_of(document: Document, metric: str) -> Level | None:
    """The readings of a level; None for one that nobody read."""
    found = document.metrics.get(metric)
    return found if isinstance(found, Level) and found.last is not None else None


def times_in(evidence: Evidence, view: View, metric: str = RESPONSE, tags: Mapping[str, str] | None = None) -> Distribution | None:
    """A time in some part of the run; None for one that nobody recorded."""
    known: Metric | None = evidence.told.catalogue.get(metric)
    found = distribution(view, known, tags) if known is not None else None
    return found if found is not None and found.count + found.beyond else None


def scaled(value: float | None, unit_size: float) -> float | None:
    """The value in a unit of that size."""
    return finite(value / unit_size) if value is not None else None


def share(part: int | None, whole: int | None) -> float | None:
    """From 0 to 1; None where there is no whole. A part that nobody counted of a whole that was counted is 0."""
    return finite((part or 0) / whole) if whole else None

"""Why did gates fail? Everything that can be said with numbers, ranked by how much speaks for it; nothing where nothing does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from loadstone.judge.cause import Cause, CauseKind, Failed
from loadstone.judge.cause_facts import failures, generator, growth
from loadstone.judge.cause_levels import moved_with
from loadstone.judge.cause_load import overload
from loadstone.judge.cause_parts import parts
from loadstone.judge.cause_times import times
from loadstone.judge.course import RunCourse
from loadstone.judge.saturation import saturated
from loadstone.judge.trust import Level, Trust
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.gate_text import COURSE_STATS

MOST_CAUSES = 8
LEAST_EVIDENCE = 0.25


def find_causes(course: RunCourse, total: Aggregate, verdicts: Sequence[Verdict], trust: Trust, catalogue: Catalogue) -> tuple[Cause, ...]:
    """The causes of the gates that failed, the best supported first; a generator that was not fit is the only cause.

    course: of the same run, made for the same gates
    """
    failed = [found for verdict in verdicts if (found := _failed(verdict, course)) is not None]
    if not failed:
        return ()
    own = [replace(one, gates=tuple(str(each.verdict.gate) for each in failed)) for one in generator(trust, total)]
    if trust.level is Level.UNTRUSTWORTHY:
        return tuple(own)
    each = [replace(one, gates=(str(gate.verdict.gate),)) for gate in failed for one in _causes_of(gate, course, total, catalogue)]
    ranked = sorted(_joined([*own, *each]), key=lambda one: -one.evidence)
    return tuple(one for one in ranked if one.evidence >= LEAST_EVIDENCE)[:MOST_CAUSES]


def _failed(verdict: Verdict, course: RunCourse) -> Failed | None:
    if verdict.status is not Status.FAIL:
        return None
    at = next((at for at, gate in enumerate(course.gates) if gate.spec == verdict.gate), None)
    return Failed(course.gates[at], verdict, *course.events(at)) if at is not None else None


def _causes_of(failed: Failed, course: RunCourse, total: Aggregate, catalogue: Catalogue) -> list[Cause]:
    if failed.gate.spec.stat in COURSE_STATS:
        return growth(failed, course)
    found = [*parts(failed, total), *failures(failed, total), *times(failed, course), *saturated(failed, course)]
    if _suffers_from_load(failed) and (too_much := overload(course)):
        # A queue that grows is a rise as well: one cause, not two.
        found = [*too_much, *(one for one in found if one.kind is not CauseKind.RISING)]
    return [*found, *moved_with(failed, course, catalogue)]


def _suffers_from_load(failed: Failed) -> bool:
    """Gates on times, on what got done, and on failures; not those on levels of a process."""
    return failed.gate.metric.unit in {"ms", "s"} or failed.gate.spec.stat in {"throughput", "rate", "count"}


def _joined(causes: Iterable[Cause]) -> list[Cause]:
    """The same finding of several gates once, with the stronger evidence."""
    found: dict[tuple[CauseKind, str], Cause] = {}
    for one in causes:
        before = found.get((one.kind, one.subject))
        if before is None:
            found[one.kind, one.subject] = one
            continue
        best = one if one.evidence > before.evidence else before
        found[one.kind, one.subject] = replace(best, gates=tuple(dict.fromkeys((*before.gates, *one.gates))))
    return list(found.values())

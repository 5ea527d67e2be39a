"""From many verdicts to one: score, requirements, decision and exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from loadstone.errors import ExitCode
from loadstone.judge.trust import Level, Trust, how_often
from loadstone.judge.verdict import Status, Verdict


class Decision(StrEnum):
    """What a run came to."""

    PASS = "pass"  # noqa: S105  # a decision, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    UNTRUSTWORTHY = "untrustworthy"
    UNREACHABLE = "unreachable"
    INTERRUPTED = "interrupted"


EXIT_CODES = {
    Decision.PASS: ExitCode.PASS,
    Decision.FAIL: ExitCode.GATE_FAILED,
    Decision.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Decision.UNTRUSTWORTHY: ExitCode.UNTRUSTWORTHY,
    Decision.UNREACHABLE: ExitCode.UNREACHABLE,
    Decision.INTERRUPTED: ExitCode.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the gates that name a requirement say about it together.

    details: one line per gate
    """

    name: str
    status: Status
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """May what was tested go out? The answer that a pipeline asks for.

    answer:   deploy only after a pass; hold after one beside which much failed that no gate counts
    blocking: the gates that stand in the way, failed ones first
    because:  what else does; empty when gates do, or nothing
    """

    answer: Literal["deploy", "hold", "blocked"]
    blocking: tuple[Verdict, ...] = ()
    because: str = ""


def passed_gates(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """How many gates passed, and of how many; no data is not a pass."""
    return sum(verdict.passed for verdict in verdicts), len(verdicts)


def score(verdicts: Sequence[Verdict]) -> float | None:
    """Passed gates of all gates, from 0 to 100; None without gates."""
    passed, total = passed_gates(verdicts)
    return passed / total * 100 if total else None


def requirements(verdicts: Sequence[Verdict]) -> dict[str, Requirement]:
    """Each requirement that a gate names: failed if one of its gates failed, without data if one lacks data, else passed."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.gate.requirement:
            groups.setdefault(verdict.gate.requirement, []).append(verdict)
    return {name: Requirement(name, worst_status(group), tuple(map(_line, group))) for name, group in groups.items()}


def release(decision: Decision, verdicts: Sequence[Verdict], because: str = "") -> Release:
    """Deploy or not, and why not: gates that failed or lack data, or a run that says nothing of the target.

    because: what else stands in the way: failures that no gate counts, or pressure that was missing
    """
    if decision is Decision.PASS:
        return Release("hold", because=because) if because else Release("deploy")
    missed = sorted((verdict for verdict in verdicts if not verdict.passed), key=lambda verdict: verdict.status is not Status.FAIL)
    about_gates = decision in {Decision.FAIL, Decision.INCONCLUSIVE} and missed
    own = because if decision is Decision.INCONCLUSIVE else ""
    return Release("blocked", tuple(missed), own or ("" if about_gates else BECAUSE[decision]))


BECAUSE = {
    Decision.FAIL: "the run failed",
    Decision.INCONCLUSIVE: "nothing was measured",
    Decision.UNTRUSTWORTHY: "the load generator, not the target, limits the numbers",
    Decision.UNREACHABLE: "nothing answers at the target",
    Decision.INTERRUPTED: "the run was interrupted",
}


def without_pressure(verdicts: Sequence[Verdict], why: str, scenario: str = "") -> list[Verdict]:
    """What passed without the pressure that it was to pass under says nothing; what failed even so has failed.

    scenario: the one that was to bear it; gates on another one alone are not about it
    """
    reason = f"the pressure was not there: {why}; without it, "

    def about(verdict: Verdict) -> bool:
        return not scenario or dict(verdict.gate.tags).get("scenario", scenario) == scenario

    return [replace(each, status=Status.NO_DATA, reason=reason + each.reason) if each.passed and about(each) else each for each in verdicts]


def without_comparisons(verdicts: Sequence[Verdict], changes: int) -> list[Verdict]:
    """A run whose load was changed by hand did other work than the runs that it would be compared with."""
    reason = f"the load of this run was changed by hand {how_often(changes)}, so it is compared with nothing"
    return [replace(each, status=Status.NO_DATA, reason=reason) if each.compares else each for each in verdicts]


def without_answers(verdicts: Sequence[Verdict], why: str) -> list[Verdict]:
    """What passed while not one exchange did what was expected of it says nothing of the target's work."""
    return [
        replace(each, status=Status.NO_DATA, reason=f"{why}; without an answer, {each.reason}") if each.passed else each
        for each in verdicts
    ]


def worst_status(verdicts: Sequence[Verdict]) -> Status:
    """FAIL before NO DATA before PASS; NO DATA for no verdict at all."""
    found = {verdict.status for verdict in verdicts} or {Status.NO_DATA}
    return next(status for status in (Status.FAIL, Status.NO_DATA, Status.PASS) if status in found)


def decide(
    verdicts: Sequence[Verdict],
    trust: Trust,
    *,
    interrupted: bool,
    load_reached: bool,
    any_samples: bool,
    unreachable: bool = False,
    worker_lost: bool = False,
    as_asked: bool = True,
    answered: bool = True,
) -> tuple[Decision, ExitCode]:
    """The decision of a run and the exit code that tells it.

    In this order, the first that holds:
    interrupted    130  whatever the numbers say, they are about less than was asked for
    unreachable      3  nothing answered at all
    untrustworthy    5  the generator was not fit, a worker of it was lost, or the load was not reached. Before the gates, because
                        a latency that failed may be our own and one that passed may be that of a smaller load: such a verdict
                        is none
    failed           1  a gate failed; before "no data", because more data cannot mend it
    inconclusive     4  nothing was measured, a gate lacks data, the conditions were not those that were asked for (pressure), or every
                        exchange failed and no gate counts that
    passed           0  also without any gate, as long as something was measured
    """
    if interrupted:
        decision = Decision.INTERRUPTED
    elif unreachable:
        decision = Decision.UNREACHABLE
    elif worker_lost or (any_samples and (trust.level is Level.UNTRUSTWORTHY or not load_reached)):
        decision = Decision.UNTRUSTWORTHY
    elif any(verdict.status is Status.FAIL for verdict in verdicts):
        decision = Decision.FAIL
    elif not any_samples or not as_asked or not answered or not all(verdict.passed for verdict in verdicts):
        decision = Decision.INCONCLUSIVE
    else:
        decision = Decision.PASS
    return decision, EXIT_CODES[decision]


def _line(verdict: Verdict) -> str:
    return f"{verdict.gate.name or verdict.gate}: {verdict.status.replace('_', ' ')}, {verdict.reason}"

"""Causes of whole runs: the reference backend with a known fault, real worker, real sockets; and the same again from the log."""

from datetime import UTC, datetime

import pytest

from benchmarks.known_faults import ASK, HEALTH, ITEMS, KnownFault, is_kind, plan_of
from loadstone.judge.cause import CauseKind
from loadstone.measure.snapshot import Snapshot
from loadstone.reference.process import ReferenceProcess
from loadstone.report.text import render_text
from loadstone.run import execute, judge_again

SHORT = {"rate": "20/s", "duration": "7s"}
SLOW, WRONG = "p95(http.response_time) < 80ms", "rate(http.errors) < 1%"
FAULTS = (
    KnownFault(
        "latency",
        ("--latency", "150ms", "--fault", "paths=/api/ask"),
        is_kind(CauseKind.PART, subject="step=ask"),
        (SLOW,),
        SHORT,
    ),
    KnownFault(
        "errors",
        ("--error-rate", "20%", "--fault", "paths=/api/items"),
        is_kind(CauseKind.PART, subject="step=items"),
        (WRONG,),
        SHORT,
        (ITEMS, ASK, HEALTH),
    ),
)


class Kept:
    def __init__(self) -> None:
        self.seen: list[Snapshot] = []

    def snapshot(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_known_fault_is_among_the_first_and_a_log_tells_the_same(fault: KnownFault) -> None:
    kept = Kept()
    with ReferenceProcess(*fault.flags) as backend:
        plan = plan_of(fault, backend.url, backend.pid)
        story = execute(plan, [kept])
    blamed = [one for one in story.causes if one.kind is not CauseKind.GENERATOR]
    right = next(one for one in blamed[:2] if fault.right(one))
    assert any(one.cause is right.kind for one in story.recommendations)
    again = judge_again(plan, kept.seen, datetime.now(UTC))
    assert again.causes == story.causes
    assert again.failure_patterns == story.failure_patterns
    assert "WHY" in render_text(story, 100)

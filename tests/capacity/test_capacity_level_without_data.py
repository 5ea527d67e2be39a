"""A level of which an objective has no data is met only where that objective is never measured at all."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from loadstone.judge.capacity_level import Level, judge_level
from loadstone.judge.capacity_search import Answer, Ask, Purpose
from loadstone.judge.limits import resolve_all
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure
from loadstone.plan.gate_text import parse_gate
from loadstone.testing.samples import make_snapshot, make_story

TIMES, ANSWERS = "p95(http.response_time) < 2s", "p95(llm.ttft) < 1s"


def level(*gates: str, failed: int = 0, measured: Collection[int] = ()) -> Level:
    failures = {Failure("status", "ask", "503"): failed} if failed else {}
    seconds = [make_snapshot(seq, steps={"ask": (40, 20.0)}, failures=failures) for seq in range(8)]
    ready = resolve_all([parse_gate(gate) for gate in gates], Catalogue(), allow_few=True)
    return judge_level(Ask(40.0, 8.0, Purpose.RAMP), make_story(seconds, gates=gates), seconds, ready, measured=measured)


def test_an_objective_that_no_level_measures_stands_in_the_way_of_none() -> None:
    assert level(TIMES, ANSWERS).seen.answer is Answer.MET


def test_an_objective_that_was_measured_before_and_has_no_data_now_leaves_a_level_unclear() -> None:
    found = level(TIMES, ANSWERS, measured={0, 1})
    assert found.seen.answer is Answer.UNCLEAR
    assert found.seen.few
    assert "llm.ttft" in found.reason


@pytest.mark.parametrize("gates", [(TIMES,), (TIMES, ANSWERS)])
def test_a_level_at_which_everything_failed_is_not_met_by_being_fast(gates: tuple[str, ...]) -> None:
    found = level(*gates, failed=40)
    assert found.seen.answer is Answer.NOT_MET
    assert "failed" in found.reason

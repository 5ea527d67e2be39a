from __future__ import annotations

import pytest

from loadstone.errors import ExitCode
from loadstone.judge.score import Decision, decide, passed_gates, release, requirements, score, worst_status
from loadstone.judge.trust import Level, Trust
from loadstone.judge.verdict import Status, Verdict
from loadstone.plan.gate_text import parse_gate

GOOD, BAD = Trust(Level.OK, []), Trust(Level.UNTRUSTWORTHY, ["late"], load_reached=True)


def verdict(status: Status, requirement: str = "", name: str = "") -> Verdict:
    gate = parse_gate("p95(http.response_time) < 2s", requirement=requirement, name=name)
    return Verdict(gate, status, None if status is Status.NO_DATA else 1.0, 2000.0, "ms", 1, "because")


PASS, FAIL, NO_DATA = (verdict(status) for status in (Status.PASS, Status.FAIL, Status.NO_DATA))


@pytest.mark.parametrize(
    ("verdicts", "trust", "facts", "decision", "code"),
    [
        ([PASS, PASS], GOOD, {}, Decision.PASS, 0),
        ([], GOOD, {}, Decision.PASS, 0),
        ([PASS, FAIL, NO_DATA], GOOD, {}, Decision.FAIL, 1),
        ([PASS, NO_DATA], GOOD, {}, Decision.INCONCLUSIVE, 4),
        ([], GOOD, {"any_samples": False}, Decision.INCONCLUSIVE, 4),
        ([PASS], GOOD, {"any_samples": False}, Decision.INCONCLUSIVE, 4),
        ([PASS], BAD, {}, Decision.UNTRUSTWORTHY, 5),
        ([FAIL], BAD, {}, Decision.UNTRUSTWORTHY, 5),
        ([FAIL], GOOD, {"load_reached": False}, Decision.UNTRUSTWORTHY, 5),
        ([PASS], Trust(Level.DEGRADED, ["busy"]), {}, Decision.PASS, 0),
        ([NO_DATA], GOOD, {"any_samples": False, "unreachable": True}, Decision.UNREACHABLE, 3),
        ([NO_DATA], GOOD, {"any_samples": False, "worker_lost": True}, Decision.UNTRUSTWORTHY, 5),
        ([PASS], GOOD, {"worker_lost": True}, Decision.UNTRUSTWORTHY, 5),
        ([FAIL], BAD, {"interrupted": True, "unreachable": True}, Decision.INTERRUPTED, 130),
    ],
)
def test_the_first_reason_that_holds_decides(
    verdicts: list[Verdict], trust: Trust, facts: dict[str, bool], decision: Decision, code: int
) -> None:
    asked = {"interrupted": False, "load_reached": True, "any_samples": True} | facts
    assert decide(verdicts, trust, **asked) == (decision, ExitCode(code))


def test_the_score_is_the_share_of_gates_that_passed() -> None:
    assert score([PASS, PASS, FAIL, NO_DATA]) == 50
    assert passed_gates([PASS, FAIL]) == (1, 2)


def test_no_gate_is_no_score_instead_of_a_full_or_an_empty_one() -> None:
    assert score([]) is None


def test_a_requirement_holds_when_all_of_its_gates_do() -> None:
    found = requirements(
        [
            verdict(Status.PASS, "fast"),
            verdict(Status.FAIL, "fast", "slow page"),
            verdict(Status.NO_DATA, "small"),
            verdict(Status.PASS, "small"),
            verdict(Status.PASS, "steady"),
            verdict(Status.FAIL),
        ]
    )
    assert {name: one.status for name, one in found.items()} == {"fast": Status.FAIL, "small": Status.NO_DATA, "steady": Status.PASS}
    assert found["fast"].details == ("p95(http.response_time) < 2s: pass, because", "slow page: fail, because")


def test_nothing_at_all_is_no_data() -> None:
    assert worst_status([]) is Status.NO_DATA


def test_only_a_pass_is_deployed() -> None:
    assert release(Decision.PASS, [PASS]).answer == "deploy"
    assert all(release(decision, [PASS]).answer == "blocked" for decision in Decision if decision is not Decision.PASS)
    assert release(Decision.PASS, [PASS], "31% of the exchanges failed").answer == "hold"


def test_what_blocks_are_the_gates_that_failed_and_then_those_without_data() -> None:
    found = release(Decision.FAIL, [PASS, NO_DATA, FAIL])
    assert (found.blocking, found.because) == ((FAIL, NO_DATA), "")


@pytest.mark.parametrize("decision", [Decision.UNTRUSTWORTHY, Decision.UNREACHABLE, Decision.INTERRUPTED])
def test_a_run_that_says_nothing_of_the_target_is_blocked_for_that_reason(decision: Decision) -> None:
    assert release(decision, [PASS]).because


def test_a_run_in_which_nothing_was_measured_is_blocked_without_a_gate() -> None:
    assert release(Decision.INCONCLUSIVE, []).because == "nothing was measured"

from __future__ import annotations

from collections.abc import Sequence

import pytest

from loadstone.errors import ExitCode
from loadstone.judge.score import Decision
from loadstone.judge.story import Story
from loadstone.judge.verdict import Status
from loadstone.measure.snapshot import Failure
from loadstone.report.junit import document_cases
from loadstone.report.telling import document_of
from loadstone.report.text_verdict import why
from loadstone.testing.samples import make_snapshot, make_story

LATENCY = "p95(http.response_time) < 30s"
NOT_FOUND = "status"


def story(failed: int, *gates: str, of: int = 10) -> Story:
    """Ten seconds in each of which so many requests of one step failed."""
    failures = {Failure(NOT_FOUND, "ask", "404 Not Found"): failed} if failed else {}
    seconds = [make_snapshot(seq, steps={"ask": (of, 20.0)}, failures=failures) for seq in range(10)]
    return make_story(seconds, gates=gates)


@pytest.mark.parametrize(
    "gates",
    [
        (),
        (LATENCY,),
        (LATENCY, "count(http.requests) > 10"),
        ("rate(http.errors{kind=timeout_total}) < 1%",),
    ],
)
def test_a_run_of_which_everything_failed_uncounted_is_no_data(gates: Sequence[str]) -> None:
    told = story(10, *gates)
    assert (told.verdict, told.exit_code) == (Decision.INCONCLUSIVE, ExitCode.INCONCLUSIVE)
    assert all(verdict.status is Status.NO_DATA for verdict in told.verdicts)
    document = document_of(told)
    assert document.decision is not None
    assert document.decision.answer == "blocked"
    assert "all 100 exchanges failed" in document.decision.because
    assert "All 100 exchanges failed" in why(document)
    assert next(iter(document_cases(document))).outcome == "error"


def test_failures_that_a_gate_counts_and_allows_are_a_pass_to_deploy() -> None:
    for failed, gate in (
        (10, "rate(http.errors) > 99%"),
        (3, "rate(http.errors) < 40%"),
        (3, "rate(http.errors{kind=status}) < 40%"),
    ):
        told = story(failed, LATENCY, gate)
        assert told.verdict is Decision.PASS
        assert told.because == ""


def test_a_failed_gate_stays_failed_when_everything_failed() -> None:
    assert story(10, LATENCY, "count(http.requests) > 1000000").verdict is Decision.FAIL


@pytest.mark.parametrize("gates", [(), (LATENCY,), (LATENCY, "rate(http.errors{kind=timeout_total}) < 1%")])
def test_many_failures_that_no_gate_counts_hold_a_release_and_stand_in_the_headline(gates: Sequence[str]) -> None:
    told = story(3, *gates)
    document = document_of(told)
    assert told.exit_code == ExitCode.PASS
    assert document.decision is not None
    assert document.decision.answer == "hold"
    assert "30% of the exchanges failed" in why(document)


def test_few_failures_hold_nothing() -> None:
    document = document_of(story(1, LATENCY))
    assert document.decision is not None
    assert document.decision.answer == "deploy"
    assert why(document) == "The gate holds."


def test_a_share_of_few_trials_passes_and_says_how_many_would_be_sure() -> None:
    told = make_story([make_snapshot(0, steps={"ask": (3, 20.0)})], gates=["rate(http.errors) < 1%"])
    (verdict,) = told.verdicts
    assert verdict.passed
    assert "3 samples, to be sure of 1% takes 381" in verdict.reason
    assert any("3 trials" in notice.text for notice in told.notices)
    (enough,) = make_story([make_snapshot(0, steps={"ask": (400, 20.0)})], gates=["rate(http.errors) < 1%"]).verdicts
    assert "samples" not in enough.reason

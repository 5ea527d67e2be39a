"""Exit code, verdict, headline, decision, gates, requirements, score and JUnit of one run never contradict each other."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.judge.score import EXIT_CODES, Decision
from loadstone.judge.story import Story
from loadstone.judge.verdict import Status
from loadstone.measure.snapshot import Failure
from loadstone.report.document import Document
from loadstone.report.junit import UNJUDGED, render_junit
from loadstone.report.markdown import render_markdown
from loadstone.report.telling import document_of
from loadstone.report.text import render_text
from loadstone.report.text_verdict import BANNERS, why
from loadstone.report.told import Told
from loadstone.testing.samples import make_snapshot, make_story

GATES = (
    "p95(http.response_time) < 30s",
    "p95(http.response_time) < 1us",
    "p95(http.response_time{step=nowhere}) < 1s",
    "rate(http.errors) < 5%",
    "rate(http.errors) > 99%",
    "count(http.requests) > 1",
    "max(http.response_time) < 20s",
)
FAILED = Failure("status", "ask", "503")
LATE = Failure("timeout_total", "ask", "no answer within 1 s")


@st.composite
def stories(draw: st.DrawFn) -> Story:
    requests = draw(st.sampled_from([0, 1, 10]))
    failed = draw(st.sampled_from([0, requests // 3, requests]))
    late = draw(st.sampled_from([0, requests - failed]))
    failures = {failure: count for failure, count in ((FAILED, failed), (LATE, late)) if count}
    seconds = draw(st.integers(0, 3))
    gates = draw(st.lists(st.sampled_from(GATES), unique=True, max_size=3))
    return make_story(
        [make_snapshot(seq, steps={"ask": (requests, 20.0)} if requests else {}, failures=failures) for seq in range(seconds)],
        gates=gates,
        requirement_of={gate: draw(st.sampled_from(["", "fast", "whole"])) for gate in gates},
        asked_arrivals=draw(st.sampled_from([None, None, None, 10_000])),
        interrupted=draw(st.booleans()) and draw(st.booleans()),
        unreachable=seconds > 0 and requests > 0 and failed + late == requests and draw(st.booleans()),
        aborted_by=draw(st.sampled_from(["", "stop rule"])),
    )


def outcomes(told: Told) -> dict[str, list[str]]:
    """What became of each JUnit case, by the kind of the case."""
    found: dict[str, list[str]] = {}
    for case in ET.fromstring(render_junit(told)).iter("testcase"):  # noqa: S314  our own
        kind = case.get("classname", "").removeprefix("loadstone.")
        found.setdefault(kind, []).append(next((child.tag for child in case), ""))
    return found


@settings(max_examples=60, deadline=None)
@given(story=stories())
def test_all_that_tells_a_verdict_tells_the_same(story: Story) -> None:
    document = document_of(story)
    assert story.exit_code == EXIT_CODES[story.verdict] == document.exit_code
    assert document.verdict == story.verdict.value
    page = render_text(story)
    assert f" {BANNERS[document.verdict][0]} " in page.splitlines()[0]
    assert f"exit code {document.exit_code}" in page.splitlines()[0]
    assert BANNERS[document.verdict][0] in render_markdown(Told.of(story)).decode()
    decided(document)
    judged(story, document)
    cases = outcomes(Told.of(story))
    assert cases["run"] == ["error" if document.verdict in UNJUDGED else ""]
    assert cases.get("gates", []) == [{"pass": "", "fail": "failure"}.get(gate.status, "skipped") for gate in document.gates]
    if document.verdict == "pass":
        assert not any(outcome for kind in cases.values() for outcome in kind)


def decided(document: Document) -> None:
    """The answer to a pipeline."""
    decision = document.decision
    assert decision is not None
    assert (decision.answer == "blocked") == (document.verdict != "pass")
    assert (decision.because in why(document)) == (decision.answer == "hold") or decision.answer != "hold"
    if decision.answer == "deploy":
        assert not decision.because
        assert not decision.blocking
    else:
        assert decision.because or decision.blocking


def judged(story: Story, document: Document) -> None:
    """Gates beside the verdict."""
    statuses = [gate.status for gate in document.gates]
    match story.verdict:
        case Decision.PASS:
            assert set(statuses) <= {"pass"}
            assert document.load.errors < document.load.requests or "rate(http.errors) > 99%" in [gate.gate for gate in document.gates]
        case Decision.FAIL:
            assert "fail" in statuses
        case Decision.INCONCLUSIVE:
            assert "fail" not in statuses
            assert not statuses or "no_data" in statuses
            assert "hold" not in why(document)
    if statuses:
        assert document.score is not None
        assert round(document.score * len(statuses) / 100) == statuses.count("pass")
    for requirement in story.requirements.values():
        if requirement.status is Status.PASS:
            assert requirement.details
            assert all(": pass, " in line for line in requirement.details)

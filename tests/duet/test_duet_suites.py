"""A duet of a suite: requests, answers of a model and messages, each scenario in its turn, over real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadstone.cli.duet import plans
from loadstone.cli.duet_targets import ReferenceTarget
from loadstone.duet import Terms, duet
from loadstone.judge.difference import Answer

SUITE = """
name: mixed
llm: {model: loadstone-simulator}
scenarios:
  reader:
    profile: {kind: constant-users, users: 1, duration: 5s}
    steps: [{name: item, get: /api/items/1}]
  browser:
    profile: {kind: constant-users, users: 1, duration: 5s}
    steps: [{name: item, get: /api/items/2}]
  asker:
    profile: {kind: constant-users, users: 1, duration: 5s}
    steps: [{name: ask, llm: {prompt: hello, max_tokens: 4}}]
  talker:
    profile: {kind: constant-users, users: 1, duration: 5s}
    steps:
      - name: room
        websocket:
          path: /ws/chat?room=room-${index}
          dialogue:
            - send: {type: message, text: "question ${vars.seq}"}
            - expect: json.type == "message"
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    """A file with four scenarios."""
    file = tmp_path / "mixed.yaml"
    file.write_text(SUITE)
    return str(file)


def test_a_slower_model_is_worse_in_a_suite_of_requests_answers_and_messages(suite: str) -> None:
    terms = Terms(users=1, most_pairs=12, slice_requests=2, error_limit=0.5)
    a, b = (ReferenceTarget(["--ttft", ttft, "--token-gap", "0ms"]) for ttft in ("2ms", "40ms"))
    a.restarts = b.restarts = False
    outcome = duet(a, b, plans([suite], None, terms), terms)
    answers = {each.figure: each.answer for each in outcome.differences}
    assert outcome.answer is Answer.WORSE
    assert answers["p50(llm.ttft{step=ask})"] is Answer.WORSE
    assert {
        "p50(http.service_time{scenario=reader,step=item})",
        "p50(http.service_time{scenario=browser,step=item})",
        "p50(ws.round_trip_time{step=room})",
        "errors{step=room}",
    } <= answers.keys()
    assert len(answers) == len(outcome.differences)
    assert not any(outcome.facts.reasons.values())

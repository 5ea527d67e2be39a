"""The demo's calls: there when the real agent's parts are, and after everything else."""

from __future__ import annotations

import pytest

from loadstone.cli.demo import _without_calls
from loadstone.plan.resolve import load
from loadstone.suites.demo.suite import GATES, call_gates, calls


def test_without_the_parts_of_the_agent_nobody_is_called_and_nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.reference.voice.parts.missing", lambda: ["pocketsphinx (recognition)"])
    assert (calls(), call_gates()) == ([], [])


def test_with_the_parts_two_callers_begin_when_all_others_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.reference.voice.parts.missing", list)
    (callers,) = calls()
    ends = {each.name: each.start_s + each.profile.duration_s for each in load(["demo"])[0].scenarios if each.name != "callers"}
    after = callers.tree["after"]
    assert after in ends
    assert ends[after] == max(ends.values())
    assert all("voice." in line["gate"] and line["requirement"] for line in call_gates())


def test_a_demo_of_faults_makes_no_calls() -> None:
    plan = _without_calls(load(["demo"])[0])
    assert "callers" not in {each.name for each in plan.scenarios}
    assert not [gate for gate in plan.gates if "voice." in gate.gate]
    assert len(plan.gates) == len(GATES)

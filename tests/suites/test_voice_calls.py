"""Live calls of the voice suite: who is called, and what is asked of them."""

from __future__ import annotations

from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.plan.feed import read_rows
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.scaled import Knob, objectives_of, shares_of
from loadstone.plan.settings import Overrides
from loadstone.suites.voice import live, suite
from loadstone.suites.voice.suite import CAPACITY

AGENT = "wss://agent.example/media?tenant=1"


def planned(**flags: Any) -> Plan:
    return load(["voice"], Overrides({name: str(value) for name, value in flags.items()}, (), (), {}))[0]


def paths(plan: Plan) -> list[str]:
    return [step.voice.path or "" for each in plan.scenarios for step in each.steps if step.voice is not None]


@pytest.fixture
def without_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.reference.voice.parts.missing", lambda: ["pocketsphinx (recognition)"])


@pytest.fixture
def with_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.reference.voice.parts.missing", list)


@pytest.mark.usefixtures("without_parts")
def test_without_the_agents_parts_the_oracle_is_called_and_named(capfd: pytest.CaptureFixture[str]) -> None:
    plan = planned(only="pipeline,calls")
    assert all(path.startswith("/voice/pcm") for path in paths(plan))
    assert all(step.name.startswith("oracle: ") for each in plan.scenarios for step in each.steps if step.voice is not None)
    told = capfd.readouterr().err
    assert told.count("pocketsphinx") == 1
    assert "pip install 'loadstone[voice]'" in told


@pytest.mark.usefixtures("with_parts")
def test_each_part_that_fails_is_followed_by_a_call_that_must_be_answered() -> None:
    plan = planned(only="pipeline")
    assert plan.embedded
    failing = next(each for each in plan.scenarios if each.name == "failing parts")
    assert failing.profile.model_dump()["users"] == 5
    assert [each["part"] for each in read_rows(failing.data[0])[1]] == ["stt", "tts", "vad", "reply", "tool"]
    assert ["fail_every=1" in path for path in paths(plan) if "fail_part=${row.part}" in path] == [True, False]
    gates = [line.gate for line in plan.gates if line.requirement == "pipeline_recovers"]
    assert gates == [
        "rate(voice.dead_turn{step=reference agent: a part fails}) >= 100%",
        "rate(voice.dead_turn{step=reference agent: after the failure}) <= 0%",
    ]


def test_an_agent_of_the_users_own_is_called_where_it_is_and_nothing_of_it_is_broken() -> None:
    plan = planned(only="pipeline,calls", url=AGENT, protocol="twilio")
    assert plan.target == "https://agent.example"
    assert not plan.embedded
    assert (plan.voice.protocol, plan.voice.rate_hz) == ("twilio", 8_000)
    assert set(paths(plan)) == {AGENT}
    assert [each.name for each in plan.scenarios] == ["one turn", "several turns", "calls"]


@pytest.mark.usefixtures("with_parts")
def test_a_url_of_sessions_takes_no_calls_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    plan = planned(type="integration", url="http://backend.example")
    assert (plan.target, paths(plan)) == ("http://backend.example", [])
    assert "--url ws://HOST/PATH" in capfd.readouterr().err


def test_sessions_stay_with_the_reference_backend_when_an_agent_is_named() -> None:
    plan = planned(only="sessions,calls", url=AGENT)
    assert plan.embedded
    assert plan.target is None
    assert set(paths(plan)) == {AGENT}


@pytest.mark.usefixtures("with_parts")
def test_a_search_for_capacity_turns_up_calls_and_judges_what_callers_hear() -> None:
    plan = planned(only=CAPACITY["only"])
    shares = shares_of(plan)
    assert shares.knob is Knob.USERS
    assert [each.subject for each in objectives_of(plan, shares)] == [
        "p95(voice.response_gap{scenario=calls})",
        "p90(voice.call_setup{scenario=calls})",
        "rate(voice.call_errors{scenario=calls})",
        "rate(voice.dead_turn{scenario=calls})",
    ]


@pytest.mark.parametrize(("calls", "seconds", "statistic"), [(4, 10, "mean"), (10, 60, "p90"), (20, 60, "p95")])
def test_no_percentile_is_asked_of_fewer_turns_than_it_needs(calls: int, seconds: float, statistic: str) -> None:
    assert live.statistic(calls, seconds) == statistic


@pytest.mark.usefixtures("with_parts")
def test_a_stress_judges_the_memory_of_whoever_takes_the_calls_and_nothing_else_does() -> None:
    plan = planned(type="stress", duration="60s")
    beside = {each.name: each for each in plan.scenarios}
    assert [name for name in beside if name.startswith("memory of")] == [
        "memory of sessions",
        "memory of large sessions",
        "memory of calls",
    ]
    assert beside["memory of calls"].after == beside["calls"].after == "large sessions"
    asked = {line.gate for line in plan.gates if line.requirement == "memory_stability"}
    assert {"growth(service.memory{part=calls}) < 100MB", "leak(service.memory{part=calls}) = none"} <= asked
    assert not [line for line in planned(type="performance", duration="60s").gates if line.requirement == "memory_stability"]


def test_the_memory_of_an_agent_elsewhere_is_not_judged_and_that_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    plan = planned(only="calls", url=AGENT, memory=1, duration="60s")
    assert [each.name for each in plan.scenarios] == ["calls"]
    assert "memory of agent.example cannot be read" in capfd.readouterr().err


@pytest.mark.usefixtures("with_parts")
def test_a_regression_compares_the_main_figure_of_each_part_with_the_baseline() -> None:
    gates = [line.gate for line in planned(type="regression", vad="json:loads").gates if line.requirement == "regression"]
    assert gates[0] == "regression(mean(parts.time{part=json:loads})) < 10%"
    assert "regression(mean(voice.response_gap{scenario=calls})) < 10%" in gates
    assert len(gates) == 7
    assert not [line for line in planned(type="performance").gates if line.requirement == "regression"]
    assert planned(only="calls", max_regression=25).gates[-1].gate == "regression(mean(voice.response_gap{scenario=calls})) < 25%"


@pytest.mark.usefixtures("with_parts")
def test_the_same_words_are_said_by_one_caller_and_then_by_many() -> None:
    alone, at_once = planned(only="hearing", calls=7).scenarios
    assert at_once.after == alone.name
    assert [each.profile.model_dump()["users"] for each in (alone, at_once)] == [1, 7]
    assert alone.steps[0].voice == at_once.steps[0].voice
    assert "hearing" not in {each for part in suite.TYPES.values() for each in part}


@pytest.mark.parametrize("text", ["stt", "stt=http://agent.example", "=ws://agent.example"])
def test_a_broken_agent_that_cannot_be_called_is_a_mistake(text: str) -> None:
    with pytest.raises(UsageError, match="no part with its URL"):
        live.own_pipeline(text, "")

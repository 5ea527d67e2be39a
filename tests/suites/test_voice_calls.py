"""Live calls of the voice suite: who is called, and what is asked of them."""

from __future__ import annotations

from typing import Any

import pytest

from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.scaled import Knob, objectives_of, shares_of
from loadstone.plan.settings import Overrides
from loadstone.suites.voice import live
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
    called = [step.voice.path for step in failing.steps if step.voice is not None]
    assert [path.partition("fail_part=")[2].partition("&")[0] for path in called if path] == [part for part in live.FAILING for _ in "12"]
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

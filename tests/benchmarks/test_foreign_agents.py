"""A voice agent on a framework of others, called by our client; needs what `make` does not install, and says so when skipped."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.agents import AGENTS, SERVERS
from benchmarks.processes import end, free_port, wait_until_it_listens
from loadstone.clients.message import Message
from loadstone.clients.voice.client import VoiceClient
from loadstone.load.stage import stage
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.plan.voice import VoiceCall
from loadstone.suites.voice import live
from loadstone.testing.talk import Talk

STOP_S = 0.3
MISSING = [package for module, package in {"wyoming": "wyoming", "webrtcvad": "webrtcvad-wheels"}.items() if find_spec(module) is None]
needs_framework = pytest.mark.skipif(bool(MISSING), reason=f"NO FOREIGN AGENT: pip install {' '.join(MISSING)}")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """The agent on the wyoming package, on a free port."""
    with listening(tmp_path / "log") as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def listening(log: Path, *more: str) -> Iterator[int]:
    """The port of such an agent."""
    port = free_port()
    with log.open("wb") as out:
        argv = [sys.executable, str(SERVERS / "wyoming_agent.py"), str(port), f"{STOP_S:g}", *more]
        process = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True)
        try:
            wait_until_it_listens(process, port, log, 120)
            yield port
        finally:
            end(process)


@needs_framework
def test_an_agent_on_the_wyoming_package_answers_no_sooner_than_its_silence_and_tells_the_end_of_the_turn(agent: str) -> None:
    async def held(client: VoiceClient) -> Message:
        return await client.call(VoiceCall.model_validate({"script": [{"speak": ""}, "wait_answer"]}).script, path=agent)

    user = Talk()
    answer = user.speak("voice", held, voice={"calibrate": False, "protocol": "wyoming"})
    measured = user.measured
    assert answer.ok, answer.reason
    assert measured.count("voice.turns") == 1
    assert measured.count("voice.dead_turn") is measured.count("voice.unknown_events") is measured.count("voice.faults") is None
    for name in ("voice.response_gap", "voice.endpoint_delay"):
        found = measured.distribution(name)
        assert found is not None
        # Its detector hears voice a frame or two less far than the sound has it.
        assert found.max >= (STOP_S - 0.05) * 1e9
    assert 1_400_000_000 <= (measured.count("voice.speech_time") or 0) <= 1_600_000_000


@needs_framework
def test_an_agent_that_sends_all_of_its_answer_at_once_is_heard_on_by_whoever_interrupts_it(agent: str) -> None:
    async def held(client: VoiceClient) -> Message:
        script: list[Any] = [{"speak": ""}, {"barge_in": {"after": "200ms", "say": "no"}}, {"wait_answer": {"within": "3s"}}]
        return await client.call(VoiceCall.model_validate({"script": script}).script, path=agent)

    user = Talk()
    user.speak("voice", held, voice={"calibrate": False, "protocol": "wyoming", "yield": "500ms"})
    measured = user.measured
    # Its protocol has no word that clears what was sent: of 1.5 s, more than a second was still to be heard.
    assert (measured.count("voice.barge_ins"), measured.count("voice.missed_yield")) == (1, 1)
    assert measured.count("voice.bursts")


@needs_framework
def test_the_suites_pipeline_runs_through_an_agent_of_others_and_finds_it_whole_after_a_part_failed(tmp_path: Path) -> None:
    with listening(tmp_path / "log") as port, listening(tmp_path / "other", "fails") as broken:
        flags = {"failing": f"stt=tcp://127.0.0.1:{broken}", "tool_questions": "weather|time"}
        plan = planned(only="pipeline", protocol="wyoming", url=f"tcp://127.0.0.1:{port}", **flags)
        measured = played(plan)
    assert {failure.text for failure in measured.failures} == {"stt: the recogniser is gone"}
    turns = {name: measured.count("voice.turns", {"scenario": name}) for name in ("one turn", "several turns", "tool calls")}
    assert turns == {"one turn": 1, "several turns": 2, "tool calls": 2}
    assert [measured.count("voice.dead_turn", {"scenario": name}) for name in turns] == [None] * 3
    assert measured.count("voice.call_errors") is None
    dead = {step: measured.count("voice.dead_turn", {"step": f"your agent: {step} (stt)"}) for step in (live.FAILS, live.RECOVERS)}
    assert dead == {live.FAILS: 1, live.RECOVERS: None}
    assert measured.count("voice.faults", {"kind": "agent_error"}) == 1


def planned(**flags: str) -> Plan:
    plan = load(["voice"], Overrides(flags, (), (), {}))[0]
    return plan.model_copy(update={"voice": plan.voice.model_copy(update={"calibrate": False})})


def played(plan: Plan) -> Aggregate:
    """What one caller of each scenario hears, all of them at once."""
    talk = Talk()

    async def play(_: Any) -> None:
        await asyncio.gather(*(iterated(scenario) for scenario in plan.scenarios))

    async def iterated(scenario: ScenarioPlan) -> None:
        assert talk.wire is not None
        scene = stage(plan, scenario, talk.wire, talk.recorder, Catalogue())
        session = scene.enter(0)
        await scene.start(session)
        await scene.iterate(session)
        await scene.end(session)

    talk.hold(play)
    return talk.measured


def test_every_agent_has_a_program_and_names_what_installs_it() -> None:
    for each in AGENTS:
        assert (SERVERS / each.program).is_file()
        assert each.packages

"""A voice agent on a framework of others, called by our client; needs what `make` does not install, and says so when skipped."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.agents import AGENTS, SERVERS
from benchmarks.processes import end, free_port, wait_until_it_listens
from loadstone.clients.message import Message
from loadstone.clients.voice.client import VoiceClient
from loadstone.plan.voice import VoiceCall
from loadstone.testing.talk import Talk

STOP_S = 0.3
MISSING = [package for module, package in {"wyoming": "wyoming", "webrtcvad": "webrtcvad-wheels"}.items() if find_spec(module) is None]
needs_framework = pytest.mark.skipif(bool(MISSING), reason=f"NO FOREIGN AGENT: pip install {' '.join(MISSING)}")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """The agent on the wyoming package, on a free port."""
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as out:
        argv = [sys.executable, str(SERVERS / "wyoming_agent.py"), str(port), f"{STOP_S:g}"]
        process = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True)
        try:
            wait_until_it_listens(process, port, log, 30)
            yield f"http://127.0.0.1:{port}"
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


def test_every_agent_has_a_program_and_names_what_installs_it() -> None:
    for each in AGENTS:
        assert (SERVERS / each.program).is_file()
        assert each.packages

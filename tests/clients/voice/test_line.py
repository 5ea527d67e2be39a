"""What a call makes of an agent's events, without a socket and with a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.frames import BINARY, TEXT
from loadstone.clients.voice.calibration import beep
from loadstone.clients.voice.conversation import Conversation
from loadstone.clients.voice.ledger import Ledger
from loadstone.clients.voice.line import Line
from loadstone.clients.voice.mouth import Speech
from loadstone.clients.voice.pcm import PcmDialect
from loadstone.clock import MILLISECOND as MS
from loadstone.clock import Timers
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import LOAD
from loadstone.plan.voice import VoiceCall, VoiceSettings

RATE = 16_000


class Sent:
    """A carrier that keeps what is sent."""

    open_now, untaken, put = True, 0, 1

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def send_message(self, content: str | bytes) -> int:
        if isinstance(content, str):
            self.events.append(json.loads(content))
        return 1

    def send_frame(self, first: int, payload: bytes) -> int:
        raise AssertionError((first, payload))

    def close(self) -> None:
        self.open_now = False


class NoAlarm:
    """Whoever moves the clock fires the timers."""

    def set(self, deadline_ns: int) -> None:
        pass

    def close(self) -> None:
        pass


class Agent:
    """The other end of a line, and the line's clock."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.recorder, self.sent, self.timers = Recorder(), Sent(), Timers(lambda: self.now_ns)
        self.timers.use(NoAlarm())
        self.line = Line(self.sent, PcmDialect(RATE), self.timers, Ledger(self.recorder, "", "call", ()))

    def says(self, at_ms: int, *events: str) -> None:
        self.moves_to(at_ms)
        self.line.on_events([(TEXT, json.dumps({"type": each, "name": "end"})) for each in events], self.now_ns, self.now_ns)

    def sounds(self, at_ms: int, for_s: float) -> None:
        self.moves_to(at_ms)
        self.line.on_events([(BINARY, beep(RATE, for_s).pcm)], self.now_ns, self.now_ns)

    def moves_to(self, at_ms: int) -> None:
        self.now_ns = at_ms * MS
        self.timers.fire()

    @property
    def marks_back(self) -> int:
        return sum(each["type"] == "mark" for each in self.sent.events)

    @property
    def measured(self) -> Aggregate:
        return Aggregate(self.recorder.take(0, 0.0, 1.0, LOAD))


@pytest.fixture
def agent() -> Iterator[Agent]:
    found = Agent()
    yield found
    found.line.mouth.close()


def test_a_mark_that_bears_the_name_of_one_that_was_cleared_comes_back_in_its_own_time(agent: Agent) -> None:
    agent.sounds(1_000, 2.0)
    agent.says(1_000, "mark")
    agent.says(1_500, "clear")
    assert agent.marks_back == 1
    agent.sounds(2_000, 3.0)
    agent.says(2_000, "mark")
    agent.moves_to(3_500)  # when the mark that was cleared would have been heard
    assert agent.marks_back == 1
    agent.moves_to(5_000)
    assert agent.marks_back == 2


def test_the_end_of_an_answer_that_was_broken_off_does_not_end_the_next_one(agent: Agent) -> None:
    agent.sounds(1_000, 2.0)
    agent.says(1_500, "clear")
    following = agent.line.ear.begin_answer()
    agent.says(1_510, "answer_ended")
    agent.sounds(2_000, 0.1)
    assert not following.complete
    agent.says(2_050, "answer_ended")
    assert following.complete


def test_only_sound_that_is_being_heard_is_interrupted(agent: Agent) -> None:
    agent.says(500, "clear")
    agent.sounds(1_000, 0.5)
    agent.says(3_000, "clear")
    assert agent.sent.events == []
    agent.line.ear.begin_answer()
    agent.sounds(4_000, 0.5)
    agent.says(4_200, "clear")
    assert agent.sent.events == [{"type": "interrupted", "played_ms": 200}]


@pytest.mark.parametrize("act", [{"barge_in": {"after": "1s"}}, {"backchannel": {"after": "1s"}}])
def test_a_caller_whose_agent_has_left_speaks_to_nobody(agent: Agent, act: dict[str, Any]) -> None:
    async def held() -> None:
        line = agent.line
        line.mouth.begin(0)
        conversation = Conversation(line, VoiceSettings(), lambda _what, _snr: Speech(beep(RATE), RATE))
        playing = asyncio.ensure_future(conversation.play(VoiceCall.model_validate({"script": [act]}).script))
        await asyncio.sleep(0)
        line.on_lost(Failed(Kind.CLOSED_EARLY, "gone"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert playing.done()
        await playing

    asyncio.run(held())
    assert agent.measured.count("voice.faults") is None
    assert agent.measured.count("voice.barge_ins") is None

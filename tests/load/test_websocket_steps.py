"""Written dialogues, played by the engine's own step against a server of scripted bytes."""

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from loadstone.clients.frames import TEXT
from loadstone.clients.websocket_client import WebSocketClient
from loadstone.clock import now_ns
from loadstone.load.websocket_step import WebSocketStep
from loadstone.plan.model import Plan
from loadstone.plan.steps import Step as WrittenStep
from loadstone.plan.verify import verify
from loadstone.testing.server import Peer, ScriptedServer, Step, hold
from loadstone.testing.websocket import SocketTalk, accept, answer_frames, read_frame, server_frame


class FakeSession:
    """What a step asks of a session."""

    def __init__(self, client: WebSocketClient, talk: SocketTalk) -> None:
        self._client, self._talk = client, talk
        self.index, self.leaving = 3, False
        self.vars: dict[str, Any] = {}
        self.data: Mapping[str, Any] = {}
        self.tags: Mapping[str, str] = {}
        self.rng = random.Random(1)
        self.checks: list[tuple[str, bool]] = []
        self.pauses = 0
        self.most_pauses = 0

    def speak(self, kind: str) -> WebSocketClient:
        assert kind == "websocket"
        return self._client

    def check(self, holds: bool, name: str) -> bool:
        self.checks.append((name, holds))
        return holds

    async def sleep(self, _seconds: float) -> None:
        self._talk.due.append((now_ns(), 0))
        await asyncio.sleep(0)

    async def pause_until(self, _at_ns: int) -> None:
        self.pauses += 1
        self.leaving = self.pauses > self.most_pauses
        await asyncio.sleep(0)


def play(
    dialogue: Mapping[str, Any], *script: Step, passes: int = 1, prepare: Callable[[FakeSession], None] | None = None, **step: Any
) -> Any:
    """(session, replies, what was measured) after some passes of a user through a step."""
    written = WrittenStep.model_validate({"name": "talk", "websocket": {"path": "/ws/${index}", **dialogue}, **step})
    with ScriptedServer([accept(), *script, hold()]) as server:
        talk = SocketTalk(target=server.url)

        async def conversation(client: WebSocketClient) -> Any:
            session, compiled = FakeSession(client, talk), WebSocketStep(written)
            if prepare:
                prepare(session)
            replies = [await compiled.run(session) for _ in range(passes)]  # type: ignore[arg-type]
            return session, replies

        session, replies = talk.hold(conversation)
        assert not server.mistakes
        return session, replies, talk.measured, server


def says(*values: Any) -> Step:
    """Read a frame, then send these as JSON."""

    def step(peer: Peer) -> None:
        read_frame(peer)
        for value in values:
            peer.send(server_frame(TEXT, json.dumps(value).encode()))

    return step


def test_a_dialogue_passes_over_what_it_does_not_expect_and_keeps_what_it_extracts() -> None:
    dialogue = {
        "dialogue": [
            {"send": {"type": "ask", "text": "number ${vars.seq}", "user": "${index}"}},
            {"expect": 'json.type == "typing"', "within": "5s"},
            {"expect": 'json.type == "message"', "within": "5s", "extract": {"said": "json.text"}},
        ]
    }
    answers = ({"type": "news"}, {"type": "typing"}, {"type": "other"}, {"type": "message", "text": "forty-two"})
    session, replies, measured, server = play(dialogue, says(*answers), says(*answers), passes=2, checks=["json.text exists"])
    assert replies == [True, True]
    assert session.vars == {"seq": 1, "said": "forty-two"}
    assert {name for name, holds in session.checks if not holds} == set()
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /ws/3 HTTP/1.1")
    # From what was sent to the last message that was expected of it.
    times = measured.distribution("ws.round_trip_time", {"step": "talk"})
    assert times is not None
    assert times.count == 2
    assert measured.count("ws.messages_in") == 8


def test_an_expected_message_that_does_not_come_ends_the_pass_as_a_check_that_failed() -> None:
    dialogue = {"dialogue": [{"send": "hello"}, {"expect": "text == goodbye", "within": "10ms"}, {"send": "never"}]}
    session, replies, measured, _ = play(dialogue, says("other"))
    assert replies == [False]
    assert session.checks == [("expect text == goodbye", False)]
    assert measured.count("ws.messages_out") == 1
    assert measured.distribution("ws.round_trip_time") is None


def test_answers_paired_by_order_or_by_a_value_are_round_trips() -> None:
    dialogue = {"dialogue": [{"send": "a", "match": "order"}, {"wait": "1ms"}, {"send": {"n": "${vars.seq}"}, "match": "json.n"}]}
    _, replies, measured, _ = play({"dialogue": dialogue["dialogue"][:2]}, answer_frames(1))
    assert replies == [True]
    _, replies, measured, _ = play({"dialogue": dialogue["dialogue"][2:]}, answer_frames(2), passes=2)
    assert replies == [True, True]
    times = measured.distribution("ws.round_trip_time")
    assert times is not None
    assert times.count == 2


def test_a_connection_that_is_not_kept_is_opened_for_each_pass() -> None:
    written = {"dialogue": [{"send": "a", "match": "order"}], "keep": False}
    with ScriptedServer([accept(), answer_frames(2)]) as server:
        talk = SocketTalk(target=server.url)

        async def conversation(client: WebSocketClient) -> None:
            step = WebSocketStep(WrittenStep.model_validate({"name": "talk", "websocket": {"path": "/", **written}}))
            for _ in range(3):
                assert await step.run(FakeSession(client, talk))  # type: ignore[arg-type]

        talk.hold(conversation)
    assert server.connections == 3
    assert talk.measured.count("ws.closes", {"code": "1000"}) == 3


def test_on_a_grid_messages_are_due_whether_answers_come_or_not() -> None:
    def prepare(session: FakeSession) -> None:
        session.most_pauses = 5

    def reads(peer: Peer) -> None:
        frames = [read_frame(peer) for _ in range(5)]
        for frame in frames:
            peer.send(server_frame(*frame))

    dialogue = {"dialogue": [{"send": "tick ${vars.seq}", "match": "order"}], "rate": "1000/s"}
    session, replies, measured, _ = play(dialogue, reads, prepare=prepare)
    assert replies == [True]
    assert session.vars["seq"] == 4
    times, served = measured.distribution("ws.round_trip_time"), measured.distribution("ws.service_time")
    assert times is not None
    assert served is not None
    assert times.count == served.count == 5


def test_a_refused_connection_ends_the_pass_and_the_next_one_tries_again() -> None:
    with ScriptedServer([hold()]) as server:
        pass
    talk = SocketTalk(target=server.url)

    async def conversation(client: WebSocketClient) -> Any:
        step = WebSocketStep(WrittenStep.model_validate({"name": "talk", "websocket": {"path": "/", "dialogue": [{"send": "a"}]}}))
        return [await step.run(FakeSession(client, talk)) for _ in range(2)]  # type: ignore[arg-type]

    assert talk.hold(conversation) == [False, False]
    assert talk.measured.count("ws.connect_failures", {"kind": "refused"}) == 2


def test_only_a_single_message_and_its_answer_is_a_rally() -> None:
    def is_rally(**dialogue: Any) -> bool:
        return WebSocketStep(WrittenStep.model_validate({"name": "x", "websocket": {"path": "/", **dialogue}})).is_rally

    send = {"send": "a", "match": "order"}
    assert is_rally(dialogue=[send])
    assert not is_rally(dialogue=[send], rate=5)
    assert not is_rally(dialogue=[send], keep=False)
    assert not is_rally(dialogue=[send, send])
    assert not is_rally(dialogue=[{"send": "a", "match": "json.id"}])


@pytest.mark.parametrize(
    ("dialogue", "what"),
    [
        ([{"send": "a", "wait": "1s"}], "send and wait"),
        ([{}], "says nothing"),
        ([{"wait": "1s", "match": "order"}], "match"),
        ([{"close": 1006}], "close code"),
    ],
)
def test_a_line_of_a_dialogue_says_one_thing(dialogue: list[dict[str, Any]], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        WrittenStep.model_validate({"name": "x", "websocket": {"path": "/", "dialogue": dialogue}})


def test_every_text_of_a_dialogue_is_checked_before_the_run() -> None:
    dialogue = [
        {"send": "${vars.seq} ${vars.nobody} ${what}"},
        {"expect": "colour == red"},
        {"send": "a", "match": "colour.id"},
        {"send": "${vars.said}"},
        {"expect": "text exists", "extract": {"said": "json.text"}},
    ]
    step = {"name": "x", "websocket": {"path": "/${row.column}", "dialogue": dialogue}}
    scenario = {"profile": {"kind": "constant-users", "users": 1, "duration": "1s"}, "steps": [step]}
    findings = verify(Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"a": scenario}}))
    places = {".".join(map(str, finding.place[-2:])) for finding in findings}
    assert places == {"0.send", "1.expect", "2.match", "websocket.path"}

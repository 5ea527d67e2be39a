"""Written steps that speak to language models and to event streams, through a whole worker's scene."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from loadstone.load.behaviour import StepsBehaviour
from loadstone.load.scene import Scene
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.model import Plan
from loadstone.plugins import installed
from loadstone.testing.server import ScriptedServer, always, answer, chunked
from loadstone.testing.talk import Talk

SSE = "Content-Type: text/event-stream"
GOOD = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def plan_of(*steps: dict[str, Any], **settings: Any) -> Plan:
    scenario = {"profile": {"users": 1, "duration": "10s"}, "steps": list(steps)}
    return Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"talk": scenario}, **settings})


def iterate(plan: Plan, times: int = 1, row: dict[str, Any] | None = None) -> tuple[Aggregate, list[dict[str, Any]]]:
    """Iterations of one user; what was measured, and the bodies that were asked."""
    with ScriptedServer([always(answer(chunked(GOOD, headers=[SSE])))]) as server:
        talk = Talk(target=server.url)

        async def act(client: Any) -> None:
            shared = client._shared  # the clients of the kind, which stand on the same ground as those of a worker
            made = {"llm": shared}

            def speak(kind: str, session: Any) -> Any:
                if kind not in made:
                    made[kind] = installed().get("client", kind)(shared._ground)
                return made[kind].client(session)

            scenario = plan.scenarios[0]
            behaviour, catalogue = StepsBehaviour(scenario.steps), Catalogue()
            scene = Scene(
                scenario, behaviour, recorder=talk.recorder, timers=shared.timers, catalogue=catalogue, speak=speak, tags={}, seed=1
            )
            session = scene.enter(0)
            session.data = row or {}
            for _ in range(times):
                await scene.iterate(session)
            await scene.end(session)

        llm, slos = plan.llm.model_dump(by_alias=True, exclude_unset=True), [gate.gate for gate in plan.gates]
        talk.speak("llm", act, llm=llm, gates=slos)
    bodies = [json.loads(body) for request in server.requests if (body := request.partition(b"\r\n\r\n")[2])]
    return talk.measured, bodies


def test_a_step_asks_with_its_places_filled_in_and_is_checked() -> None:
    step = {"llm": {"prompt": "Say ${row.word}", "max_tokens": 4}, "name": "say", "checks": ["text contains Hello", "text contains Bye"]}
    measured, bodies = iterate(plan_of(step, llm={"model": "m"}), row={"word": "hi"})
    assert (bodies[0]["messages"], bodies[0]["max_tokens"]) == ([{"role": "user", "content": "Say hi"}], 4)
    assert measured.count("llm.requests", {"step": "say", "scenario": "talk"}) == 1
    assert (measured.count("check.count"), measured.count("check.failures")) == (2, 1)


def test_a_step_that_remembers_sends_what_was_said_before() -> None:
    _, bodies = iterate(plan_of({"llm": {"prompt": "More", "remember": True}}, llm={"model": "m"}), times=3)
    assert [len(body["messages"]) for body in bodies] == [1, 3, 5]


def test_a_step_without_a_question_asks_the_plans_prompts_in_turn() -> None:
    settings = {"model": "m", "prompts": {"kind": "fixed", "texts": ["One", "Two"], "output": 7}}
    _, bodies = iterate(plan_of({"llm": {}}, llm=settings), times=3)
    assert [body["messages"][-1]["content"] for body in bodies] == ["One", "Two", "One"]
    assert {body["max_tokens"] for body in bodies} == {7}


def test_a_conversation_of_the_prompts_carries_the_answers_on() -> None:
    settings = {"model": "m", "prompts": {"turns": 3, "input": 5}}
    _, bodies = iterate(plan_of({"llm": {}}, llm=settings))
    assert [[message["role"] for message in body["messages"]] for body in bodies] == [
        ["user"], ["user", "assistant", "user"], ["user", "assistant", "user", "assistant", "user"],
    ]  # fmt: skip


def test_a_step_of_events_reads_a_stream() -> None:
    measured, _ = iterate(plan_of({"sse": {"path": "/events", "limit": 1}, "name": "watch"}, llm={"model": "m"}))
    assert (measured.count("sse.streams", {"step": "watch"}), measured.count("sse.events")) == (1, 1)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"llm": {}}, "asks nothing"),
        ({"llm": {"prompt": "a", "embed": "b"}}, "keep one"),
        ({"llm": {"messages": []}}, "no messages"),
        ({"llm": {"promt": "a"}}, "promt"),
        ({"llm": {"prompt": "a"}, "get": "/"}, "one exchange"),
        ({"sse": {"path": "/", "limit": 0}}, "greater than 0"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(step: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        plan_of(step)


def test_secrets_of_a_call_do_not_print() -> None:
    plan = plan_of({"llm": {"prompt": "a", "headers": {"Api-Key": "s3cret"}}}, llm={"model": "m", "extra": {"api_key": "s3cret"}})
    assert "s3cret" not in plan.model_dump_json() + repr(plan)
    assert "s3cret" in plan.wire()

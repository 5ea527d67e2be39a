"""Calls of Python callables: what is recorded of those that return, raise, take too long or answer piece by piece."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from loadstone.clients.call import CallClients, find_callable
from loadstone.errors import UsageError
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.recorder import Recorder
from loadstone.plan.model import Plan
from loadstone.testing.talk import Talk

Act = Callable[[Any], Awaitable[Any]]


def spoken(act: Act) -> tuple[Any, Aggregate]:
    talk = Talk()
    answer = talk.speak("call", act)
    return answer, talk.measured


def failing() -> None:
    raise ValueError("no such voice")


def test_a_callable_is_called_with_its_arguments_and_counted() -> None:
    reply, measured = spoken(lambda call: call("json:loads", "[1, 2]", name="read"))
    assert reply.ok
    assert reply.value == [1, 2]
    assert measured.count("call.requests", {"step": "read"}) == 1
    assert not measured.count("call.errors")
    times = measured.distribution("call.response_time")
    assert times is not None
    assert times.count == 1


def test_a_coroutine_is_awaited_and_its_keywords_are_its_own() -> None:
    async def double(*, number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    reply, _ = spoken(lambda call: call(double, number=21))
    assert reply.value == 42


@pytest.mark.parametrize("thread", [False, True])
def test_what_a_callable_raises_is_a_failure_with_its_text_and_no_exception(thread: bool) -> None:
    reply, measured = spoken(lambda call: call(failing, thread=thread))
    assert (reply.failure, reply.reason, reply.value) == ("raised", "ValueError: no such voice", None)
    assert measured.count("call.errors", {"kind": "raised"}) == 1
    assert measured.count("call.requests") == 1


def test_a_callable_that_leaves_the_program_is_a_failure_too() -> None:
    def leaving() -> None:
        raise SystemExit("enough")

    reply, _ = spoken(lambda call: call(leaving))
    assert reply.failure == "raised"


def test_a_coroutine_that_never_ends_is_left_at_its_timeout() -> None:
    async def waiting() -> None:
        await asyncio.Event().wait()

    reply, measured = spoken(lambda call: call(waiting, timeout="10ms"))
    assert reply.failure == "timeout_total"
    assert measured.count("call.errors", {"kind": "timeout_total"}) == 1


def test_a_timeout_that_the_callable_raises_itself_is_its_own() -> None:
    def late() -> None:
        raise TimeoutError("the line is silent")

    reply, _ = spoken(lambda call: call(late, timeout="1h"))
    assert (reply.failure, reply.reason) == ("raised", "TimeoutError: the line is silent")


def test_pieces_are_collected_and_the_first_has_its_time() -> None:
    clock = iter(range(3))

    def pieces() -> Iterator[int]:
        yield from clock

    async def later() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    for function in (pieces, later):
        reply, _ = spoken(lambda call, function=function: call(function))  # type: ignore[misc]
        assert reply.value == [0, 1, 2]
        assert reply.sent_ns <= reply.first_ns <= reply.end_ns


def test_a_threaded_call_runs_beside_the_loop() -> None:
    reply, _ = spoken(lambda call: call(threading.get_ident, thread=True))
    assert reply.value != threading.get_ident()


def test_bytes_given_and_returned_are_counted() -> None:
    _, measured = spoken(lambda call: call(bytes, b"\0" * 640))
    assert measured.count("call.bytes_out") == 640
    assert measured.count("call.bytes_in") == 640


def test_the_wait_for_a_call_that_was_due_earlier_belongs_to_its_response_time() -> None:
    async def act(call: Any) -> Any:
        first = await call(len, "a")
        talk.due.append((first.sent_ns - 5_000_000, 0))
        return await call(len, "a")

    talk = Talk()
    reply = talk.speak("call", act)
    assert reply.response_time_s >= 0.005
    assert reply.service_time_s < reply.response_time_s


@pytest.mark.parametrize(
    ("target", "message"),
    [("json", "names no callable"), ("json:no_such", "no_such"), ("no_such_module_here:x", "No module"), ("json:__name__", "is a str")],
)
def test_a_target_that_cannot_be_called_is_told_before_the_load(target: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_callable(target)


def test_a_written_step_whose_target_is_unknown_ends_the_run_before_there_is_load() -> None:
    scenario = {"profile": {"users": 1, "duration": "1s"}, "steps": [{"call": "json:no_such"}]}
    plan = Plan.model_validate({"scenarios": {"talk": scenario}})
    ground = SimpleNamespace(plan=plan, scenario="talk", http=SimpleNamespace(recorder=Recorder()))
    with pytest.raises(UsageError, match="no_such"):
        CallClients(ground)  # type: ignore[arg-type]

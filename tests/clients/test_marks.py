"""Four marks per exchange, and whose time is whose."""

import asyncio
import threading
import time

import pytest

from loadstone.clients.http import HttpClient
from loadstone.clients.reply import Reply
from loadstone.clock import SECOND, KernelAlarm, now_ns
from loadstone.testing.server import ScriptedServer, always, answer, read, response, send, tell, wait
from loadstone.testing.talk import Talk

pytestmark = pytest.mark.usefixtures("stamping")
HELLO = response(b"hello")
STALL_NS = 100_000_000

linux = pytest.mark.skipif(not KernelAlarm.available(), reason="the kernel's receive stamps are Linux's")


def in_order(reply: Reply) -> bool:
    return 0 < reply.due_ns <= reply.sent_ns <= reply.first_ns <= reply.end_ns <= reply.seen_ns


def test_marks_are_in_order_and_due_is_what_the_plan_said() -> None:
    async def several(http: HttpClient) -> list[Reply]:
        return [await http.get("/") for _ in range(20)]

    began = now_ns()
    with ScriptedServer([always(answer(HELLO))]) as server:
        talk = Talk(target=server.url)
        talk.due = [(began - SECOND, 0)]
        replies = talk.hold(several)
    assert all(in_order(reply) for reply in replies)
    assert replies[0].due_ns == began - SECOND
    assert replies[0].response_time_s > 1
    response_time = talk.measured.distribution("http.response_time")
    assert response_time is not None
    assert response_time.max == max(reply.end_ns - reply.due_ns for reply in replies)


@linux
def test_every_read_on_loopback_has_a_stamp_of_the_kernel() -> None:
    async def several(http: HttpClient) -> None:
        for _ in range(50):
            await http.get("/")

    with ScriptedServer([always(answer(HELLO))]) as server:
        talk = Talk(target=server.url)
        talk.hold(several)
    assert talk.wire is not None
    assert (talk.wire.counters.reads, talk.wire.counters.unstamped, talk.wire.counters.coalesced) == (50, 0, 0)


def stalled(http: HttpClient, answered: threading.Event) -> "asyncio.Future[Reply]":
    """The script keeps the event loop busy while the response is already there."""
    exchange = asyncio.ensure_future(http.get("/"))

    def stall() -> None:
        answered.wait()
        time.sleep(STALL_NS / SECOND)

    asyncio.get_running_loop().call_soon(stall)
    return exchange


@linux
def test_a_reader_that_stalls_shows_in_its_own_share_and_not_in_the_service_time() -> None:
    answered = threading.Event()

    async def conversation(http: HttpClient) -> Reply:
        await http.get("/")
        talk.recorder.take(0, 0.0, 1.0, "")
        return await stalled(http, answered)

    with ScriptedServer([answer(HELLO), read(), send(HELLO), tell(answered), read()]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(conversation)
    service, share = reply.end_ns - reply.sent_ns, reply.seen_ns - reply.end_ns
    assert in_order(reply)
    assert share > STALL_NS * 0.9
    assert service < share
    measured = talk.measured
    shares, services = measured.distribution("generator.share"), measured.distribution("http.service_time")
    assert shares is not None
    assert services is not None
    assert (shares.max, services.max) == (share, service)


@linux
def test_a_read_of_several_segments_is_counted() -> None:
    answered = threading.Event()
    large = response(bytes(150_000))

    async def conversation(http: HttpClient) -> Reply:
        await http.get("/")
        return await stalled(http, answered)

    with ScriptedServer([answer(HELLO), read(), send(large), tell(answered), read()]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(conversation)
    assert len(reply.body) == 150_000
    assert in_order(reply)
    assert talk.wire is not None
    assert talk.wire.counters.coalesced >= 1
    assert talk.wire.counters.unstamped == 0


@linux
@pytest.mark.parametrize("step_ns", [10 * SECOND, -10 * SECOND], ids=["back", "forth"])
def test_a_stamp_of_a_clock_that_was_stepped_is_not_used(step_ns: int) -> None:
    async def conversation(http: HttpClient) -> Reply:
        assert talk.wire is not None
        await http.get("/")
        talk.wire.stamps.offset += step_ns
        return await http.get("/")

    with ScriptedServer([always(answer(HELLO))]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(conversation)
    assert talk.wire is not None
    assert reply.end_ns == reply.seen_ns
    assert in_order(reply)
    assert talk.wire.counters.unstamped == 1


def test_first_and_end_are_marks_of_different_reads() -> None:
    go_on = threading.Event()

    async def conversation(http: HttpClient) -> Reply:
        exchange = asyncio.ensure_future(http.get("/"))
        assert talk.wire is not None
        while not talk.wire.counters.reads:  # noqa: ASYNC110  the wire tells nobody of a part
            await asyncio.sleep(0)
        go_on.set()
        return await exchange

    with ScriptedServer([read(), send(HELLO[:-1]), wait(go_on), send(HELLO[-1:]), read()]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(conversation)
    assert in_order(reply)
    assert reply.first_ns < reply.end_ns


def test_waiting_for_a_session_and_for_a_connection_is_no_lag_of_the_generator() -> None:
    with ScriptedServer([always(answer(HELLO))]) as server:
        talk = Talk(target=server.url)
        talk.due = [(now_ns() - 5 * SECOND, 5 * SECOND)]
        talk.hold(lambda http: http.get("/"))
    measured = talk.measured
    lag, response_time = measured.distribution("load.send_lag"), measured.distribution("http.response_time")
    assert lag is not None
    assert response_time is not None
    assert lag.max < SECOND
    assert response_time.min > 5 * SECOND

"""Servers that do everything wrong: each is a typed failure, nothing hangs, nothing leaks, nothing is lost."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from loadstone.clients.connection import Limits
from loadstone.clients.failure import Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.reply import Reply
from loadstone.clock import MILLISECOND, SECOND
from loadstone.testing.server import ScriptedServer, Step, always, answer, hold, read, reset, response, send, wait
from loadstone.testing.talk import Talk

NO_CONNECT = Limits(connect_ns=50 * MILLISECOND)
# Short only where the time-out is what is expected: a busy machine may be slow to answer.
LIMITS = {
    Kind.TIMEOUT_FIRST_BYTE: Limits(first_byte_ns=50 * MILLISECOND),
    Kind.TIMEOUT_TOTAL: Limits(total_ns=50 * MILLISECOND),
}
USUAL = Limits(body=100_000)
HELLO = response(b"hello")


async def get(http: HttpClient) -> Reply:
    return await http.get("/")


CASES: list[tuple[str, Sequence[Step], Kind]] = [
    ("closes without an answer", [read()], Kind.CLOSED_EARLY),
    ("closes inside the head", [read(), send(HELLO[:20])], Kind.CLOSED_EARLY),
    ("closes inside the body", [read(), send(HELLO[:-1])], Kind.CLOSED_EARLY),
    ("resets", [read(), reset()], Kind.RESET),
    ("resets inside the body", [read(), send(HELLO[:-1]), reset()], Kind.RESET),
    ("answers garbage", [read(), send(b"\x00\xff garbage")], Kind.MALFORMED),
    ("speaks first and something else", [read(3), send(b"220 mail ready\r\n"), hold()], Kind.MALFORMED),
    ("answers with a huge head", [read(), send(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000), hold()], Kind.TOO_LARGE),
    ("answers with a huge body", [read(), send(response(b"a" * 100_001)), hold()], Kind.TOO_LARGE),
    ("sends more than it said", [read(), send(response(b"hello") + b"!"), hold()], Kind.MALFORMED),
    ("sends less than it said", [read(), send(response(b"hello")[:-1])], Kind.CLOSED_EARLY),
    ("never answers", [read(), hold()], Kind.TIMEOUT_FIRST_BYTE),
    ("never ends its head", [read(), send(HELLO[:20]), hold()], Kind.TIMEOUT_TOTAL),
    ("never ends its body", [read(), send(HELLO[:-1]), hold()], Kind.TIMEOUT_TOTAL),
    ("answers with line ends of LF", [read(), send(HELLO.replace(b"\r\n", b"\n")), hold()], Kind.MALFORMED),
    ("never ends interim answers", [read(), always(send(b"HTTP/1.1 100 Continue\r\n\r\n"))], Kind.MALFORMED),
]


@pytest.mark.parametrize(("script", "kind"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_server_that(script: Sequence[Step], kind: Kind) -> None:
    with ScriptedServer(script) as server:
        talk = Talk(target=server.url, limits=LIMITS.get(kind, USUAL))
        reply = talk.hold(get)
    measured = talk.measured
    assert reply.failure is kind
    assert reply.reason
    assert measured.count("http.errors", {"kind": kind}) == measured.count("http.requests") == 1
    assert measured.count("http.bytes_out") == len(server.requests[0]) if server.requests else True
    assert server.connections == 1, "a fresh connection's failure is not tried again"


def test_a_closed_port_is_refused() -> None:
    with ScriptedServer() as server:
        url = server.url
    assert Talk(target=url).hold(get).failure is Kind.REFUSED


def test_a_unix_socket_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert Talk(target="http://x", unix_socket=str(tmp_path / "none")).hold(get).failure is Kind.REFUSED
    assert Talk(target="http://x", unix_socket=f"/{'long' * 40}").hold(get).failure is Kind.OTHER


def test_a_name_that_does_not_resolve_is_dns() -> None:
    for name in ("no-such-host.invalid", f"{'a' * 64}.invalid", "a..b"):
        talk = Talk(target=f"http://{name}:1")
        reply = talk.hold(get)
        assert (reply.failure, name in reply.reason) == (Kind.DNS, True)
        assert talk.measured.count("http.requests") == 1


def test_a_full_queue_of_a_unix_server_is_waited_for_and_then_a_time_out(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with ScriptedServer(unix=path, backlog=0, accepting=False), contextlib.ExitStack() as stack:
        code = 0
        while not code:
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            code = waiting.connect_ex(path)
        reply = Talk(target="http://x", unix_socket=path, limits=NO_CONNECT).hold(get)
    assert reply.failure is Kind.TIMEOUT_CONNECT


def test_a_source_address_that_is_not_ours_is_no_port() -> None:
    with ScriptedServer([always(answer(HELLO))]) as server:
        reply = Talk(target=server.url, source_addresses=("192.0.2.1",)).hold(get)
    assert reply.failure is Kind.NO_PORTS


def test_a_time_out_counts_as_longer_than_anything_recorded() -> None:
    with ScriptedServer([read(), hold()]) as server:
        talk = Talk(target=server.url, limits=LIMITS[Kind.TIMEOUT_FIRST_BYTE])
        talk.hold(get)
    measured = talk.measured
    for name in ("http.response_time", "http.service_time"):
        distribution = measured.distribution(name)
        assert distribution is not None
        assert (distribution.count, distribution.beyond) == (0, 1)


def test_the_first_byte_limit_holds_on_a_fresh_connection_and_on_every_later_one() -> None:
    """The connect limit is far longer here: a timer left from the connect must not be the one that ends the exchange."""
    limits = Limits(connect_ns=60 * SECOND, first_byte_ns=200 * MILLISECOND, total_ns=60 * SECOND)
    with ScriptedServer([read(), hold()]) as server:
        assert Talk(target=server.url, limits=limits).hold(get).failure is Kind.TIMEOUT_FIRST_BYTE

    ready = threading.Event()

    async def after_one_longer_than_the_limit(http: HttpClient) -> Reply:
        first = asyncio.ensure_future(http.get("/"))
        assert talk.wire is not None
        # The limit must have passed while the response was under way; timers fire in the order of their times.
        await talk.wire.timers.wait_until(talk.wire.timers.now_ns() + 250 * MILLISECOND)
        ready.set()
        assert (await first).ok
        return await http.get("/")

    with ScriptedServer([read(), send(HELLO[:-1]), wait(ready), send(HELLO[-1:]), read(), hold()]) as server:
        talk = Talk(target=server.url, limits=limits)
        reply = talk.hold(after_one_longer_than_the_limit)
    assert reply.failure is Kind.TIMEOUT_FIRST_BYTE


def test_a_failed_exchange_does_not_borrow_the_status_of_the_one_before() -> None:
    async def twice(http: HttpClient) -> list[int]:
        return [(await http.get("/")).status for _ in range(2)]

    with ScriptedServer([answer(HELLO), read(), send(b"garbage"), hold()]) as server:
        assert Talk(target=server.url).hold(twice) == [200, 0]


def test_a_failed_connection_is_not_used_again() -> None:
    async def twice(http: HttpClient) -> list[bool]:
        return [(await http.get("/")).ok for _ in range(2)]

    with ScriptedServer([read(), send(b"garbage"), hold()], [always(answer(HELLO))]) as server:
        assert Talk(target=server.url).hold(twice) == [False, True]


def test_an_early_answer_to_a_large_upload_is_read_and_the_connection_given_up() -> None:
    content = bytes(20_000_000)

    async def upload_then_get(http: HttpClient) -> list[int]:
        return [(await http.post("/", body=content, expect=(413,))).status, (await http.get("/")).status]

    go_on = threading.Event()
    refusal = response(b"too much", status=413)
    with ScriptedServer([read(1_000), send(refusal), wait(go_on)], [always(answer(HELLO))]) as server:
        talk = Talk(target=server.url)
        assert talk.hold(upload_then_get) == [413, 200]
        go_on.set()
    assert server.connections == 2
    assert talk.measured.count("http.errors") is None


def test_a_server_that_closes_inside_an_upload_is_closed_early_or_reset() -> None:
    with ScriptedServer([read(1_000)]) as server:
        reply = Talk(target=server.url).hold(lambda http: http.post("/", body=bytes(20_000_000)))
    assert reply.failure in {Kind.CLOSED_EARLY, Kind.RESET}


def test_an_exchange_that_is_cancelled_closes_its_connection() -> None:
    async def cancelled(http: HttpClient) -> Reply:
        task = asyncio.ensure_future(http.get("/"))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return await http.get("/")

    with ScriptedServer([always(answer(HELLO))]) as server:
        talk = Talk(target=server.url)
        assert talk.hold(cancelled).ok
        assert talk.wire is not None


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  iterating a Path holds one open itself


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_nothing_is_left_open_after_a_thousand_failed_connections() -> None:
    before = descriptors()
    scripts: list[Sequence[Step]] = [[read()], [read(), reset()], [read(), send(b"garbage")], [reset()], []]
    left: list[int] = []

    async def many(http: HttpClient) -> None:
        wire = talk.wire
        assert wire is not None
        at_first = wire.open_sockets
        for _ in range(1_000):
            assert not (await http.get("/")).ok
        left.append(wire.open_sockets - at_first)

    with ScriptedServer(*(scripts * 200)) as server:
        talk = Talk(target=server.url)
        talk.hold(many)
    assert server.connections == 1_000
    assert left == [0]
    assert descriptors() == before
    assert talk.measured.count("http.errors") == 1_000

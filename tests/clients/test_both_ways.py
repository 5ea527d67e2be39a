"""The usual exchange is there twice, compiled and in Python: the same bytes give the same replies, rows and connections."""

import asyncio
import contextlib
import contextvars
import gc
import itertools
import socket
import struct
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadstone.clients.compiled import COMPILED, PYTHON, twins
from loadstone.clients.connection import Connection
from loadstone.clients.http import HttpClient
from loadstone.clients.reply import Reply
from loadstone.testing.server import ScriptedServer, always, answer, hold, read, response
from loadstone.testing.talk import Talk

WAYS = twins.ways
HELLO = response(b"hello")
both_ways = pytest.mark.parametrize("way", WAYS)
where_built = pytest.mark.skipif(COMPILED not in WAYS, reason=f"NO COMPILED PART: {twins.why}")


@contextlib.contextmanager
def going(way: str) -> Iterator[None]:
    """Go one way for as long as the block lasts."""
    before = twins.way
    twins.use(way)
    try:
        yield
    finally:
        twins.use(before)


class Server:
    """The other end, in the test's own event loop: sends one piece, and the next when the client has read it."""

    def __init__(self, talk: Talk, exchanges: list[list[bytes]], *, ends_with_reset: bool) -> None:
        self._talk, self._exchanges, self._reset = talk, exchanges, ends_with_reset
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.sent_all = asyncio.Event()

    async def serve(self) -> None:
        """The first connection follows the script; all later ones are closed at their first byte."""
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._listening)
            with sock, contextlib.suppress(OSError):
                await self._play(loop, sock)
                if self._reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sent_all.set()

    async def _play(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        while await loop.sock_recv(sock, 65_536):
            if not self._exchanges:
                return
            sent = 0
            for piece in self._exchanges.pop(0):
                await loop.sock_sendall(sock, piece)
                sent += len(piece)
                while any(each.got < sent for each in self._connections()):  # noqa: ASYNC110  another's attribute
                    await asyncio.sleep(0)
            if any(each.stage == "busy" for each in self._connections()):
                return  # it waits for what will not come
            self.sent_all.set()

    def _connections(self) -> list[Connection]:
        assert self._talk.wire is not None
        owners = (getattr(handler, "__self__", None) for handler in self._talk.wire.handlers.values())
        return [owner for owner in owners if isinstance(owner, Connection)]

    def close(self) -> None:
        self._listening.close()


def story(way: str, exchanges: list[list[bytes]], *, ends_with_reset: bool = False, keep_body: bool = True) -> list[Any]:
    """Everything that came of the same requests and answers, but for the times."""

    async def conversation(http: HttpClient) -> list[Reply]:
        server = Server(talk, [list(pieces) for pieces in exchanges], ends_with_reset=ends_with_reset)
        http._shared.base = http._shared.resolve_url(server.url)
        serving = asyncio.create_task(server.serve())
        try:
            replies = []
            for _ in exchanges:
                server.sent_all.clear()
                replies.append(await http.get(server.url))
                await server.sent_all.wait()
            told.extend(len(kept) for kept in http._idle.values())
            return replies
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
            server.close()

    told: list[Any] = []
    talk = Talk(keep_body=keep_body, redirects=0)
    with going(way):
        replies = talk.hold(conversation)
    for reply in replies:
        assert reply.due_ns <= reply.sent_ns or not reply.sent_ns
        assert not reply.first_ns or reply.sent_ns <= reply.first_ns <= reply.end_ns <= reply.seen_ns
        told.append((reply.failure, reply.reason, reply.status, reply.body, reply.headers, bool(reply.first_ns)))
    measured = talk.measured
    counts = ("http.requests", "http.errors", "http.bytes_in", "http.bytes_out", "http.reconnects")
    told.extend((metric, measured.count(metric)) for metric in counts)
    times = ("http.response_time", "http.service_time", "http.time_to_first_byte", "generator.share")
    told.extend((metric, found.count if (found := measured.distribution(metric)) else None) for metric in times)
    assert talk.wire is not None
    return [*told, talk.wire.counters.reads]


OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n\r\n"
HEADS = st.sampled_from(
    [
        OK + FIVE,
        OK + b"Content-Length: 0\r\n\r\n",
        OK + b"\r\n",
        OK + b"Connection: close\r\n" + FIVE,
        OK + b"Set-Cookie: a=1\r\n" + FIVE,
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"X: a\r\n b\r\n" + FIVE,
        OK + b"Content-Encoding: gzip\r\n" + FIVE,
        b"HTTP/1.1 404 Not Found\r\n" + FIVE,
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n" + FIVE,
        b"HTTP/1.0 200 OK\r\n" + FIVE,
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"\r\n\r\n",
        b"",
    ]
)
BODIES = st.sampled_from([b"hello", b"hello", b"hello", b"", b"hell", b"hello!", b"5\r\nhello\r\n0\r\n\r\n", HELLO])


@st.composite
def answers(draw: st.DrawFn) -> list[bytes]:
    """One answer in pieces: right, wrong, cut anywhere, with more behind it."""
    whole = HELLO if draw(st.booleans()) else draw(HEADS) + draw(BODIES)
    if whole and draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(whole) - 1))
        whole = whole[:at] + draw(st.binary(max_size=2)) + whole[at + 1 :]
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=2)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    return [piece for piece in pieces if piece]


@where_built
@given(exchanges=st.lists(answers(), min_size=1, max_size=4), ends_with_reset=st.booleans(), keep_body=st.booleans())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_bytes_have_the_same_consequences(exchanges: list[list[bytes]], *, ends_with_reset: bool, keep_body: bool) -> None:
    stories = [story(way, exchanges, ends_with_reset=ends_with_reset, keep_body=keep_body) for way in (PYTHON, COMPILED)]
    assert stories[0] == stories[1]


@where_built
def test_an_answer_may_be_cut_anywhere() -> None:
    for at in range(1, len(HELLO), 3):
        exchanges = [[HELLO], [HELLO[:at], HELLO[at:]], [HELLO]]
        assert story(COMPILED, exchanges) == story(PYTHON, exchanges)


def hold_both(way: str, conversation: Any, *, server: ScriptedServer) -> tuple[Any, Talk]:
    talk = Talk(target=server.url)
    with going(way):
        return talk.hold(conversation), talk


@both_ways
def test_many_requests_are_all_recorded_with_their_times(way: str) -> None:
    async def conversation(http: HttpClient) -> list[Reply]:
        return [await http.get("/") for _ in range(300)]

    with ScriptedServer([always(answer(HELLO))]) as server:
        replies, talk = hold_both(way, conversation, server=server)
    assert all(reply.ok and reply.body == b"hello" and reply.text == "hello" and reply.url == "/" for reply in replies)
    assert all(a.seen_ns <= b.sent_ns for a, b in itertools.pairwise(replies))
    assert all(reply.due_ns <= reply.sent_ns <= reply.first_ns <= reply.end_ns <= reply.seen_ns for reply in replies)
    measured = talk.measured
    assert measured.count("http.requests") == 300
    assert measured.count("http.bytes_in") == 300 * len(HELLO)
    assert server.connections == 1


@where_built
def test_the_usual_exchange_asks_nothing_of_the_python_way(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def counted(cls: type, name: str) -> None:
        function = getattr(cls, name)

        def count(*given: Any) -> Any:
            called.append(name)
            return function(*given)

        monkeypatch.setattr(cls, name, count)

    async def conversation(http: HttpClient) -> None:
        await http.get("/")
        await http.get("/")
        for name in ("_on_read", "on_events_in_python", "exchange_for_in_python"):
            counted(Connection, name)
        for name in ("get_in_python", "_generally", "_finished", "give_back"):
            counted(HttpClient, name)
        for _ in range(10):
            await http.get("/")
        called.append("the end")

    with ScriptedServer([always(answer(HELLO))]) as server:
        hold_both(COMPILED, conversation, server=server)
    assert called == ["the end"]


@both_ways
def test_a_due_time_and_a_wait_are_taken_from_the_session(way: str) -> None:
    async def conversation(http: HttpClient) -> list[Reply]:
        first = await http.get("/")
        talk_of(http).due.append((first.sent_ns, 5))
        return [first, await http.get("/")]

    def talk_of(http: HttpClient) -> Talk:
        place: Any = http._place
        assert isinstance(place, Talk)
        return place

    with ScriptedServer([always(answer(HELLO))]) as server:
        (first, second), _ = hold_both(way, conversation, server=server)
    assert second.due_ns == first.sent_ns < second.sent_ns


@both_ways
def test_requests_can_be_gathered_grouped_and_waited_for(way: str) -> None:
    async def conversation(http: HttpClient) -> list[Reply]:
        await http.get("/")
        together = await asyncio.gather(http.get("/"), http.get("/"), http.get(url="/", name="named"))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(http.get("/"))
        return [*together, task.result(), await asyncio.wait_for(http.get("/"), 60)]

    with ScriptedServer([always(answer(HELLO))]) as server:
        replies, talk = hold_both(way, conversation, server=server)
    assert [reply.ok for reply in replies] == [True] * 5
    assert talk.measured.count("http.requests") == 6


@both_ways
def test_a_task_keeps_its_context_and_its_identity_while_it_waits(way: str) -> None:
    variable = contextvars.ContextVar("variable", default=0)

    async def user(http: HttpClient, number: int) -> None:
        variable.set(number)
        before = asyncio.current_task()
        for _ in range(3):
            await http.get("/")
            assert variable.get() == number
            assert asyncio.current_task() is before

    async def conversation(http: HttpClient) -> None:
        await asyncio.gather(*(user(http, number) for number in range(1, 5)))
        assert variable.get() == 0

    with ScriptedServer([always(answer(HELLO))]) as server:
        hold_both(way, conversation, server=server)


@both_ways
def test_a_cancelled_request_closes_its_connection_and_the_next_takes_another(way: str) -> None:
    async def conversation(http: HttpClient) -> tuple[bool, Reply]:
        await http.get("/")
        task = asyncio.create_task(one(http))
        while not any(each.stage == "busy" for each in open_connections):
            open_connections.extend(each for kept in http._idle.values() for each in kept if each not in open_connections)
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return task.cancelled(), await http.get("/")

    async def one(http: HttpClient) -> None:
        await http.get("/")

    open_connections: list[Connection] = []
    with ScriptedServer([answer(HELLO), read(), hold()], [always(answer(HELLO))]) as server:
        (cancelled, after), talk = hold_both(way, conversation, server=server)
    assert cancelled
    assert after.ok
    assert [each.stage for each in open_connections] == ["closed"]
    assert server.connections == 2
    assert talk.measured.count("http.requests") == 2


@both_ways
def test_a_request_that_is_given_up_by_hand_closes_its_connection(way: str) -> None:
    async def conversation(http: HttpClient) -> list[str]:
        await http.get("/")
        (connection,) = (each for kept in http._idle.values() for each in kept)
        by_hand = http.get("/")
        by_hand.send(None)
        with pytest.raises(asyncio.CancelledError):
            by_hand.throw(asyncio.CancelledError())
        with pytest.raises(RuntimeError, match="already awaited"):
            await by_hand
        return [connection.stage]

    with ScriptedServer([always(answer(HELLO))]) as server:
        assert hold_both(way, conversation, server=server)[0] == ["closed"]


@both_ways
def test_a_request_that_nobody_awaits_is_told_and_not_sent(way: str) -> None:
    async def conversation(http: HttpClient) -> None:
        await http.get("/")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            http.get("/")  # type: ignore[unused-coroutine]
            gc.collect()
        assert [str(each.message) for each in caught] == ["coroutine 'HttpClient.exchange' was never awaited"]

    with ScriptedServer([always(answer(HELLO))]) as server:
        hold_both(way, conversation, server=server)
    assert len(server.requests) == 1


@both_ways
def test_a_request_larger_than_the_socket_takes_is_sent_in_portions(way: str) -> None:
    body = bytes(range(256)) * 40_000

    async def conversation(http: HttpClient) -> list[Reply]:
        return [await http.get("/"), await http.post("/", body=body), await http.get("/")]

    with ScriptedServer([always(answer(HELLO))]) as server:
        replies, talk = hold_both(way, conversation, server=server)
    assert [reply.ok for reply in replies] == [True] * 3
    assert server.requests[1].endswith(body)
    assert talk.measured.count("http.bytes_out") == sum(len(request) for request in server.requests)


@both_ways
def test_what_is_no_prepared_request_is_refused(way: str) -> None:
    async def conversation(http: HttpClient) -> None:
        anything: Any = "/"
        with pytest.raises((TypeError, AttributeError)):
            await http.exchange(anything)
        with pytest.raises(TypeError):
            http.get(*anything, *anything)  # type: ignore[unused-coroutine]

    with ScriptedServer([always(answer(HELLO))]) as server:
        hold_both(way, conversation, server=server)


def test_pure_python_can_be_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import loadstone.clients.http; from loadstone.clients.compiled import twins; print(twins.ways, twins.why)"],
        env={"LOADSTONE_PURE": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "('python',) LOADSTONE_PURE is set\n"

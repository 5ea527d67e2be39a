"""What the kernel received in time counts, however late the event loop comes to read it; what was never sent does not."""

import select

from loadstone.clients.failure import Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.limits import Limits
from loadstone.clients.reply import Reply
from loadstone.clients.request import Prepared
from loadstone.clock import MILLISECOND, now_ns
from loadstone.testing.server import ScriptedServer, always, answer, hold, response
from loadstone.testing.talk import Talk

HELLO = response(b"hello")


def test_an_answer_that_waits_to_be_read_is_no_time_out() -> None:
    """A script that blocks the loop for longer than the limit must not make a time-out of an answer that came."""

    async def conversation(http: HttpClient) -> Reply:
        await http.get("/")
        ((connection,),) = http._idle.values()
        waiter = connection.exchange(prepared_of(http).wire)
        assert connection._socket is not None
        assert select.select([connection._socket], [], [], 10)[0]
        connection._limit_ns = now_ns() - 1
        connection._on_limit()
        await waiter
        assert connection.usable
        assert connection._limit_ns == 0
        return await http.get("/")

    with ScriptedServer([always(answer(HELLO))]) as server:
        assert Talk(target=server.url).hold(conversation).body == b"hello"
    assert server.connections == 1


def test_a_limit_that_passes_with_nothing_to_read_is_a_time_out() -> None:
    with ScriptedServer([hold()]) as server:
        talk = Talk(target=server.url, limits=Limits(first_byte_ns=30 * MILLISECOND))
        reply = talk.hold(lambda http: http.get("/"))
    assert reply.failure is Kind.TIMEOUT_FIRST_BYTE


def test_bytes_that_never_left_are_not_counted_as_sent() -> None:
    size = 64_000_000  # more than the kernel takes for a server that does not read
    with ScriptedServer(accepting=False) as server:
        talk = Talk(target=server.url, limits=Limits(first_byte_ns=50 * MILLISECOND))
        reply = talk.hold(lambda http: http.post("/", body=bytes(size)))
    assert reply.failure is Kind.TIMEOUT_FIRST_BYTE
    assert 0 < (talk.measured.count("http.bytes_out") or 0) < size


def prepared_of(http: HttpClient) -> Prepared:
    """The request as bytes."""
    return http.prepare("GET", "/")


def test_a_body_that_ends_with_its_connection_ends_when_that_is_seen() -> None:
    """How long the server takes to hang up is its own share of the time, and none of the generator's."""
    until_close = b"HTTP/1.1 200 OK\r\n\r\nto the end"
    with ScriptedServer([answer(until_close)]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(lambda http: http.get("/"))
    assert reply.body == b"to the end"
    assert reply.first_ns < reply.end_ns == reply.seen_ns
    share = talk.measured.distribution("generator.share")
    assert share is not None
    assert (share.count, share.max) == (1, 0)

"""A kept-alive connection that the server closes as a request leaves is no error of the target's."""

import select

import pytest

from loadstone.clients.connection import QUIET_NS
from loadstone.clients.failure import Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.reply import Reply
from loadstone.clients.volley import Volley
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Series
from loadstone.testing.server import ScriptedServer, Step, always, answer, read, reset, response, send
from loadstone.testing.talk import Talk

HELLO = response(b"hello")
KEPT_THEN_CLOSED = (answer(HELLO), read())
KEPT_THEN_RESET = (answer(HELLO), read(), reset())


def twice(method: str, *scripts: tuple[Step, ...]) -> tuple[list[Reply], Aggregate, ScriptedServer]:
    async def conversation(http: HttpClient) -> list[Reply]:
        return [await http.request(method, "/", name="step") for _ in range(2)]

    with ScriptedServer(*scripts) as server:
        talk = Talk(target=server.url)
        replies = talk.hold(conversation)
    return replies, talk.measured, server


@pytest.mark.parametrize("script", [KEPT_THEN_CLOSED, KEPT_THEN_RESET], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_the_request_is_sent_once_more_and_counted(method: str, script: tuple[Step, ...]) -> None:
    replies, measured, server = twice(method, script, (always(answer(HELLO)),))
    assert [reply.ok for reply in replies] == [True, True]
    assert measured.count("http.reconnects", {"step": "step", "scenario": "talk"}) == 1
    assert measured.count("http.errors") is None
    assert measured.count("http.requests") == 2
    assert measured.count("http.bytes_out") == sum(map(len, server.requests)), "what was sent twice is counted twice"


def test_due_and_sent_stay_where_they_were() -> None:
    async def conversation(http: HttpClient) -> tuple[Reply, int, int]:
        await http.get("/")
        due = talk_due()
        reply = await http.get("/")
        return reply, due, len(server.requests)

    def talk_due() -> int:
        from loadstone.clock import now_ns

        due = now_ns() - 1_000_000
        talk.due.append((due, 0))
        return due

    with ScriptedServer(KEPT_THEN_CLOSED, (always(answer(HELLO)),)) as server:
        talk = Talk(target=server.url)
        reply, due, _ = talk.hold(conversation)
    connects = talk.measured.distribution("http.connect_time")
    assert connects is not None
    assert connects.count == 2
    assert reply.due_ns == due
    assert reply.due_ns <= reply.sent_ns <= reply.first_ns <= reply.end_ns <= reply.seen_ns
    # The second connection lies between sent and end, so the service time is longer than its connect.
    assert reply.end_ns - reply.sent_ns > connects.min


def test_a_connection_that_was_closed_while_nothing_was_asked_is_replaced_for_any_method() -> None:
    async def conversation(http: HttpClient) -> list[Reply]:
        first = await http.post("/")
        # The server's good-bye has arrived, and the wire has had no turn to see it.
        (connection,) = (each for kept in http._idle.values() for each in kept)
        assert connection._socket is not None
        assert select.select([connection._socket], [], [], 10)[0]
        connection.seen_ns -= QUIET_NS
        return [first, await http.post("/")]

    with ScriptedServer((answer(HELLO),), (always(answer(HELLO)),)) as server:
        talk = Talk(target=server.url)
        replies = talk.hold(conversation)
    assert [reply.ok for reply in replies] == [True, True]
    assert server.connections == 2
    assert talk.measured.count("http.errors") is None
    assert len(server.requests) == 2, "nothing was sent on the closed one"


def test_a_request_of_which_no_byte_could_leave_goes_another_way_whatever_its_method() -> None:
    async def conversation(http: HttpClient) -> list[Reply]:
        first = await http.post("/")
        ((connection,),) = http._idle.values()
        assert connection._socket is not None
        assert select.select([connection._socket], [], [], 10)[0]
        return [first, await http.post("/")]

    with ScriptedServer((answer(HELLO), reset()), (always(answer(HELLO)),)) as server:
        talk = Talk(target=server.url)
        replies = talk.hold(conversation)
    assert [reply.ok for reply in replies] == [True, True]
    measured = talk.measured
    assert measured.count("http.errors") is None
    assert measured.count("http.bytes_out") == sum(map(len, server.requests)), "what could not be sent is not counted"


def test_a_request_that_may_not_be_repeated_is_not() -> None:
    replies, measured, server = twice("POST", KEPT_THEN_CLOSED, (always(answer(HELLO)),))
    assert replies[1].failure is Kind.CLOSED_EARLY
    assert measured.count("http.reconnects") is None
    assert server.connections == 1


def test_a_server_that_had_begun_to_answer_is_not_asked_again() -> None:
    replies, measured, _ = twice("GET", (answer(HELLO), read(), send(HELLO[:30])), (always(answer(HELLO)),))
    assert replies[1].failure is Kind.CLOSED_EARLY
    assert measured.count("http.reconnects") is None


def test_it_is_tried_once_and_no_more() -> None:
    replies, measured, server = twice("GET", KEPT_THEN_CLOSED, (read(),))
    assert replies[1].failure is Kind.CLOSED_EARLY
    assert replies[1].sent_ns > 0
    assert (measured.count("http.reconnects"), measured.count("http.errors"), measured.count("http.requests")) == (1, 1, 2)
    assert server.connections == 2


def test_a_connection_opened_ahead_counts_as_kept() -> None:
    async def conversation(http: HttpClient) -> Reply:
        await http.open()
        return await http.get("/")

    with ScriptedServer([read()], [always(answer(HELLO))]) as server:
        assert Talk(target=server.url).hold(conversation).ok


def volley(requests: int, *scripts: tuple[Step, ...], keep_body: bool = True) -> tuple[list[bool], Aggregate, ScriptedServer]:
    """As `loadstone hit` does it: volleys while they last, the general way to open connections."""

    async def conversation(http: HttpClient) -> list[bool]:
        left = requests

        def go_on() -> bool:
            nonlocal left
            left -= 1
            return left >= 0

        durations = talk.recorder.column("talk", Series("iteration.duration"), Series("iteration.count"))
        prepared, ends = http.prepare("GET", "/", name="step", keep_body=keep_body), []
        while go_on():
            ends.append(await Volley(http, prepared, durations, go_on).run())
            if not ends[-1]:
                await http.exchange(prepared)
                durations.add(0)
        return ends

    with ScriptedServer(*scripts) as server:
        talk = Talk(target=server.url)
        ends = talk.hold(conversation)
    return ends, talk.measured, server


def test_a_volley_sends_all_requests_on_one_connection() -> None:
    _, measured, server = volley(100, (always(answer(HELLO)),))
    assert (server.connections, len(server.requests)) == (1, 100)
    assert measured.count("http.requests") == measured.count("iteration.count") == 100


def test_a_volley_repeats_too() -> None:
    _, measured, server = volley(6, (answer(HELLO, HELLO, HELLO), read()), (always(answer(HELLO)),))
    assert measured.count("http.requests") == measured.count("iteration.count") == 6
    assert (measured.count("http.reconnects"), measured.count("http.errors")) == (1, None)
    assert server.connections == 2


def test_a_volley_that_keeps_no_bodies_goes_on_over_compressed_ones() -> None:
    packed = response(b"whatever", "Content-Encoding: gzip")
    ends, measured, _ = volley(50, (always(answer(packed)),), keep_body=False)
    assert ends == [False, True], "one to open the connection, and one for all the rest"
    assert measured.count("http.requests") == measured.count("iteration.count") == 50


def test_a_volley_ends_with_a_response_that_ends_with_its_connection() -> None:
    until_close = b"HTTP/1.1 200 OK\r\n\r\nto the end"
    _, measured, server = volley(6, (answer(HELLO, until_close),))
    assert measured.count("http.requests") == 6
    assert measured.count("http.errors") is None
    assert server.connections == 3


def test_a_volley_counts_what_fails_as_what_it_is() -> None:
    _, measured, _ = volley(4, (answer(HELLO), read(), send(b"garbage")), (answer(HELLO, response(status=500), HELLO),))
    assert measured.count("http.errors", {"kind": "malformed"}) == 1
    assert measured.count("http.errors", {"kind": "status"}) == 1
    assert measured.count("http.requests") == measured.count("iteration.count") == 4


def test_a_volley_follows_each_redirect() -> None:
    moved = response(b"", "Location: /there", status=302, reason="Found")
    _, measured, server = volley(4, (answer(*([moved, HELLO] * 4)),))
    assert [request.split(b" ")[1] for request in server.requests] == [b"/", b"/there"] * 4
    assert measured.count("http.requests") == 8


MOVED = response(b"", "Location: /there", status=302, reason="Found")


def test_a_redirect_that_answers_a_repeated_request_is_followed() -> None:
    replies, measured, server = twice("GET", KEPT_THEN_CLOSED, (answer(MOVED, HELLO),))
    assert [(reply.status, reply.url) for reply in replies] == [(200, "/"), (200, "/there")]
    assert [request.split(b" ")[1] for request in server.requests] == [b"/", b"/", b"/", b"/there"]
    assert (measured.count("http.requests"), measured.count("http.errors")) == (3, None)


def test_a_volley_follows_a_redirect_that_answers_a_repeated_request() -> None:
    _, measured, server = volley(2, (answer(HELLO), read()), (answer(MOVED, HELLO),))
    assert [request.split(b" ")[1] for request in server.requests] == [b"/", b"/", b"/", b"/there"]
    assert (measured.count("http.requests"), measured.count("iteration.count")) == (3, 2)

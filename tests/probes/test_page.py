"""One page over HTTP, with a deadline for all of it."""

import itertools
import threading

import pytest

from loadstone.probes.page import Page
from loadstone.probes.probe import NoReading
from loadstone.testing.server import ScriptedServer, answer, chunked, hold, read, reset, response, send, tell


def page_of(server: ScriptedServer, *, timeout_s: float = 5.0, most_bytes: int = 10_000) -> Page:
    return Page(f"{server.url}/metrics?x=1", headers={"X-Key": "k"}, timeout_s=timeout_s, most_bytes=most_bytes)


def test_the_body_comes_back_and_the_request_says_what_it_should() -> None:
    with ScriptedServer([answer(response(b"a 1\n"))]) as server:
        assert page_of(server).get() == "a 1\n"
        (request,) = server.requests
    assert request.startswith(b"GET /metrics?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Key: k\r\n" in request
    assert b"\r\nConnection: close\r\n" in request


@pytest.mark.parametrize(
    "data",
    [
        chunked(b"a", b" 1\n"),
        b"HTTP/1.0 200 OK\r\n\r\na 1\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na 1\n",
    ],
)
def test_every_way_to_end_a_body_is_understood(data: bytes) -> None:
    with ScriptedServer([read(), send(data)]) as server:
        assert page_of(server).get() == "a 1\n"


def test_a_server_that_keeps_the_connection_open_is_not_waited_for_when_the_length_is_told() -> None:
    with ScriptedServer([read(), send(response(b"a 1\n")), hold()]) as server:
        assert page_of(server).get() == "a 1\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (response(b"", status=404, reason="Not Found"), "status"),
        (response(b"x" * 20_000), "too_large"),
        (b"nonsense\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "malformed"),
        (b"", "malformed"),
    ],
)
def test_an_answer_that_is_no_page_says_why(data: bytes, reason: str) -> None:
    with ScriptedServer([read(), send(data)]) as server, pytest.raises(NoReading) as caught:
        page_of(server).get()
    assert caught.value.reason == reason


def test_a_refused_connection_is_told_apart() -> None:
    with ScriptedServer() as server:
        url = server.url
    with pytest.raises(NoReading) as caught:
        Page(url, headers={}, timeout_s=5.0, most_bytes=100).get()
    assert caught.value.reason == "refused"


def test_a_reset_is_told_apart() -> None:
    with ScriptedServer([read(), reset()]) as server, pytest.raises(NoReading) as caught:
        page_of(server).get()
    assert caught.value.reason == "reset"


def test_the_deadline_holds_for_the_whole_page_and_not_for_each_piece_of_it() -> None:
    looks = itertools.count(step=2_000_000_000)  # each look at the clock is 2 s later, so the third piece is past the deadline
    with ScriptedServer([read(), send(b"HTTP/1.1 200 OK\r\n"), hold()]) as server, pytest.raises(NoReading) as caught:
        Page(server.url, headers={}, timeout_s=5.0, most_bytes=10_000, clock=lambda: next(looks)).get()
    assert caught.value.reason == "timeout"


def test_a_page_that_another_thread_waits_for_can_be_given_up() -> None:
    asked = threading.Event()
    found: list[str] = []
    with ScriptedServer([read(), tell(asked), hold()]) as server:
        page = page_of(server, timeout_s=60.0)

        def wait() -> None:
            try:
                page.get()
            except NoReading as nothing:
                found.append(nothing.reason)

        thread = threading.Thread(target=wait)
        thread.start()
        assert asked.wait(120)
        page.give_up()
        thread.join(120)
    assert found == ["malformed"]


def test_a_server_that_does_not_speak_tls_is_told_apart() -> None:
    with ScriptedServer([send(b"HTTP/1.1 400 Bad Request\r\n\r\n")]) as server, pytest.raises(NoReading) as caught:
        Page(server.url.replace("http:", "https:"), headers={}, timeout_s=5.0, most_bytes=100).get()
    assert caught.value.reason == "tls"

"""Redirects: which method, which body, whose credentials, how many."""

import pytest

from loadstone.clients.failure import Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.reply import Reply
from loadstone.testing.server import ScriptedServer, always, answer, response
from loadstone.testing.talk import Talk

HELLO = response(b"hello")


def to(place: str, status: int = 302) -> bytes:
    return response(b"", f"Location: {place}", status=status, reason="Moved")


def ended(talk: Talk) -> tuple[int, int]:
    """Exchanges that were recorded as ok, and those recorded as failed; an error must be one of the latter."""
    measured = talk.measured
    ok, failed = (measured.distribution("http.service_time", {"outcome": outcome}) for outcome in ("ok", "failed"))
    counts = ok.count if ok else 0, failed.count if failed else 0
    assert measured.count("http.requests") == sum(counts)
    assert measured.count("http.errors") == counts[1]
    return counts


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (303, "HEAD", "HEAD", b""),
        (307, "POST", "POST", b"content"),
        (308, "PUT", "PUT", b"content"),
        (302, "GET", "GET", b""),
    ],
)
def test_method_and_body_follow_the_status(status: int, method: str, then: str, body: bytes) -> None:
    sent = b"content" if method in {"POST", "PUT"} else None
    last = HELLO if then != "HEAD" else b"HTTP/1.1 200 OK\r\n\r\n"
    with ScriptedServer([answer(to("/next?x=1#part", status), last)]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(lambda http: http.request(method, "/first", body=sent, headers={"Content-Type": "text/x", "X-Mine": "1"}))
    head, _, content = server.requests[1].partition(b"\r\n\r\n")
    assert reply.ok
    assert head.startswith(f"{then} /next?x=1 HTTP/1.1\r\n".encode())
    assert content == body
    assert (b"Content-Type: text/x" in head) == (bool(body) or then == method)
    assert b"X-Mine: 1" in head
    measured = talk.measured
    assert measured.count("http.requests", {"step": f"{method} /first"}) == 1
    assert measured.count("http.requests", {"step": f"{method} /first (redirected)"}) == 1


def test_credentials_stay_with_their_host() -> None:
    with ScriptedServer([always(answer(HELLO))]) as other, ScriptedServer([answer(to("/same"), to(other.url + "/other"))]) as server:
        talk = Talk(target=server.url, bearer="secret", headers={"Cookie": "own=1", "X-Api": "2"})
        assert talk.hold(lambda http: http.get("/")).ok
    assert [b"Bearer secret" in request for request in server.requests] == [True, True]
    assert [b"own=1" in request for request in server.requests] == [True, True]
    assert b"secret" not in other.requests[0]
    assert b"own=1" not in other.requests[0]
    assert b"X-Api: 2" in other.requests[0]


def test_each_request_names_the_host_that_it_goes_to() -> None:
    with ScriptedServer([always(answer(HELLO))]) as other, ScriptedServer([answer(to("/same"), to(other.url + "/other"))]) as server:
        assert Talk(target=server.url).hold(lambda http: http.get("/")).ok
    places = [server.url, server.url, other.url]
    hosts = [[line for line in request.split(b"\r\n") if line.lower().startswith(b"host:")] for request in server.requests + other.requests]
    assert hosts == [[b"Host: " + place.removeprefix("http://").encode()] for place in places]


def test_a_host_of_the_users_own_stays_at_its_place() -> None:
    with ScriptedServer([always(answer(HELLO))]) as other, ScriptedServer([answer(to("/same"), to(other.url + "/other"))]) as server:
        assert Talk(target=server.url, headers={"host": "shop.example"}).hold(lambda http: http.get("/")).ok
    assert [b"shop.example" in request for request in server.requests + other.requests] == [True, True, False]
    assert b"Host: " + other.url.removeprefix("http://").encode() in other.requests[0]


def test_cookies_of_a_redirect_are_sent_to_its_place() -> None:
    with ScriptedServer([answer(response(b"", "Set-Cookie: id=7", "Location: /home", status=303), HELLO)]) as server:
        assert Talk(target=server.url).hold(lambda http: http.post("/login", form={"u": "x"})).ok
    assert b"Cookie: id=7\r\n" in server.requests[1]


def test_a_loop_ends_as_a_failure() -> None:
    with ScriptedServer([always(answer(to("/again")))]) as server:
        talk = Talk(target=server.url, redirects=3)
        reply = talk.hold(lambda http: http.get("/"))
    assert (reply.failure, reply.reason) == (Kind.STATUS, "more than 3 redirects")
    assert len(server.requests) == 4
    assert ended(talk) == (3, 1)


def test_a_redirect_that_is_not_followed_is_an_answer() -> None:
    async def several(http: HttpClient) -> list[Reply]:
        return [await http.get("/", redirects=0), await http.get("/", redirects=0, expect=200)]

    with ScriptedServer([always(answer(to("/x")))]) as server:
        replies = Talk(target=server.url).hold(several)
    assert [(reply.status, reply.failure) for reply in replies] == [(302, None), (302, Kind.STATUS)]


def test_a_redirect_to_nowhere_is_judged_by_its_status() -> None:
    async def several(http: HttpClient) -> list[Reply]:
        return [await http.get("/"), await http.get("/", expect=200)]

    with ScriptedServer([always(answer(response(b"", status=302)))]) as server:
        replies = Talk(target=server.url).hold(several)
    assert [reply.failure for reply in replies] == [None, Kind.STATUS]


@pytest.mark.parametrize("place", ["ftp://x/", "http://[bad/", "http://h:99999/", "http://h:pass/word@x/", "https://", "http://a b:c/"])
def test_a_place_that_is_none_is_malformed(place: str) -> None:
    with ScriptedServer([always(answer(to(place)))]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(lambda http: http.get("/"))
    assert (reply.failure, reply.reason) == (Kind.MALFORMED, "redirect to a place that is none")
    assert ended(talk) == (0, 1)


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("relative", b"/a/relative"),
        ("?q=1", b"/a/b?q=1"),
        ("/sp ace", b"/sp%20ace"),
        ("/caf\xc3\xa9", b"/caf%C3%A9"),
        ("/caf\xe9", b"/caf%EF%BF%BD"),
    ],
)
def test_places_are_read_as_browsers_read_them(place: str, path: bytes) -> None:
    with ScriptedServer([answer(to(place), HELLO)]) as server:
        assert Talk(target=server.url).hold(lambda http: http.get("/a/b")).ok
    assert server.requests[1].startswith(b"GET " + path + b" HTTP/1.1")


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.invalid", ".invalid"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_cannot_be_one_is_a_typed_failure(scheme: str, host: str) -> None:
    with ScriptedServer([always(answer(to(f"{scheme}://{host}/")))]) as server:
        reply = Talk(target=server.url).hold(lambda http: http.get("/"))
    assert reply.failure in {Kind.DNS, Kind.TLS, Kind.OTHER}

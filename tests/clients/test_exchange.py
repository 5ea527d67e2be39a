"""The HTTP client against a real server that behaves."""

import gzip
import json
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loadstone.clients.failure import Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.http_scope import MOST_DERIVED_STEPS
from loadstone.clients.limits import Limits
from loadstone.clients.reply import Reply
from loadstone.errors import UsageError
from loadstone.testing.server import ScriptedServer, always, answer, chunked, response, trickle
from loadstone.testing.server import read as read_request
from loadstone.testing.talk import Talk

HELLO = response(b"hello")


def head_and_body(request: bytes) -> tuple[list[str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), body


def headers_of(request: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in head_and_body(request)[0][1:])


def ask(answer_bytes: bytes, conversation: Callable[[HttpClient], Awaitable[Reply]], **options: Any) -> tuple[Reply, bytes]:
    """One exchange: the reply, and the request as it came to the server."""
    with ScriptedServer([always(answer(answer_bytes))]) as server:
        talk = Talk(**{"target": server.url, **options})
        reply = talk.hold(conversation)
    assert not server.mistakes
    return reply, server.requests[0]


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def thrice(http: HttpClient) -> list[int]:
        return [(await http.get("/")).status for _ in range(3)]

    with ScriptedServer([always(answer(HELLO))]) as server:
        assert Talk(target=server.url).hold(thrice) == [200, 200, 200]
        assert server.connections == 1
        assert Talk(target=server.url, keep_alive=False).hold(thrice) == [200, 200, 200]
        assert server.connections == 4
    assert headers_of(server.requests[-1])["Connection"] == "close"


@pytest.mark.parametrize(
    "bytes_that_end_it",
    [
        response(b"hello", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_server_that_says_close_gets_a_new_connection(bytes_that_end_it: bytes) -> None:
    async def twice(http: HttpClient) -> list[bytes]:
        return [(await http.get("/")).body for _ in range(2)]

    with ScriptedServer([answer(bytes_that_end_it)]) as server:
        talk = Talk(target=server.url)
        assert talk.hold(twice) == [b"hello", b"hello"]
    assert server.connections == 2
    assert talk.measured.count("http.reconnects") is None


def test_a_response_without_a_length_lasts_until_the_close() -> None:
    async def twice(http: HttpClient) -> list[tuple[bytes, bool]]:
        replies = [await http.get("/") for _ in range(2)]
        return [(reply.body, reply.ok) for reply in replies]

    with ScriptedServer([answer(b"HTTP/1.1 200 OK\r\n\r\nall of it")]) as server:
        assert Talk(target=server.url).hold(twice) == [(b"all of it", True)] * 2


@pytest.mark.parametrize("data", [HELLO, chunked(b"he", b"llo"), b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO])
def test_a_response_that_trickles_in_is_whole(data: bytes) -> None:
    async def once(http: HttpClient) -> Reply:
        return await http.get("/")

    with ScriptedServer([read_request(), trickle(data)]) as server:
        reply = Talk(target=server.url).hold(once)
    assert (reply.ok, reply.body) == (True, b"hello")


def test_head_no_content_and_not_modified_have_no_body_and_keep_the_connection() -> None:
    bare = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    none = b"HTTP/1.1 204 No Content\r\n\r\n"
    same = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"

    async def several(http: HttpClient) -> list[tuple[int, bytes]]:
        replies = [await http.head("/"), await http.get("/"), await http.get("/"), await http.head("/"), await http.get("/")]
        return [(reply.status, reply.body) for reply in replies]

    with ScriptedServer([answer(bare, none, same, bare, HELLO)]) as server:
        assert Talk(target=server.url).hold(several) == [(200, b""), (204, b""), (304, b""), (200, b""), (200, b"hello")]
    assert server.connections == 1


def test_a_json_body_arrives_byte_for_byte() -> None:
    value = {"name": "Zoë", "n": [1, 2.5, None, True]}
    _, request = ask(HELLO, lambda http: http.post("/items", json=value))
    lines, body = head_and_body(request)
    assert lines[0] == "POST /items HTTP/1.1"
    assert headers_of(request)["Content-Type"] == "application/json"
    assert body == '{"name":"Zoë","n":[1,2.5,null,true]}'.encode()
    assert json.loads(body) == value


def test_half_a_character_in_a_json_body_is_escaped() -> None:
    _, request = ask(HELLO, lambda http: http.post("/", json={"text": "half \ud83d"}))
    assert head_and_body(request)[1] == rb'{"text":"half \ud83d"}'


def test_a_form_arrives_byte_for_byte() -> None:
    _, request = ask(HELLO, lambda http: http.post("/", form={"q": "a b&c=é", "tag": ["x", "y"]}))
    assert headers_of(request)["Content-Type"] == "application/x-www-form-urlencoded"
    assert head_and_body(request)[1] == b"q=a+b%26c%3D%C3%A9&tag=x&tag=y"


def test_a_multipart_body_arrives_byte_for_byte() -> None:
    content = bytes(range(256)) + b"\r\n--"
    files = {"up": ('na"me\r\n.bin', content), "text": ("a.txt", b"hi", "text/x-special")}
    _, request = ask(HELLO, lambda http: http.post("/", form={"title": "T", "tag": [1, 2]}, files=files))
    kind, _, boundary = headers_of(request)["Content-Type"].partition("; boundary=")
    line = f"--{boundary}\r\n".encode()
    assert kind == "multipart/form-data"
    assert head_and_body(request)[1] == (
        line
        + b'Content-Disposition: form-data; name="title"\r\n\r\nT\r\n'
        + line
        + b'Content-Disposition: form-data; name="tag"\r\n\r\n1\r\n'
        + line
        + b'Content-Disposition: form-data; name="tag"\r\n\r\n2\r\n'
        + line
        + b'Content-Disposition: form-data; name="up"; filename="na%22me%0D%0A.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
        + content
        + b"\r\n"
        + line
        + b'Content-Disposition: form-data; name="text"; filename="a.txt"\r\nContent-Type: text/x-special\r\n\r\nhi\r\n'
        + f"--{boundary}--\r\n".encode()
    )


def test_a_raw_body_arrives_byte_for_byte_however_large() -> None:
    content = bytes(range(256)) * 20_000
    reply, request = ask(HELLO, lambda http: http.put("/", body=content, headers={"Content-Type": "application/x-raw"}))
    assert reply.ok
    assert head_and_body(request)[1] == content
    assert headers_of(request)["Content-Length"] == str(len(content))


def test_a_post_without_a_body_says_so() -> None:
    _, request = ask(HELLO, lambda http: http.post("/"))
    assert headers_of(request)["Content-Length"] == "0"
    _, request = ask(HELLO, lambda http: http.get("/"))
    assert "Content-Length" not in headers_of(request)


def test_headers_and_parameters_are_added_replaced_and_taken_away() -> None:
    _, request = ask(
        HELLO,
        lambda http: http.get("a?x=1", params={"q": "ä b", "k": ["1", "2"]}, headers={"user-agent": "me", "Accept": None, "X-One": "1"}),
        headers={"X-All": "yes"},
    )
    lines, _ = head_and_body(request)
    assert lines[0] == "GET /a?x=1&q=%C3%A4%20b&k=1&k=2 HTTP/1.1"
    found = headers_of(request)
    assert (found["user-agent"], found["X-One"], found["X-All"]) == ("me", "1", "yes")
    assert not {"User-Agent", "Accept"} & found.keys()


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X": "a\r\nEvil: 1"}},
        {"headers": {"X Y": "a"}},
        {"headers": {"X": "€"}},
        {"headers": {"X": "nul\0"}},
        {"json": 1, "body": b"x"},
        {"form": {"a": 1}, "json": 1},
    ],
)
def test_a_request_that_cannot_be_one_is_a_mistake_of_the_user(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Talk(target="http://127.0.0.1:9").hold(lambda http: http.get("/", **options))


@pytest.mark.parametrize(
    ("options", "asked", "value"),
    [
        ({"basic": ("u", "p:ä")}, {}, "Basic dTpwOsOk"),
        ({"bearer": "tok"}, {}, "Bearer tok"),
        ({"bearer": "tok"}, {"auth": ("u", "p")}, "Basic dTpw"),
        ({"basic": ("u", "p")}, {"auth": "other"}, "Bearer other"),
        ({"basic": ("u", "p")}, {"auth": ""}, None),
        ({"bearer": "tok"}, {"headers": {"authorization": None}}, None),
        ({}, {}, None),
    ],
)
def test_credentials_are_sent_as_asked(options: dict[str, object], asked: dict[str, object], value: str | None) -> None:
    _, request = ask(HELLO, lambda http: http.get("/", **asked), **options)
    assert headers_of(request).get("Authorization") == value


def test_credentials_in_a_url_are_used() -> None:
    with ScriptedServer([always(answer(HELLO))]) as server:
        Talk(target=server.url.replace("//", "//me:p%40ss@")).hold(lambda http: http.get("/"))
    assert headers_of(server.requests[0])["Authorization"] == "Basic bWU6cEBzcw=="
    assert "me" not in headers_of(server.requests[0])["Host"]


def test_steps_that_nobody_named_are_bounded() -> None:
    async def many(http: HttpClient) -> list[str]:
        steps = [http.prepare("GET", f"/items/{number}").step.step for number in range(MOST_DERIVED_STEPS + 10)]
        return [*steps, http.prepare("GET", "/items/0?x").step.step, http.prepare("GET", "/new", name="mine").step.step]

    steps = Talk(target="http://127.0.0.1:1").hold(many)
    assert steps[MOST_DERIVED_STEPS:] == ["GET (other paths)"] * 10 + ["GET /items/0", "mine"]
    assert steps[1] == "GET /items/1"


def test_a_query_that_holds_a_url_is_still_a_path() -> None:
    _, request = ask(HELLO, lambda http: http.get("/r?u=http://x/"))
    assert request.startswith(b"GET /r?u=http://x/ HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello " * 100)),
        ("x-gzip", gzip.compress(b"hello " * 50) + gzip.compress(b"hello " * 50)),
        ("deflate", zlib.compress(b"hello " * 100)),
        ("deflate", zlib.compress(b"hello " * 100, wbits=-15)),
        ("identity", b"hello " * 100),
    ],
    ids=["gzip", "two members", "zlib", "bare", "identity"],
)
def test_a_compressed_body_is_read(encoding: str, body: bytes) -> None:
    reply, request = ask(response(body, f"Content-Encoding: {encoding}"), lambda http: http.get("/"))
    assert headers_of(request)["Accept-Encoding"] == "gzip, deflate"
    assert (reply.ok, reply.body) == (True, b"hello " * 100)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (gzip.compress(b"hello" * 100)[:-4], Kind.MALFORMED),
        (gzip.compress(b"hello" * 100)[:20], Kind.MALFORMED),
        (b"not gzip at all", Kind.MALFORMED),
        (gzip.compress(b"hello") + b"rest", Kind.MALFORMED),
        (gzip.compress(bytes(2_000_000)), Kind.TOO_LARGE),
        (gzip.compress(bytes(600_000)) * 2, Kind.TOO_LARGE),
    ],
    ids=["no checksum", "cut", "not gzip", "more", "bomb", "two bombs"],
)
def test_a_compressed_body_that_is_damaged_or_a_bomb_is_a_failure(body: bytes, kind: Kind) -> None:
    reply, _ = ask(response(body, "Content-Encoding: gzip"), lambda http: http.get("/"), limits=Limits(body=1_000_000))
    assert reply.failure is kind


def test_an_empty_body_is_empty_in_every_encoding() -> None:
    reply, _ = ask(response(b"", "Content-Encoding: gzip"), lambda http: http.get("/"))
    assert (reply.ok, reply.body) == (True, b"")


def test_an_unexpected_status_is_a_failure_with_its_times() -> None:
    with ScriptedServer([always(answer(response(b"no", status=503, reason="Busy")))]) as server:
        talk = Talk(target=server.url)
        reply = talk.hold(lambda http: http.get("/", name="step"))
        fine = Talk(target=server.url).hold(lambda http: http.get("/", expect=(200, 503)))
    measured = talk.measured
    assert (reply.status, reply.body, reply.failure, reply.reason) == (503, b"no", Kind.STATUS, "status 503")
    assert fine.ok
    assert measured.count("http.errors", {"kind": "status", "step": "step"}) == 1
    failed = measured.distribution("http.service_time", {"outcome": "failed"})
    assert failed is not None
    assert (failed.count, failed.beyond) == (1, 0)


def test_every_exchange_is_counted_with_its_bytes() -> None:
    with ScriptedServer([always(answer(HELLO))]) as server:
        talk = Talk(target=server.url)

        async def twice(http: HttpClient) -> None:
            await http.get("/")
            await http.get("/")

        talk.hold(twice)
    measured = talk.measured
    assert measured.count("http.requests") == 2
    assert measured.count("http.errors") is None
    assert measured.count("http.bytes_in") == 2 * len(HELLO)
    assert measured.count("http.bytes_out") == sum(map(len, server.requests))
    connects = measured.distribution("http.connect_time")
    assert connects is not None
    assert connects.count == 1
    assert measured.distribution("http.dns_time") is None, "an address needs no look-up"


def test_a_unix_socket_is_a_target_like_any_other(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with ScriptedServer([always(answer(HELLO))], unix=path) as server:
        talk = Talk(target="http://any.host/base", unix_socket=path)
        reply = talk.hold(lambda http: http.get("/x"))
    assert reply.ok
    assert server.requests[0].startswith(b"GET /base/x HTTP/1.1\r\nHost: any.host\r\n")
    assert talk.wire is not None
    assert talk.wire.counters.unstamped == talk.wire.counters.reads, "the kernel stamps no Unix sockets"


def test_connections_come_from_the_source_addresses_in_turn() -> None:
    async def four(http: HttpClient) -> None:
        for _ in range(4):
            assert (await http.get("/")).ok

    with ScriptedServer([always(answer(HELLO))]) as server:
        Talk(target=server.url, keep_alive=False, source_addresses=("127.0.0.2", "127.0.0.3")).hold(four)
    sources = [client[0] for client in server.clients if isinstance(client, tuple)]
    assert sorted(sources) == ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"]


def test_the_text_of_a_reply_survives_any_charset() -> None:
    for charset, text in (("utf-8", "é"), ("latin-1", "Ã©"), ("nonsense", "é"), ("base64", "é"), ('"utf-8"; x=1', "é"), ("idna", "é")):
        reply, _ = ask(response("é".encode(), f"Content-Type: text/plain; charset={charset}"), lambda http: http.get("/"))
        assert reply.text == text, charset

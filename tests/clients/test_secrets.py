"""What was secret in a request is not in the text of its failure, nor in anything that may be printed."""

import logging

import pytest

from loadstone.clients.address import Origin, split_url
from loadstone.clients.cookies import Cookie
from loadstone.clients.failure import LONGEST_TEXT, bounded
from loadstone.clients.http_scope import HttpOptions
from loadstone.errors import UsageError
from loadstone.testing.server import Peer, ScriptedServer, response
from loadstone.testing.talk import Talk

SECRET = "s3cr3t"  # noqa: S105  that it does not come out is the test


def echo_in_the_head(peer: Peer) -> None:
    request = peer.read_request()
    token = next(line for line in request.split(b"\r\n") if line.startswith(b"Authorization"))
    peer.send(b"HTTP/1.1 200 OK\r\n" + token.replace(b":", b" ") + b"\r\n\r\n")


def echo(peer: Peer) -> None:
    peer.send(peer.read_request())


def echo_as_a_place(peer: Peer) -> None:
    peer.read_request()
    peer.send(response(b"", f"Location: http://u:{SECRET}/{SECRET}@x:{SECRET}/", status=302))


@pytest.mark.parametrize("step", [echo, echo_in_the_head, echo_as_a_place])
def test_no_failure_tells_a_secret(step: object, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer([step]) as server:  # type: ignore[list-item]
        talk = Talk(target=server.url.replace("//", f"//user:{SECRET}@"), bearer=f"{SECRET}", headers={"Cookie": SECRET})
        reply = talk.hold(lambda http: http.get(f"/?token={SECRET}"))
    assert not reply.ok
    assert SECRET not in repr(reply) + reply.reason + repr(talk.measured.failures) + caplog.text


def test_no_printed_object_tells_a_secret() -> None:
    options = HttpOptions(target=f"http://u:{SECRET}@h", bearer=SECRET, basic=("u", SECRET), headers={"X-Token": SECRET})
    cookie = Cookie("id", SECRET, "h", "/", secure=False, expires=0.0)
    talk = Talk(target="http://127.0.0.1:1", basic=("u", SECRET))

    async def prepare(http: object) -> str:
        return repr(http.prepare("POST", f"/?k={SECRET}", body=SECRET, headers={"X": SECRET}))  # type: ignore[attr-defined]

    assert SECRET not in repr(options) + repr(cookie) + talk.hold(prepare)


@pytest.mark.parametrize("url", [f"ftp://u:{SECRET}@h/", f"http://u:{SECRET}@h:x/", f"http://u:{SECRET}@h:0/", f"http://u:{SECRET}@h /"])
def test_no_mistake_in_a_url_tells_its_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_url(url)
    assert SECRET not in str(caught.value)


def test_texts_are_short_and_of_one_printable_line() -> None:
    text = bounded("a\r\nb\x1b[31m\u202e" + "x" * 1_000)
    assert text.startswith("a b\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}x")
    assert len(text) == LONGEST_TEXT


@pytest.mark.parametrize(
    ("url", "origin", "rest"),
    [
        ("http://h", Origin("http", "h", 80), "/"),
        ("https://H:8443?q", Origin("https", "h", 8443), "/?q"),
        ("http://[::1]:9/p#f", Origin("http", "::1", 9), "/p"),
        ("http://bücher.example/ä?ö", Origin("http", "xn--bcher-kva.example", 80), "/%C3%A4?%C3%B6"),
    ],
)
def test_a_url_is_an_origin_and_the_rest(url: str, origin: Origin, rest: str) -> None:
    assert split_url(url) == (origin, rest)


def test_the_authority_leaves_out_the_usual_port() -> None:
    assert [Origin("http", "h", 80).authority, Origin("https", "h", 80).authority, Origin("http", "::1", 81).authority] == [
        "h",
        "h:80",
        "[::1]:81",
    ]

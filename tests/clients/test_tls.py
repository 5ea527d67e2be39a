"""TLS: whom we trust, what we say, and that sessions are really resumed."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from loadstone.clients.connection import Limits
from loadstone.clients.failure import Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.reply import Reply
from loadstone.clients.tls import TlsContext, TlsLayer, TlsSettings
from loadstone.clients.volley import Volley
from loadstone.clock import MILLISECOND
from loadstone.errors import UsageError
from loadstone.measure.snapshot import Series
from loadstone.testing.server import Peer, ScriptedServer, answer, good_bye, hold, read, response, send, trickle
from loadstone.testing.talk import Talk

HELLO = response(b"hello")
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


async def get(http: HttpClient) -> Reply:
    return await http.get("/")


def trust(authority: Any, **settings: Any) -> TlsSettings:
    return TlsSettings(ca_file=authority.ca_file, **settings)


@VERSIONS
def test_exchanges_over_tls_are_whole_and_timed(authority: Any, version: ssl.TLSVersion) -> None:
    big = response(bytes(range(256)) * 1_000)

    async def several(http: HttpClient) -> list[Reply]:
        return [await http.get("/"), await http.post("/", body=bytes(1_000_000)), await http.get("/")]

    with ScriptedServer([answer(HELLO, big, HELLO)], tls=authority.server(version=version)) as server:
        talk = Talk(target=server.url, tls=trust(authority))
        replies = talk.hold(several)
    assert [reply.failure for reply in replies] == [None] * 3
    assert replies[1].body == bytes(range(256)) * 1_000
    assert len(server.requests[1]) > 1_000_000
    for reply in replies:
        assert reply.due_ns <= reply.sent_ns <= reply.first_ns <= reply.end_ns <= reply.seen_ns
    handshakes = talk.measured.distribution("http.tls_time")
    assert handshakes is not None
    assert handshakes.count == 1
    assert handshakes.min > 0


def test_a_response_over_tls_may_trickle(authority: Any) -> None:
    with ScriptedServer([read(), trickle(HELLO, 7)], tls=authority.server()) as server:
        assert Talk(target=server.url, tls=trust(authority)).hold(get).body == b"hello"


@pytest.mark.parametrize("settings", [TlsSettings(), "authority"], ids=["system", "another name"])
def test_a_certificate_that_is_not_trusted_is_tls(authority: Any, settings: Any) -> None:
    names = ("elsewhere.example",) if settings == "authority" else ()
    with ScriptedServer([answer(HELLO)], tls=authority.server(*names)) as server:
        reply = Talk(target=server.url, tls=trust(authority) if settings == "authority" else settings).hold(get)
    assert reply.failure is Kind.TLS
    assert "certificate not accepted" in reply.reason
    assert server.requests == []


def test_a_certificate_that_has_expired_is_tls(authority: Any) -> None:
    with ScriptedServer([answer(HELLO)], tls=authority.server("127.0.0.1", days=-1)) as server:
        reply = Talk(target=server.url, tls=trust(authority)).hold(get)
    assert (reply.failure, "expired" in reply.reason) == (Kind.TLS, True)


def test_a_certificate_that_is_not_verified_is_fine(authority: Any) -> None:
    with ScriptedServer([answer(HELLO)], tls=authority.server("elsewhere.example")) as server:
        assert Talk(target=server.url, tls=TlsSettings(verify=False)).hold(get).ok


def test_the_server_name_is_sent_and_checked(authority: Any) -> None:
    said: list[str | None] = []
    context = authority.server("elsewhere.example")
    context.sni_callback = lambda _sock, name, _context: said.append(name)
    with ScriptedServer([answer(HELLO)], tls=context) as server:
        assert Talk(target=server.url, tls=trust(authority, server_name="elsewhere.example")).hold(get).ok
        assert Talk(target=server.url.replace("127.0.0.1", "localhost"), tls=TlsSettings(verify=False)).hold(get).ok
        assert Talk(target=server.url, tls=TlsSettings(verify=False)).hold(get).ok
    assert said == ["elsewhere.example", "localhost", None], "an address is no server name"


def test_a_client_certificate_is_shown(authority: Any) -> None:
    context = authority.server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    seen: list[Any] = []

    def look(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        seen.append(peer.sock.getpeercert())

    with ScriptedServer([look, answer(HELLO)], tls=context) as server:
        mine = authority.pem("user.example")
        assert Talk(target=server.url, tls=trust(authority, certificate=mine)).hold(get).ok
        refused = Talk(target=server.url, tls=trust(authority)).hold(get)
    assert seen[0]["subject"] == ((("commonName", "user.example"),),)
    assert refused.failure in {Kind.TLS, Kind.RESET, Kind.CLOSED_EARLY}


@VERSIONS
def test_sessions_are_resumed(authority: Any, version: ssl.TLSVersion) -> None:
    resumed: list[bool | None] = []

    def look(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        resumed.append(peer.sock.session_reused)

    async def thrice(http: HttpClient) -> list[bool]:
        return [(await http.get("/")).ok for _ in range(3)]

    closing = response(b"hello", "Connection: close")
    with ScriptedServer([look, answer(closing)], tls=authority.server(version=version)) as server:
        assert Talk(target=server.url, tls=trust(authority)).hold(thrice) == [True] * 3
    assert resumed == [False, True, True]


def test_a_session_ticket_is_no_first_byte(authority: Any) -> None:
    """TLS 1.3 sends tickets after the handshake: a server that then says nothing has not answered."""
    limits = Limits(first_byte_ns=100 * MILLISECOND)
    with ScriptedServer([read(), hold()], tls=authority.server(version=ssl.TLSVersion.TLSv1_3)) as server:
        reply = Talk(target=server.url, tls=trust(authority), limits=limits).hold(get)
    assert (reply.failure, reply.first_ns) == (Kind.TIMEOUT_FIRST_BYTE, 0)


@pytest.mark.parametrize("farewell", [[], [good_bye()]], ids=["without good-bye", "with good-bye"])
def test_a_response_over_tls_may_end_with_the_connection(authority: Any, farewell: list[Any]) -> None:
    script = [read(), send(b"HTTP/1.1 200 OK\r\n\r\nto the end"), *farewell]
    with ScriptedServer(script, tls=authority.server()) as server:
        reply = Talk(target=server.url, tls=trust(authority)).hold(get)
    assert (reply.ok, reply.body) == (True, b"to the end")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([read()], Kind.CLOSED_EARLY),
        ([read(), good_bye()], Kind.CLOSED_EARLY),
        ([read(), send(HELLO[:-1]), good_bye()], Kind.CLOSED_EARLY),
        ([read(), send(b"garbage"), hold()], Kind.MALFORMED),
    ],
)
def test_failures_over_tls_are_the_same_as_without(authority: Any, script: Any, kind: Kind) -> None:
    with ScriptedServer(script, tls=authority.server()) as server:
        assert Talk(target=server.url, tls=trust(authority)).hold(get).failure is kind


@pytest.mark.parametrize(
    "script", [[send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), hold()], [read(1)], []], ids=["no TLS", "closes", "at once"]
)
def test_a_server_that_speaks_no_tls_is_tls(script: Any) -> None:
    with ScriptedServer(script) as server:
        reply = Talk(target=server.url.replace("http:", "https:")).hold(get)
    assert reply.failure in {Kind.TLS, Kind.RESET, Kind.CLOSED_EARLY}
    assert reply.failure is Kind.TLS or not script


def test_a_handshake_that_never_ends_is_a_connect_time_out() -> None:
    with ScriptedServer([hold()]) as server:
        limits = Limits(connect_ns=50 * MILLISECOND)
        reply = Talk(target=server.url.replace("http:", "https:"), limits=limits).hold(get)
    assert (reply.failure, "no TLS handshake" in reply.reason) == (Kind.TIMEOUT_CONNECT, True)


def test_a_volley_stops_when_the_server_says_good_bye(authority: Any) -> None:
    left = 6

    def go_on() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    async def conversation(http: HttpClient) -> None:
        durations = talk.recorder.column("talk", Series("iteration.duration"))
        prepared = http.prepare("GET", "/")
        while go_on():
            if not await Volley(http, prepared, durations, go_on).run():
                assert (await http.exchange(prepared)).ok

    with ScriptedServer([answer(HELLO, HELLO), good_bye()], tls=authority.server()) as server:
        talk = Talk(target=server.url, tls=trust(authority))
        talk.hold(conversation)
    measured = talk.measured
    assert (measured.count("http.requests"), measured.count("http.errors")) == (6, None)


def test_files_that_cannot_be_used_are_the_users_mistake(authority: Any, tmp_path: Path) -> None:
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("nothing")
    sealed = authority.pem("x.example", password=b"secret")
    for settings in (TlsSettings(ca_file=str(tmp_path / "none")), TlsSettings(ca_file=str(no_pem)), TlsSettings(certificate=sealed)):
        with pytest.raises(UsageError, match="TLS file cannot be used"):
            TlsContext(settings)


def test_a_request_that_tls_does_not_take_is_a_failed_one_and_the_next_has_a_connection_of_its_own(
    authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypt, taken = TlsLayer.encrypt, 0

    def not_the_second(layer: TlsLayer, data: bytes) -> bytes:
        nonlocal taken
        taken += 1
        if taken == 2:
            error = ssl.SSLError(1, "protocol is shutdown")
            error.reason = "PROTOCOL_IS_SHUTDOWN"
            raise error
        return encrypt(layer, data)

    async def several(http: HttpClient) -> list[Reply]:
        return [await http.get("/"), await http.get("/"), await http.get("/")]

    monkeypatch.setattr(TlsLayer, "encrypt", not_the_second)
    with ScriptedServer([answer(HELLO), hold()], [answer(HELLO)], tls=authority.server()) as server:
        talk = Talk(target=server.url, tls=trust(authority))
        replies = talk.hold(several)
    assert [reply.failure for reply in replies] == [None, Kind.TLS, None]
    assert (talk.measured.count("http.requests"), server.connections) == (3, 2)

"""Servers that break the rules of WebSocket: each way is a typed, counted outcome, and what came before it is kept."""

import struct
from pathlib import Path
from typing import Any

import pytest

from loadstone.clients.failure import Kind
from loadstone.clients.frames import BINARY, CLOSE, FIN, RSV1, TEXT
from loadstone.clients.limits import Limits
from loadstone.clients.tls import TlsSettings
from loadstone.clients.websocket_client import WebSocketClient
from loadstone.clock import MILLISECOND
from loadstone.testing.server import ScriptedServer, answer, hold, reset, response, send, trickle
from loadstone.testing.websocket import SocketTalk, accept, answer_frames, read_frame, send_frame, server_frame

GOOD_HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"


def opened(server: ScriptedServer, **options: Any) -> tuple[Kind | None, str, SocketTalk]:
    """Why a WebSocket could not be opened."""
    user = SocketTalk(**options)

    async def conversation(client: WebSocketClient) -> Any:
        ws = await client.connect(server.url + "/ws", name="chat")
        message = await ws.request("anybody?")
        assert not ws.ok
        assert not message.ok
        return ws.failure, ws.reason

    failure, reason = user.hold(conversation)
    return failure, reason, user


HANDSHAKES = {
    "a status": (answer(response(b"no room", status=503, reason="Service Unavailable")), "503", Kind.STATUS),
    "a good answer to another question": (answer(response(b"hello")), "200", Kind.STATUS),
    "another key's answer": (answer(GOOD_HEAD % b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "malformed", Kind.MALFORMED),
    "no upgrade": (answer(b"HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\n\r\n"), "malformed", Kind.MALFORMED),
    "garbage": (answer(b"\x16\x03\x01 what\r\n\r\n"), "malformed", Kind.MALFORMED),
    "an endless head": (answer(b"HTTP/1.1 101 Yes\r\nX: " + b"x" * 70_000), "malformed", Kind.MALFORMED),
    "nothing": (answer(b""), "closed_early", Kind.CLOSED_EARLY),
    "half a head": (answer(b"HTTP/1.1 101 Swi"), "closed_early", Kind.CLOSED_EARLY),
    "a reset": (reset(), "reset", Kind.RESET),
    "a subprotocol nobody offered": (accept("Sec-WebSocket-Protocol: chat"), "malformed", Kind.MALFORMED),
    "an extension nobody offered": (accept("Sec-WebSocket-Extensions: x-scramble"), "malformed", Kind.MALFORMED),
}


@pytest.mark.parametrize(("step", "kind", "failure"), HANDSHAKES.values(), ids=list(HANDSHAKES))
def test_a_handshake_that_goes_wrong_has_a_cause(step: Any, kind: str, failure: Kind) -> None:
    with ScriptedServer([step]) as server:
        found, _, user = opened(server)
    assert found is failure
    measured = user.measured
    assert measured.count("ws.connect_failures", {"kind": kind, "step": "chat"}) == 1
    assert measured.count("ws.connects") == 1
    assert measured.count("ws.closes") is None


def test_a_handshake_that_is_never_answered_times_out() -> None:
    with ScriptedServer([hold()]) as server:
        failure, _, user = opened(server, limits=Limits(first_byte_ns=20 * MILLISECOND))
    assert failure is Kind.TIMEOUT_FIRST_BYTE
    assert user.measured.count("ws.connect_failures", {"kind": "timeout_first_byte"}) == 1


def test_a_port_on_which_nobody_listens_is_refused() -> None:
    with ScriptedServer([hold()]) as server:
        pass
    assert opened(server)[0] is Kind.REFUSED


def test_a_handshake_that_comes_byte_by_byte_is_one() -> None:
    with ScriptedServer([accept(), trickle(server_frame(TEXT, b"slowly") + server_frame(BINARY, bytes(200))), hold()]) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url)
            return (await ws.receive()).text, len((await ws.receive()).bytes)

        assert SocketTalk().hold(conversation) == ("slowly", 200)


BROKEN = {
    "a masked frame": (b"\x81\x81\x00\x00\x00\x00a", "protocol", 1002),
    "an unknown opcode": (b"\x83\x00", "protocol", 1002),
    "a reserved bit": (b"\xa1\x00", "protocol", 1002),
    "compression nobody agreed on": (server_frame(TEXT, b"x", first=FIN | TEXT | RSV1), "protocol", 1002),
    "a close code that cannot be": (server_frame(CLOSE, struct.pack(">H", 1005)), "protocol", 1002),
    "text that is not UTF-8": (server_frame(TEXT, b"\xff"), "protocol", 1007),
    "a message that is too large": (server_frame(BINARY, bytes(1_001)), "too_large", 1009),
}


@pytest.mark.parametrize(("data", "kind", "code"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_frame_ends_the_connection_is_told_to_the_server_and_counted(data: bytes, kind: str, code: int) -> None:
    told: list[tuple[int, bytes]] = []
    with ScriptedServer(
        [accept(), send(server_frame(TEXT, b"before") + data), lambda peer: told.append(read_frame(peer)), hold()]
    ) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url)
            before, after = await ws.receive(), await ws.receive()
            return before.text, after.ok, ws.code

        user = SocketTalk({"max_message": 1_000})
        assert user.hold(conversation) == ("before", False, 1006)
    measured = user.measured
    assert measured.count("ws.errors", {"kind": kind}) == 1
    assert measured.count("ws.drops", {"kind": "1006"}) == 1
    assert measured.count("ws.messages_in") == 1
    assert told == [(CLOSE, struct.pack(">H", code))]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1013, 3000, 4999])
def test_every_close_code_a_server_may_send_is_counted_as_itself(code: int) -> None:
    with ScriptedServer([accept(), send_frame(CLOSE, struct.pack(">H", code) + b"because"), hold()]) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url)
            message = await ws.receive()
            return ws.code, message.failure, ws.reason

        user = SocketTalk()
        assert user.hold(conversation) == (code, Kind.CLOSED_EARLY, f"closed by the server with {code}: because")
    measured = user.measured
    assert measured.count("ws.closes", {"code": str(code)}) == 1
    assert measured.count("ws.drops", {"kind": str(code)}) == 1


def test_a_server_that_does_not_answer_our_close_is_1006_and_an_error() -> None:
    with ScriptedServer([accept(), hold()]) as server:

        async def conversation(client: WebSocketClient) -> int:
            async with client.connect(server.url) as ws:
                pass
            return ws.code

        user = SocketTalk({"close": "10ms"})
        assert user.hold(conversation) == 1006
    measured = user.measured
    assert measured.count("ws.errors", {"kind": "timeout_total"}) == 1
    assert measured.count("ws.drops") is None


def test_a_reset_in_the_middle_of_a_message_is_a_drop() -> None:
    with ScriptedServer([accept(), send(b"\x81\x7e\x10\x00half"), lambda peer: read_frame(peer) and None, reset()]) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url)
            return (await ws.request("x")).ok, ws.code

        user = SocketTalk()
        assert user.hold(conversation) == (False, 1006)
    assert user.measured.count("ws.drops", {"kind": "1006"}) == 1


def test_data_after_a_close_frame_is_not_read() -> None:
    with ScriptedServer([accept(), send(server_frame(CLOSE, b"\x03\xe8") + server_frame(TEXT, b"late")), hold()]) as server:

        async def conversation(client: WebSocketClient) -> bool:
            return (await (await client.connect(server.url)).receive()).ok

        user = SocketTalk()
        assert not user.hold(conversation)
    assert user.measured.count("ws.messages_in") is None


def test_frames_travel_over_tls_and_over_unix_sockets(authority: Any, tmp_path: Path) -> None:
    async def conversation(client: WebSocketClient) -> str:
        async with client.connect("/ws") as ws:
            return (await ws.request("hello " * 9_000)).text

    script = [accept(), answer_frames(2), hold()]
    with ScriptedServer(script, tls=authority.server("127.0.0.1")) as server:
        user = SocketTalk(target=server.url, tls=TlsSettings(ca_file=authority.ca_file))
        assert user.hold(conversation) == "hello " * 9_000
        assert user.measured.distribution("ws.tls_time") is not None
    with ScriptedServer(script, unix=str(tmp_path / "s")) as server:
        user = SocketTalk(target="http://localhost", unix_socket=str(tmp_path / "s"))
        assert user.hold(conversation) == "hello " * 9_000

"""The wire waits: nothing that is slow, full or silent keeps the processor busy."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadstone.clients.connection import Limits
from loadstone.clients.failure import Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.reply import Reply
from loadstone.clients.tls import TlsSettings
from loadstone.clients.wire import Handler, Wire
from loadstone.clock import MILLISECOND
from loadstone.testing.server import ScriptedServer, answer, hold, read, response
from loadstone.testing.talk import Talk

HELLO = response(b"hello")
LIMITS = Limits(first_byte_ns=150 * MILLISECOND)
A_FEW = 40  # events of a socket that is asked for nothing; one that spins has tens of thousands


async def get(http: HttpClient) -> Reply:
    return await http.get("/")


async def upload(http: HttpClient) -> Reply:
    return await http.post("/", body=bytes(30_000_000))


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every event of a socket, as its handler is told of it."""
    told: list[int] = []
    watch = Wire.watch

    def watch_and_count(wire: Wire, fd: int, events: int, handler: Handler) -> None:
        def count(events: int) -> None:
            told.append(events)
            handler(events)

        watch(wire, fd, events, count)

    monkeypatch.setattr(Wire, "watch", watch_and_count)
    return told


@pytest.mark.parametrize("conversation", [get, upload], ids=["get", "an upload nobody reads"])
@pytest.mark.parametrize("version", [None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["plain", "1.2", "1.3"])
def test_waiting_for_a_silent_server_costs_nothing(
    events: list[int], authority: Any, version: ssl.TLSVersion | None, conversation: Callable[[HttpClient], Any]
) -> None:
    silence: Callable[[Any], None] = hold() if conversation is get else lambda peer: peer.server.stopping.wait() and None
    with ScriptedServer([read(1), silence], tls=authority.server(version=version) if version else None) as server:
        reply = Talk(target=server.url, limits=LIMITS, tls=TlsSettings(ca_file=authority.ca_file)).hold(conversation)
        server.stopping.set()
    assert reply.failure is Kind.TIMEOUT_FIRST_BYTE
    assert len(events) < A_FEW


def test_a_unix_server_with_a_full_queue_is_asked_again_until_it_has_room(events: list[int], tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        waiting = []
        code = 0
        while not code:
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            code = client.connect_ex(path)
            waiting.append(client)

        def make_room() -> None:
            for _ in waiting[:-1]:
                listener.accept()[0].close()
            peer = listener.accept()[0]
            peer.recv(65_536)
            peer.sendall(HELLO)
            peer.close()

        room = threading.Thread(target=make_room)

        async def conversation(http: HttpClient) -> Reply:
            assert talk.wire is not None
            began = len(events)
            talk.wire.timers.at(talk.wire.timers.now_ns() + 10 * MILLISECOND, room.start)
            reply = await http.get("/")
            assert len(events) - began < A_FEW
            return reply

        talk = Talk(target="http://x", unix_socket=path)
        assert talk.hold(conversation).ok
        room.join()
        for client in waiting:
            client.close()


def test_both_event_loops_carry_the_wire() -> None:
    import asyncio

    async def alone() -> bytes:
        talk = Talk(target=server.url)
        return (await talk._spoken("http", get, {})).body

    with ScriptedServer([answer(HELLO)]) as server:
        assert asyncio.run(alone()) == b"hello"
        assert Talk(target=server.url).hold(get).body == b"hello"


def test_a_connection_may_be_closed_after_its_wire() -> None:
    kept: list[HttpClient] = []

    async def conversation(http: HttpClient) -> None:
        assert (await http.get("/")).ok
        kept.append(http)
        assert talk.wire is not None
        talk.wire.close()
        http.close()
        talk.wire.close = lambda: None  # type: ignore[method-assign]

    with ScriptedServer([answer(HELLO), read()]) as server:
        talk = Talk(target=server.url)
        talk.hold(conversation)

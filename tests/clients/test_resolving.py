"""Names to addresses, and whether anything answers there."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadstone.clients.address import Origin, Resolver
from loadstone.clients.failure import Failed, Kind
from loadstone.clients.http import HttpClient
from loadstone.clients.reach import check_reachable
from loadstone.clock import MILLISECOND
from loadstone.errors import TargetUnreachable
from loadstone.testing.server import ScriptedServer, always, answer, response
from loadstone.testing.talk import Talk

NAMED = Origin("http", "name.example", 80)


def with_answers(monkeypatch: pytest.MonkeyPatch, answers: Callable[[], Any]) -> list[str]:
    """Replace the system's resolver; what it was asked."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_options: object) -> Any:
        asked.append(host)
        await asyncio.sleep(0)
        result = answers()
        if isinstance(result, asyncio.Future):
            return await result
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in result]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


def test_users_that_begin_together_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation() -> None:
        asked = with_answers(monkeypatch, lambda: ["127.0.0.1", "127.0.0.2", "127.0.0.1"])
        resolver = Resolver()
        found = await asyncio.gather(*(resolver.resolve(NAMED) for _ in range(100)))
        assert {tuple(addresses) for addresses, _ in found} == {((2, ("127.0.0.1", 80)), (2, ("127.0.0.2", 80)))}
        assert sum(took > 0 for _, took in found) == 1, "one look-up, one time"
        assert (await resolver.resolve(NAMED))[1] == 0
        assert asked == ["name.example"]

    asyncio.run(conversation())


def test_one_who_gives_up_does_not_spoil_it_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation() -> None:
        with_answers(monkeypatch, lambda: ["127.0.0.1"])
        resolver = Resolver()
        first, second = (asyncio.ensure_future(resolver.resolve(NAMED)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second)[0] == [(2, ("127.0.0.1", 80))]

    asyncio.run(conversation())


def test_a_resolver_that_never_answers_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation() -> None:
        with_answers(monkeypatch, asyncio.get_running_loop().create_future)
        with pytest.raises(Failed, match="not resolved") as caught:
            await Resolver(20 * MILLISECOND).resolve(NAMED)
        assert caught.value.kind is Kind.TIMEOUT_CONNECT

    asyncio.run(conversation())


def test_an_address_that_answered_comes_first_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation() -> None:
        with_answers(monkeypatch, lambda: ["127.0.0.1", "127.0.0.2"])
        resolver = Resolver()
        await resolver.resolve(NAMED)
        resolver.prefer(NAMED, (2, ("127.0.0.2", 80)))
        resolver.prefer(NAMED, (2, ("127.0.0.9", 80)))
        assert (await resolver.resolve(NAMED))[0][0] == (2, ("127.0.0.2", 80))

    asyncio.run(conversation())


def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation(http: HttpClient) -> list[bool]:
        monkeypatch.setattr(Resolver, "_look_up", look_up)
        return [(await http.get("/")).ok, (await http.get("/")).ok]

    async def look_up(_resolver: Resolver, _origin: Origin) -> list[tuple[int, object]]:
        return [(2, ("127.0.0.9", server.port)), (2, ("127.0.0.1", server.port))]

    with ScriptedServer([always(answer(response(b"hello")))]) as server:
        talk = Talk(target=f"http://name.example:{server.port}", keep_alive=False)
        assert talk.hold(conversation) == [True, True]
    measured = talk.measured
    looked_up, connected = measured.distribution("http.dns_time"), measured.distribution("http.connect_time")
    assert looked_up is not None
    assert connected is not None
    assert (looked_up.count, connected.count) == (1, 2)


def test_what_cannot_be_reached_says_why(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        check_reachable(Origin("http", "127.0.0.1", server.port))
        port = server.port
    path = str(tmp_path / "s")
    with ScriptedServer(unix=path):
        check_reachable(Origin("http", "x", 80, path))
    for origin, what in (
        (Origin("http", "127.0.0.1", port), f"nothing listens on port {port}"),
        (Origin("http", "x", 80, path), "nothing listens on the socket"),
        (Origin("http", "x", 80, str(tmp_path / "none")), "no such socket"),
        (Origin("http", "no-such-host.invalid", 80), "does not resolve"),
        (Origin("http", "a..b", 80), "not a host name"),
    ):
        with pytest.raises(TargetUnreachable, match=what):
            check_reachable(origin)

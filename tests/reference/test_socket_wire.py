"""WebSockets over a real socket, with a plain client: the `websockets` library."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from loadstone.reference.process import ReferenceProcess


def ask(url: str, method: str = "GET", body: Any = None) -> Any:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), method=method)  # noqa: S310 - our own URL
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        return json.loads(answer.read())


def stats(backend: ReferenceProcess) -> Any:
    return ask(f"{backend.url}/stats")["sockets"]


@contextlib.contextmanager
def served(*switches: str) -> Any:
    with ReferenceProcess(*(part for switch in switches for part in ("--socket", switch))) as backend:
        yield backend, backend.url.replace("http", "ws", 1)


def hold(talk: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(talk(), 120))


async def closed_with(client: ClientConnection) -> tuple[int | None, str | None]:
    """Read until the connection is over; its code and reason."""
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await client.recv()
    return client.close_code, client.close_reason


def test_echo_gives_back_text_binary_fragments_and_large_messages_with_and_without_compression() -> None:
    async def talk() -> None:
        for query in ("", "?deflate=on"):
            async with connect(f"{url}/ws/echo{query}") as client:
                extensions = client.response.headers.get("Sec-WebSocket-Extensions") if client.response else None
                assert bool(extensions) == bool(query)
                for message in ("", "grün 🙂", b"\x00\xff", "x" * 125, "x" * 126, b"y" * 70_000):
                    await client.send(message)
                    assert await client.recv() == message
                await client.send(["a", "b", "c"])
                assert await client.recv() == "abc"
                await asyncio.wait_for(await client.ping(), 120)

    with served() as (backend, url):
        hold(talk)
        told = stats(backend)
        assert (told["messages_in"], told["messages_out"], told["pings"], told["closed"]) == (14, 14, 2, {"1000": 2})


def test_the_first_subprotocol_that_both_know_is_chosen_by_the_servers_order() -> None:
    async def talk() -> None:
        async with connect(f"{url}/ws/echo", subprotocols=["c", "b", "a"]) as client:  # type: ignore[list-item]
            assert client.subprotocol == "a"
        async with connect(f"{url}/ws/echo") as client:
            assert client.subprotocol is None

    with served("subprotocols=a,b") as (_, url):
        hold(talk)


@pytest.mark.parametrize("how", ["503", "1013"])
def test_one_more_than_the_limit_is_refused_and_a_place_that_is_left_can_be_taken(how: str) -> None:
    async def talk() -> None:
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connect(f"{url}/ws/echo")) for _ in range(3)]
            if how == "503":
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await connect(f"{url}/ws/echo")
                assert refused.value.response.status_code == 503
            else:
                async with connect(f"{url}/ws/echo") as fourth:
                    assert (await closed_with(fourth))[0] == 1013
            await clients[0].close()
            async with connect(f"{url}/ws/echo") as again:
                await again.send("in")
                assert await again.recv() == "in"

    with served("limit=3", f"limit_how={how}") as (backend, url):
        hold(talk)
        told = stats(backend)
        assert (told["accepted"], told["refused_limit"], told["open_max"]) == (4, 1, 3)


@pytest.mark.parametrize("code", [1006, 1012, 4001])
def test_all_connections_are_dropped_at_once_with_the_code_that_was_asked_for(code: int) -> None:
    async def talk() -> None:
        async with connect(f"{url}/ws/echo") as one, connect(f"{url}/ws/chat") as other:
            answer = await asyncio.to_thread(ask, f"{backend.url}/sockets/drop", "POST", {"code": code})
            assert answer == {"dropped": 2, "code": code}
            assert [(await closed_with(client))[0] for client in (one, other)] == [code, code]

    with served() as (backend, url):
        hold(talk)
        assert stats(backend)["closed"] == {str(code): 2}


def test_a_drop_that_was_set_for_a_time_comes_by_itself() -> None:
    async def talk() -> None:
        async with connect(f"{url}/ws/echo") as client:
            # Later ones for a machine that is too busy to connect before the first: what nobody is connected for is over.
            drops = "1012@0.1s,1012@2s,1012@10s,1012@60s"
            await asyncio.to_thread(ask, f"{backend.url}/sockets", "PUT", {"drop": drops})
            async with connect(f"{url}/ws/echo") as later:
                assert (await closed_with(later))[0] == (await closed_with(client))[0] == 1012

    with served() as (backend, url):
        hold(talk)
        assert stats(backend)["dropped_connections"] == 2


def test_pings_and_close_frames_can_be_left_unanswered() -> None:
    async def talk() -> None:
        async with connect(f"{url}/ws/echo?pongs=off&close_answer=off", ping_interval=None, close_timeout=0.2) as client:
            pong: Any = await client.ping()
            await client.send("still here")
            assert await client.recv() == "still here"
            assert not pong.done()
        assert client.close_code == 1006

    with served() as (backend, url):
        hold(talk)
        told = stats(backend)
        assert (told["pongs_withheld"], told["closes_unanswered"], told["closed"]) == (1, 1, {"1006": 1})


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # an opcode that does not exist
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),  # text that is not UTF-8
        (b"\x82\xff\x00\x00\x00\x7f\xff\xff\xff\xff\x00\x00\x00\x00", 1009),  # half a terabyte
    ],
)
def test_a_frame_that_breaks_the_rules_is_closed_with_its_code(frame: bytes, code: int) -> None:
    with served() as (backend, _):
        host, port = backend.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=120) as link:
            link.sendall(
                b"GET /ws/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += link.recv(4096)
            assert answer.startswith(b"HTTP/1.1 101")
            assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
            link.sendall(frame)
            closing = answer.split(b"\r\n\r\n", 1)[1]
            while len(closing) < 4:
                closing += link.recv(4096)
            assert closing[0] == 0x88
            assert int.from_bytes(closing[2:4]) == code


@pytest.mark.parametrize(
    ("path", "status"), [("/ws/none", 404), ("/ws/echo?speed=1", 400), ("/ws/echo?limit=1", 400), ("/ws/ticks?count=x", 400)]
)
def test_a_handshake_that_makes_no_sense_is_refused(path: str, status: int) -> None:
    async def talk() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect(url + path)
        assert refused.value.response.status_code == status

    with served() as (backend, url):
        hold(talk)
        assert stats(backend)["refused_bad"] == 1


def test_faults_apply_to_the_handshake() -> None:
    async def talk() -> None:
        statuses = []
        for _ in range(4):
            try:
                async with connect(f"{url}/ws/echo"):
                    statuses.append(101)
            except websockets.InvalidStatus as refused:
                statuses.append(refused.response.status_code)
        assert sorted(statuses) == [101, 101, 503, 503]

    with ReferenceProcess("--error-rate", "50%", "--fault", "error_status=503", "--fault", "paths=/ws/") as backend:
        url = backend.url.replace("http", "ws", 1)
        hold(talk)
        assert stats(backend)["refused_fault"] == 2


@pytest.mark.parametrize("slow", ["drop_oldest", "disconnect", "buffer"])
def test_a_reader_that_does_not_read_costs_itself_what_the_policy_says_and_nobody_else(slow: str) -> None:
    async def talk() -> None:
        text = "x" * 10_000
        host, port = url.removeprefix("ws://").split(":")
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        link.setblocking(False)
        await asyncio.get_running_loop().sock_connect(link, (host, int(port)))
        async with (
            connect(f"{url}/ws/chat?room=r") as healthy,
            connect(
                f"{url}/ws/chat?room=r&kernel_buffer=8kB&buffer=16kB&queue=10&slow={slow}", sock=link, max_queue=1, ping_interval=None
            ) as lazy,
        ):
            await healthy.recv()
            for index in range(300):
                await healthy.send(json.dumps({"type": "message", "text": text}))
                assert json.loads(await healthy.recv())["seq"] == index + 1
            told = (await asyncio.to_thread(stats, backend)).copy()
            numbers: list[int] = []
            with contextlib.suppress(websockets.ConnectionClosed):
                while not numbers or numbers[-1] < 300:
                    message = json.loads(await lazy.recv())
                    numbers += [message["seq"]] if message["type"] == "message" else []
            seen[:] = [numbers, told, lazy.close_code]

    seen: list[Any] = []
    with served() as (backend, url):
        hold(talk)
    numbers, told, code = seen
    assert numbers == sorted(numbers)
    if slow == "buffer":
        assert numbers == list(range(1, 301))
        assert told["dropped_oldest"] == told["disconnected_slow"] == 0
    elif slow == "drop_oldest":
        assert len(numbers) == 300 - told["dropped_oldest"] < 300
        assert numbers[-10:] == list(range(291, 301))
    else:
        assert (told["disconnected_slow"], code) in ((1, 1008), (1, 1006))
        assert numbers == list(range(1, len(numbers) + 1))


def test_ticks_come_as_announced_and_end_with_1000() -> None:
    async def talk() -> None:
        async with connect(f"{url}/ws/ticks?count=5&gap_ms=10") as client:
            ticks = [json.loads(tick) async for tick in client]
        assert [tick["n"] for tick in ticks] == [1, 2, 3, 4, 5]
        assert all(tick["sent_unix_ns"] >= tick["due_unix_ns"] - 1000 for tick in ticks)
        assert client.close_code == 1000

    with served() as (_, url):
        hold(talk)


def test_a_server_that_is_told_to_stop_says_1012() -> None:
    async def talk() -> None:
        async with connect(f"{url}/ws/chat?room=r") as client:
            await client.recv()
            await asyncio.to_thread(backend.stop)
            assert (await closed_with(client))[0] == 1012

    with served() as (backend, url):
        hold(talk)

"""One user's WebSocket against an independent server and against scripts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from loadstone.clients.failure import Kind
from loadstone.clients.frames import BINARY, CLOSE, PING, PONG, TEXT
from loadstone.clients.message import Message
from loadstone.clients.rally import Rally
from loadstone.clients.websocket_client import WebSocketClient
from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.measure.snapshot import Series
from loadstone.plan.websocket import Reconnect
from loadstone.testing.server import Peer, ScriptedServer, hold
from loadstone.testing.websocket import SocketTalk, accept, answer_frames, read_frame, send_frame, server_frame


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def another_server(handler: Callable[[ServerConnection], Awaitable[None]] = echo, **options: Any) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


def talk(conversation: Callable[[WebSocketClient, str], Awaitable[Any]], server: Any = None, **settings: Any) -> tuple[Any, SocketTalk]:
    """What a conversation with another library's server gives."""
    user = SocketTalk(settings)

    async def whole(client: WebSocketClient) -> Any:
        async with server or another_server() as url:
            return await conversation(client, url)

    return user.hold(whole), user


@pytest.mark.parametrize("deflate", [True, False, "no_context_takeover"])
def test_messages_come_back_as_they_went(deflate: bool | str) -> None:
    async def conversation(client: WebSocketClient, url: str) -> list[Any]:
        async with client.connect(f"{url}/room?x=1") as ws:
            contents: list[str | bytes] = ["", "hello", "grüße " * 40, b"", b"\x00\xff" * 9, "x" * 70_000, bytes(200_000)]
            return [(content, (await ws.request(content)).payload) for content in contents]

    pairs, user = talk(conversation, deflate=deflate)
    assert all(sent == got for sent, got in pairs)
    measured = user.measured
    assert measured.count("ws.messages_out") == measured.count("ws.messages_in") == 7
    assert measured.count("ws.closes", {"code": "1000"}) == 1
    assert measured.count("ws.drops") is None
    for name in ("ws.round_trip_time", "ws.service_time"):
        found = measured.distribution(name, {"step": "WS /room"})
        assert found is not None
        assert found.count == 7
    assert (measured.count("ws.bytes_in") or 0) < (3_000 if deflate else 271_000)


def test_a_round_trip_begins_when_the_message_was_due_and_ends_at_the_kernels_stamp() -> None:
    async def conversation(client: WebSocketClient, url: str) -> Message:
        async with client.connect(url) as ws:
            user.due.append((now_ns() - 2 * SECOND, 0))
            return await ws.request("late")

    user = SocketTalk()

    async def whole(client: WebSocketClient) -> Message:
        async with another_server() as url:
            return await conversation(client, url)

    message = user.hold(whole)
    measured = user.measured
    times, served, lag = (measured.distribution(name) for name in ("ws.round_trip_time", "ws.service_time", "load.send_lag"))
    assert times is not None
    assert served is not None
    assert lag is not None
    assert times.min >= 2 * SECOND > served.max
    assert message.response_time_s >= 2
    assert message.sent_ns <= message.end_ns <= message.seen_ns
    # The time in which the connection was opened is not lateness of ours.
    assert lag.max <= times.max


def test_answers_find_their_questions_by_what_both_carry_in_any_order() -> None:
    async def backwards(connection: ServerConnection) -> None:
        asked = [await connection.recv() for _ in range(3)]
        for message in reversed(asked):
            await connection.send(message)

    async def conversation(client: WebSocketClient, url: str) -> list[Any]:
        async with client.connect(url) as ws:
            replies = await asyncio.gather(*(ws.request(json={"id": number, "n": [number]}, match="json.id") for number in (1, "b", 3.5)))
            return [reply.json()["n"] for reply in replies]

    found, user = talk(conversation, another_server(backwards))
    assert found == [[1], ["b"], [3.5]]
    assert user.measured.count("ws.errors") is None


def test_names_that_differ_pair_messages_too_and_the_rest_is_pushed() -> None:
    async def answers(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('{"news": 1}')
        await connection.send('{"reply_to": 7}')

    async def conversation(client: WebSocketClient, url: str) -> Any:
        async with client.connect(url) as ws:
            reply = await ws.request(json={"id": 7}, match="json.id = json.reply_to")
            return reply.json(), (await ws.receive()).json()

    assert talk(conversation, another_server(answers))[0] == ({"reply_to": 7}, {"news": 1})


def test_what_is_pushed_goes_to_on_push_or_waits_to_be_read() -> None:
    async def pushes(connection: ServerConnection) -> None:
        await connection.send("one")
        await connection.send("two")
        await connection.send(b"end")
        await connection.wait_closed()

    async def conversation(client: WebSocketClient, url: str) -> Any:
        async with client.connect(url) as ws:
            read = []
            async for message in ws:
                read.append(message.payload)
                if message.payload == b"end":
                    break
        seen: list[str | bytes] = []
        async with client.connect(url) as ws:
            arrived = asyncio.Event()

            def on_push(message: Message) -> None:
                seen.append(message.payload)
                if len(seen) == 3:
                    arrived.set()

            ws.on_push = on_push
            await arrived.wait()
        return read, seen

    assert talk(conversation, another_server(pushes))[0] == (["one", "two", b"end"],) * 2


def test_the_subprotocol_and_headers_are_those_of_the_call_and_of_the_plan() -> None:
    seen: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append((connection.request.path, connection.request.headers["X-Team"], connection.subprotocol))
        await connection.wait_closed()

    async def conversation(client: WebSocketClient, url: str) -> list[str]:
        chosen = []
        for offered in (None, ["b"]):
            async with client.connect(f"{url}/a?b=c", headers={"X-Team": "blue"}, subprotocols=offered) as ws:
                chosen.append(ws.subprotocol)
        return chosen

    found, _ = talk(conversation, another_server(handler, subprotocols=["a", "b"]), subprotocols=["a", "b"])
    assert found == ["a", "b"]
    assert [path for path, _, _ in seen] == ["/a?b=c"] * 2
    assert {team for _, team, _ in seen} == {"blue"}


def test_a_ping_is_timed_and_one_that_nobody_answers_is_missed() -> None:
    async def conversation(client: WebSocketClient, url: str) -> float | None:
        async with client.connect(url) as ws:
            return await ws.ping()

    took, user = talk(conversation)
    assert took is not None
    assert took < 5
    measured = user.measured
    assert measured.count("ws.pings") == 1
    assert measured.distribution("ws.pong_time") is not None
    with ScriptedServer([accept(), hold()]) as server:

        async def unanswered(client: WebSocketClient) -> float | None:
            ws = await client.connect(server.url)
            return await ws.ping(timeout=0.01)

        silent = SocketTalk()
        assert silent.hold(unanswered) is None
    assert silent.measured.count("ws.missed_pongs") == 1


def test_a_pong_that_comes_late_is_not_taken_for_that_of_the_next_ping() -> None:
    def both_late(peer: Peer) -> None:
        (_, first), (_, second) = read_frame(peer), read_frame(peer)
        peer.send(server_frame(PONG, first) + server_frame(PONG, b"nobody's") + server_frame(TEXT, b"now"))
        assert first != second

    with ScriptedServer([accept(), both_late, hold()]) as server:

        async def conversation(client: WebSocketClient) -> tuple[float | None, float | None]:
            ws = await client.connect(server.url)
            first = await ws.ping(timeout=0.001)
            second = asyncio.ensure_future(ws.ping(timeout=60))
            assert (await ws.receive()).text == "now"
            assert not second.done()
            ws.abort()
            return first, await second

        user = SocketTalk()
        assert user.hold(conversation) == (None, None)
    measured = user.measured
    assert (measured.count("ws.pings"), measured.count("ws.missed_pongs")) == (2, 2)
    assert measured.distribution("ws.pong_time") is None


def test_a_servers_ping_is_answered_with_what_it_held() -> None:
    answers: list[tuple[int, bytes]] = []

    def note(peer: Peer) -> None:
        answers.append(read_frame(peer))

    with ScriptedServer([accept(), send_frame(PING, b"are you there"), note, send_frame(TEXT, b"good"), hold()]) as server:

        async def conversation(client: WebSocketClient) -> str:
            return (await (await client.connect(server.url)).receive()).text

        assert SocketTalk().hold(conversation) == "good"
    assert answers == [(PONG, b"are you there")]


def test_frames_that_come_with_the_handshakes_answer_are_read() -> None:
    early = server_frame(TEXT, b"early") + server_frame(CLOSE, b"\x03\xf5bye")
    with ScriptedServer([accept(with_answer=early)]) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url)
            return (await ws.receive()).text, ws.code, ws.ok, (await ws.receive()).reason

        assert SocketTalk().hold(conversation) == ("early", 1013, False, "closed by the server with 1013: bye")


def test_a_time_out_of_receive_is_an_answer_and_no_failure() -> None:
    with ScriptedServer([accept(), hold()]) as server:

        async def conversation(client: WebSocketClient) -> Message:
            return await (await client.connect(server.url)).receive(timeout=0.01)

        user = SocketTalk()
        message = user.hold(conversation)
    assert message.failure is Kind.TIMEOUT_TOTAL
    assert user.measured.count("ws.errors") is None


def test_an_answer_that_does_not_come_is_longer_than_anything_and_one_that_is_late_is_nobody_elses() -> None:
    def late(peer: Peer) -> None:
        first, second = read_frame(peer), read_frame(peer)
        peer.send(server_frame(*first) + server_frame(*second))

    with ScriptedServer([accept(), late, hold()]) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url)
            return await ws.request("one", timeout=0.01), await ws.request("two")

        user = SocketTalk()
        first, second = user.hold(conversation)
    assert (first.ok, first.failure) == (False, Kind.TIMEOUT_TOTAL)
    assert second.text == "two"
    times = user.measured.distribution("ws.round_trip_time")
    assert times is not None
    assert (times.count, times.beyond) == (1, 1)


def test_messages_that_wait_for_answers_when_the_connection_ends_are_lost_and_told() -> None:
    def leave(peer: Peer) -> None:
        for _ in range(3):
            read_frame(peer)

    with ScriptedServer([accept(), leave]) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url)
            replies = await asyncio.gather(*(ws.request(text) for text in "abc"))
            return [reply.failure for reply in replies], ws.code, await ws.send("more")

        user = SocketTalk()
        assert user.hold(conversation) == ([Kind.CLOSED_EARLY] * 3, 1006, False)
    measured = user.measured
    assert measured.count("ws.messages_lost") == 3
    assert measured.count("ws.drops", {"kind": "1006"}) == 1
    assert measured.count("ws.closes", {"code": "1006"}) == 1
    assert measured.count("ws.errors", {"kind": "closed_early"}) == 3


def test_a_lost_connection_is_opened_again_and_sending_waits_for_it() -> None:
    def first_answer_then_gone(peer: Peer) -> None:
        peer.send(server_frame(*read_frame(peer)))

    policy = Reconnect(attempts=5, first=0.001, most=0.01)
    with ScriptedServer([accept(), first_answer_then_gone], [], [accept(), answer_frames(1), hold()]) as server:

        async def conversation(client: WebSocketClient) -> Any:
            ws = await client.connect(server.url, reconnect=policy)
            first = await ws.request("one")
            gone = await ws.receive(timeout=0.02)
            second = await ws.request("two")
            return first.text, gone.ok, second.text

        user = SocketTalk()
        assert user.hold(conversation) == ("one", False, "two")
    measured = user.measured
    assert measured.count("ws.reconnects") == measured.count("ws.losses") == 1
    assert measured.count("ws.connects") == 3
    assert measured.count("ws.connect_failures") == 1
    assert measured.count("ws.not_reconnected") is None
    back = measured.distribution("ws.reconnect_time")
    assert back is not None
    assert back.count == 1


def test_when_no_attempt_brings_it_back_the_time_is_longer_than_anything() -> None:
    with ScriptedServer([accept()], []) as server:

        async def conversation(client: WebSocketClient) -> Message:
            ws = await client.connect(server.url, reconnect=Reconnect(attempts=2, first=0.001))
            return await ws.receive()

        user = SocketTalk()
        assert not user.hold(conversation).ok
    measured = user.measured
    assert measured.count("ws.not_reconnected") == 1
    back = measured.distribution("ws.reconnect_time")
    assert back is not None
    assert (back.count, back.beyond) == (0, 1)


def test_a_rally_sends_each_message_when_the_last_was_answered_and_stops_when_told() -> None:
    left = 50

    def go_on() -> bool:
        nonlocal left
        left -= 1
        return left > 0

    async def conversation(client: WebSocketClient, url: str) -> int:
        async with client.connect(url) as ws:
            column = client._shared.http.recorder.column("talk", Series("durations"))
            await Rally(ws, lambda: "hello", client.timers, SECOND, column, go_on).run()
            return ws.awaited

    found, user = talk(conversation)
    assert found == 0
    measured = user.measured
    assert measured.count("ws.messages_out") == measured.count("ws.messages_in") == 50
    times = measured.distribution("ws.round_trip_time")
    assert times is not None
    assert times.count == 50


def test_a_rally_whose_answer_does_not_come_is_over_and_told() -> None:
    with ScriptedServer([accept(), hold()], [accept(), lambda peer: read_frame(peer) and None]) as server:

        async def conversation(client: WebSocketClient) -> None:
            column = client._shared.http.recorder.column("talk", Series("durations"))
            for wait_ns in (SECOND // 100, 60 * SECOND):
                ws = await client.connect(server.url)
                await Rally(ws, lambda: b"hello", client.timers, wait_ns, column, lambda: True).run()

        user = SocketTalk()
        user.hold(conversation)
    measured = user.measured
    assert measured.count("ws.errors", {"kind": "timeout_total"}) == 1
    assert measured.count("ws.errors", {"kind": "closed_early"}) == measured.count("ws.messages_lost") == 1


def test_unread_messages_are_kept_up_to_a_most_and_the_oldest_is_dropped_and_counted() -> None:
    many = b"".join(server_frame(BINARY, str(number).encode()) for number in range(1_005))
    with ScriptedServer(
        [accept(), lambda peer: peer.send(many), send_frame(PING), lambda peer: read_frame(peer) and None, hold()]
    ) as server:

        async def conversation(client: WebSocketClient) -> bytes:
            ws = await client.connect(server.url)
            await ws.ping(timeout=0.2)
            return (await ws.receive()).bytes

        user = SocketTalk()
        assert user.hold(conversation) == b"5"
    assert user.measured.count("ws.unread") == 5


def test_the_end_of_a_run_says_good_bye_without_waiting() -> None:
    said: list[tuple[int, bytes]] = []
    with ScriptedServer([accept(), lambda peer: said.append(read_frame(peer)), hold()]) as server:

        async def conversation(client: WebSocketClient) -> None:
            await client.connect(server.url)

        user = SocketTalk()
        user.hold(conversation)
    assert said == [(CLOSE, b"\x03\xe8")]
    assert user.measured.count("ws.closes", {"code": "1000"}) == 1


def test_two_ways_to_pair_messages_at_once_and_two_readers_at_once_are_mistakes() -> None:
    with ScriptedServer([accept(), hold()]) as server:

        async def conversation(client: WebSocketClient) -> None:
            ws = await client.connect(server.url)
            ws.ask("{}", "order")
            with pytest.raises(UsageError, match="one way"):
                ws.ask("{}", "json.id")
            reading = asyncio.ensure_future(ws.receive())
            await asyncio.sleep(0)
            with pytest.raises(UsageError, match="two receive"):
                await ws.receive()
            reading.cancel()
            with pytest.raises(UsageError, match="payload or json"):
                await ws.send()

        SocketTalk().hold(conversation)

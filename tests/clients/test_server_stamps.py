"""Push delays from the server's own stamps, on one clock and on two."""

import asyncio
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from loadstone.clients.message import Message
from loadstone.clients.server_stamps import ServerClock, unix_ns
from loadstone.clients.websocket_client import WebSocketClient
from loadstone.plan.websocket import Stamp, WebSocketSettings
from loadstone.plan.wrong import Wrong
from loadstone.testing.websocket import SocketTalk

HOUR_NS, MS = 3_600 * 10**9, 10**6


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        (1_700_000_000, 1_700_000_000 * 10**9),
        (1_700_000_000.25, 1_700_000_000_250_000_000),
        ("1700000000250", 1_700_000_000_250_000_000),
        (1_700_000_000_250_001, 1_700_000_000_250_001_000),
        (1_700_000_000_250_001_002, 1_700_000_000_250_001_002),
        ("2023-11-14T22:13:20.25Z", 1_700_000_000_250_000_000),
        ("2023-11-14T23:13:20.25+01:00", 1_700_000_000_250_000_000),
        ("2023-11-14 22:13:20", 1_700_000_000 * 10**9),
    ],
)
def test_a_stamp_is_read_in_every_usual_unit(written: Any, ns: int) -> None:
    assert unix_ns(written) == ns


@pytest.mark.parametrize("written", [None, True, 0, 45_000.5, -1, "soon", "", [], {}, 1e300, float("nan"), "nan"])
def test_what_is_no_time_since_1970_is_no_stamp(written: Any) -> None:
    assert unix_ns(written) is None


@given(offset=st.integers(-HOUR_NS, HOUR_NS), trips=st.lists(st.tuples(st.integers(0, 50 * MS), st.integers(0, 50 * MS)), min_size=1))
def test_the_offset_of_another_clock_is_off_by_half_the_shortest_round_trip_at_most(offset: int, trips: list[tuple[int, int]]) -> None:
    clock = ServerClock(Stamp(at="json.t", clock="apart"))
    assert clock.offset_ns is None
    for number, (there, back) in enumerate(trips):
        sent = number * 10**9
        clock.answered(sent + there + offset, sent, sent + there + back)
    assert clock.offset_ns is not None
    assert abs(clock.offset_ns - offset) <= min(there + back for there, back in trips) / 2 + 1


def test_a_clock_that_was_set_is_learnt_anew() -> None:
    clock = ServerClock(Stamp(at="json.t", clock="apart"))
    clock.answered(1_010, 0, 20)
    clock.answered(501_010, 1_000, 1_020)
    assert clock.offset_ns == 500_000


def test_a_message_without_a_stamp_has_none_whatever_it_is() -> None:
    clock = ServerClock(Stamp(at="json.t"))
    assert [clock.read(Message(text)) for text in ("", "no json", "{}", '{"t": "soon"}', "[1]", b"\xff")] == [None] * 6
    assert clock.read(Message('{"t": 1700000000}')) == 1_700_000_000 * 10**9


def test_a_place_that_cannot_be_read_is_a_mistake_in_the_plan() -> None:
    assert WebSocketSettings.model_validate({"stamp": "json.sent_at"}).stamp == Stamp(at="json.sent_at")
    with pytest.raises((Wrong, ValueError)):
        WebSocketSettings.model_validate({"stamp": "colour"})


def pushed(stamp: Any, ahead_ns: int) -> SocketTalk:
    """What is measured of three pushes and one answer by a server whose clock is that far ahead."""

    async def handler(connection: ServerConnection) -> None:
        asked = json.loads(await connection.recv())
        await connection.send(json.dumps({"id": asked["id"], "t": time.time_ns() + ahead_ns}))
        for _ in range(3):
            await connection.send(json.dumps({"t": time.time_ns() + ahead_ns - 40 * MS}))
        await connection.wait_closed()

    async def conversation(client: WebSocketClient) -> None:
        async with serve(handler, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            async with client.connect(url) as ws:
                assert (await ws.request(json={"id": 1}, match="json.id", timeout=120)).ok
                for _ in range(3):
                    assert (await ws.receive(timeout=120)).ok
                await asyncio.sleep(0)

    user = SocketTalk({"stamp": stamp})
    user.hold(conversation)
    return user


@pytest.mark.parametrize(("stamp", "ahead_ns"), [("json.t", 0), ({"at": "json.t", "clock": "apart"}, HOUR_NS)])
def test_delays_of_pushes_are_the_servers_on_one_clock_and_on_two(stamp: Any, ahead_ns: int) -> None:
    delays = pushed(stamp, ahead_ns).measured.distribution("ws.push_delay")
    assert delays is not None
    assert delays.count == 3  # the answer is a round trip, and no push
    # Late by what was asked for, and by what the machine took; never by an hour.
    assert 20 * MS < delays.min <= delays.max < 20_000 * MS


def test_a_stamp_from_the_future_is_an_error_and_no_delay() -> None:
    measured = pushed("json.t", HOUR_NS).measured
    assert measured.distribution("ws.push_delay") is None
    assert measured.count("ws.errors", {"kind": "clock"}) == 3

"""Rooms, the post between them and typing indicators, in a time that is moved by hand."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.reference.faults import Faults
from loadstone.reference.injector import Injector
from loadstone.reference.sockets.chat import Chat
from loadstone.reference.sockets.hub import Hub
from loadstone.reference.sockets.outbox import Outbox, server_frame
from loadstone.reference.sockets.switches import SocketSwitches, read_socket_switches


class SteppedTimer:
    """Time stands still until everybody waits, then it is the earliest deadline."""

    def __init__(self) -> None:
        self.instant = 0.0
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> float:
        return self.instant

    async def until(self, deadline: float) -> None:
        if deadline > self.instant:
            woken = asyncio.get_running_loop().create_future()
            heapq.heappush(self._heap, (deadline, next(self._order), woken))
            await woken

    async def run_to(self, end: float) -> None:
        while True:
            for _ in range(8):
                await asyncio.sleep(0)
            if not self._heap or self._heap[0][0] > end:
                self.instant = end
                return
            deadline, _, woken = heapq.heappop(self._heap)
            if not woken.done():
                self.instant = deadline
                woken.set_result(None)


class FakeLine:
    """A connection that keeps what it was told, and when."""

    def __init__(self, hub: Hub, **query: str) -> None:
        self.hub, self.switches = hub, hub.switches
        self.query: Mapping[str, str] = query
        self.told: list[tuple[float, dict[str, Any]]] = []
        self.chat = Chat(self)
        self.chat.opened()

    def send(self, frame: bytes) -> None:
        head = 2 if frame[1] < 126 else 4
        self.told.append((round(self.hub.timer.now(), 6), json.loads(frame[head:])))

    def send_payload(self, opcode: int, payload: bytes) -> None:
        raise AssertionError((opcode, payload))

    def drop(self, code: int) -> None:
        raise AssertionError(code)

    def say(self, **value: Any) -> None:
        self.chat.received(1, json.dumps(value).encode())

    def sequence(self) -> list[int]:
        return [value["seq"] for _, value in self.told if value["type"] == "message"]

    def typing(self) -> list[tuple[float, str, str]]:
        return [(instant, value["state"], value["why"]) for instant, value in self.told if value["type"] == "typing"]


def played(scene: Callable[[Hub, SteppedTimer], Awaitable[None]], **switches: Any) -> Hub:
    """Play a scene on a hub with these switches."""

    async def play() -> Hub:
        timer = SteppedTimer()
        hub = Hub(read_socket_switches(switches, SocketSwitches()), 1, timer, Injector(Faults(), 0.0))
        await scene(hub, timer)
        return hub

    return asyncio.run(play())


def test_everybody_in_a_room_hears_everything_once_in_order_and_nobody_else_does() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        here = [FakeLine(hub, room="a", user=f"u{index}") for index in range(3)]
        elsewhere = FakeLine(hub, room="b")
        for index in range(5):
            here[index % 3].say(type="message", text=f"m{index}", id=index)
        await timer.run_to(1)
        for line in here:
            messages = [value for _, value in line.told if value["type"] == "message"]
            assert [(value["seq"], value["text"], value["id"], value["user"]) for value in messages] == [
                (index + 1, f"m{index}", index, f"u{index % 3}") for index in range(5)
            ]
        assert elsewhere.sequence() == []
        assert hub.rooms.as_json() == {"a": {"members": 3, "seq": 5}, "b": {"members": 1, "seq": 0}}
        here[0].say(type="leave")
        here[1].say(type="message", text="after")
        assert here[0].sequence() == [1, 2, 3, 4, 5]
        for line in (*here, elsewhere):
            line.chat.closed()
        assert hub.rooms.as_json() == {}

    hub = played(scene)
    assert (hub.counts.broadcasts, hub.counts.deliveries) == (6, 17)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "JSON object"),
        (b'{"type":"dance"}', "unknown type"),
        (b'{"type":"message","text":"x"}', "join a room first"),
        (b'{"type":"join"}', "'room'"),
        (b'{"type":"join","room":""}', "'room'"),
        (b'{"type":"message","text":"\\ud800"}', "not Unicode"),
    ],
)
def test_what_cannot_be_done_is_answered_with_an_error(said: bytes, reason: str) -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        line = FakeLine(hub)
        line.chat.received(1, said)
        await timer.run_to(1)
        assert [value["type"] for _, value in line.told] == ["error"]
        assert reason in line.told[0][1]["message"]

    played(scene)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from([0, 5, 20, 50]), st.sampled_from([0, 10, 25]), st.integers(1, 5), st.integers(20, 80))
def test_lost_and_doubled_deliveries_are_exact_and_the_ledger_agrees(lose: int, duplicate: int, members: int, messages: int) -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        lines = [FakeLine(hub, room="r") for _ in range(members)]
        for index in range(messages):
            lines[0].say(type="message", text=str(index))
        await timer.run_to(1)
        heard = [number for line in lines for number in line.sequence()]
        missing = sum(number not in line.sequence() for line in lines for number in range(1, messages + 1))
        assert missing == hub.counts.lost
        assert len(heard) == members * messages - hub.counts.lost + hub.counts.duplicated

    hub = played(scene, lose=f"{lose}%", duplicate=f"{duplicate}%")
    deliveries = hub.counts.deliveries
    assert deliveries == members * messages
    assert abs(hub.counts.lost - deliveries * lose / 100) <= 1
    assert abs(hub.counts.duplicated - (deliveries - hub.counts.lost) * duplicate / 100) <= 1


def test_a_reordered_delivery_changes_places_with_the_next_and_is_never_lost() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        line = FakeLine(hub, room="r")
        for index in range(100):
            line.say(type="message", text=str(index))
        await timer.run_to(1)
        heard = line.sequence()
        assert sorted(heard) == list(range(1, 101))
        swapped = [place for place in range(99) if heard[place] > heard[place + 1]]
        assert len(swapped) == hub.counts.reordered
        assert all(heard[place] == heard[place + 1] + 1 for place in swapped)

    assert 8 <= played(scene, reorder="10%").counts.reordered <= 11


def test_a_delivery_that_is_held_back_without_a_successor_comes_all_the_same() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        line = FakeLine(hub, room="r")
        line.say(type="message", text="only")
        assert line.sequence() == []
        await timer.run_to(1)
        assert line.told[-1][0] == 0.25
        assert line.sequence() == [1]

    assert played(scene, reorder="100%").counts.reordered == 0


def test_a_delay_moves_all_readers_alike_and_keeps_the_order() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        lines = [FakeLine(hub, room="r") for _ in range(2)]
        for index in range(20):
            lines[0].say(type="message", text=str(index))
        await timer.run_to(5)
        assert [line.sequence() for line in lines] == [list(range(1, 21))] * 2
        assert lines[0].told[1:] == lines[1].told[1:]
        assert all(instant >= 0.01 for instant, value in lines[0].told if value["type"] == "message")

    played(scene, delay="uniform:10ms,100ms")


def test_the_assistants_indicator_is_shown_after_its_delay_kept_alive_and_cleared_by_the_message() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        line = FakeLine(hub, room="r")
        line.say(type="ask", text="why?", id="q1")
        await timer.run_to(10)
        assert line.typing() == [(0.2, "on", "shown"), (1.2, "on", "kept_alive"), (2.2, "on", "kept_alive"), (2.5, "off", "message")]
        instant, last = line.told[-1]
        assert (instant, last["user"], last["in_reply_to"], last["seq"]) == (2.5, "assistant", "q1", 2)
        assert last["text"].startswith("Simulated answer")

    counts = played(scene, reply="2500ms", typing_keep_alive="1s").counts
    assert (counts.typing_shown, counts.typing_kept_alive, counts.typing_cleared, counts.typing_expired) == (1, 2, 1, 0)


def test_an_answer_that_fails_clears_the_indicator_and_says_so() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        line = FakeLine(hub, room="r")
        line.say(type="ask", text="why?", id=3, fail=True)
        await timer.run_to(10)
        assert line.typing() == [(0.2, "on", "shown"), (0.5, "off", "error")]
        assert (line.told[-1][1]["type"], line.told[-1][1]["id"]) == ("error", 3)

    played(scene)


def test_an_answer_that_is_quicker_than_the_delay_shows_no_indicator() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        line = FakeLine(hub, room="r")
        line.say(type="ask", text="why?")
        await timer.run_to(10)
        assert line.typing() == []
        assert line.sequence() == [1, 2]

    played(scene, reply="100ms")


def test_a_stuck_indicator_outlives_its_message_and_expires() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        line = FakeLine(hub, room="r")
        line.say(type="ask", text="why?")
        await timer.run_to(10)
        assert line.typing() == [(0.2, "on", "shown"), (5.2, "off", "expired")]

    assert played(scene, typing_stuck=True).counts.typing_expired == 1


def test_a_users_indicator_is_told_to_others_and_expires_unless_it_is_kept_alive() -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        writer, reader = FakeLine(hub, room="r", user="w"), FakeLine(hub, room="r")
        writer.say(type="typing")
        await timer.run_to(3)
        writer.say(type="typing")
        await timer.run_to(20)
        writer.say(type="typing")
        await timer.run_to(21)
        writer.say(type="message", text="here")
        writer.say(type="typing")
        await timer.run_to(22)
        writer.say(type="typing", on=False)
        assert writer.typing() == []
        assert reader.typing() == [
            (0.2, "on", "shown"), (3.0, "on", "kept_alive"), (8.0, "off", "expired"),
            (20.2, "on", "shown"), (21.0, "off", "message"), (21.2, "on", "shown"), (22.0, "off", "stopped"),
        ]  # fmt: skip

    played(scene)


class FakeTransport:
    """A kernel that takes so many bytes and then pauses its outbox."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.room = 3
        self.outbox: Any = None

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        assert low < high

    def write(self, frame: bytes) -> None:
        self.written.append(frame)
        if len(self.written) >= self.room:
            self.outbox.paused = True


@pytest.mark.parametrize(
    ("slow", "written", "dropped", "refused"),
    [("drop_oldest", [0, 1, 2, 8, 9], 5, 0), ("disconnect", [0, 1, 2, 3, 4], 0, 5), ("buffer", list(range(10)), 0, 0)],
)
def test_a_slow_reader_costs_what_the_policy_says(slow: str, written: list[int], dropped: int, refused: int) -> None:
    async def scene(hub: Hub, timer: SteppedTimer) -> None:
        del timer
        transport: Any = FakeTransport()
        transport.outbox = outbox = Outbox(transport, hub.switches, hub.counts)
        taken = [outbox.put(server_frame(1, bytes([number]))) for number in range(10)]
        assert taken.count(False) == refused
        transport.room = 100
        outbox.resume()
        assert [frame[-1] for frame in transport.written] == written

    counts = played(scene, slow=slow, queue=2).counts
    assert (counts.dropped_oldest, counts.messages_out, counts.slow) == (dropped, len(written), 1)


@given(st.integers(0, 70_000))
@settings(max_examples=30)
def test_a_frame_says_its_length_in_the_shortest_form(size: int) -> None:
    frame = server_frame(2, b"x" * size)
    head = 2 if size < 126 else 4 if size < 65_536 else 10
    assert frame[0] == 0x82
    assert len(frame) == size + head
    assert frame[1] == size if head == 2 else int.from_bytes(frame[2:head]) == size


def test_socket_switches_are_read_back_as_they_are_shown() -> None:
    asked = {"limit": 5, "slow": "buffer", "drop": "1006@30s,1012@1m", "subprotocols": "a,b", "lose": "1%", "delay": "5ms", "deflate": "on"}
    switches = read_socket_switches(asked, SocketSwitches())
    assert read_socket_switches(switches.as_json(), SocketSwitches()) == switches

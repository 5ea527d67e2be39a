"""A room in which members of two workers meet: each worker keeps its own books, and none takes the other's messages for its own."""

import asyncio
from typing import Any

from loadstone.clients.fanout import FanOut
from loadstone.clients.message import Message
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.messages import Messages
from loadstone.measure.recorder import Recorder


class Socket:
    """An open connection to a server that hands every message to everybody."""

    ok = True

    def __init__(self, recorder: Recorder, said: list[str]) -> None:
        self.columns, self.said = Messages(recorder, "s", "WS /room", ()), said
        self.on_push: Any = None

    async def send(self, text: str) -> bool:
        self.said.append(text)
        return True


def test_members_of_two_workers_in_one_room_miss_nothing_and_have_nothing_twice() -> None:
    recorder, said = Recorder(), list[str]()
    sockets: list[Any] = [Socket(recorder, said) for _ in range(4)]
    rooms = [FanOut(worker, 2) for worker in range(2)]
    members = [rooms[place % 2].join(socket) for place, socket in enumerate(sockets)]

    async def everybody_speaks() -> None:
        for _ in range(3):
            for member in members:
                assert await member.send(lambda mark: f"hello {mark}")

    asyncio.run(everybody_speaks())
    for text in said:
        for socket in sockets:
            socket.on_push(Message(text, 1, 1))
    assert [member.leave() for member in members] == [0] * 4
    seen = Aggregate(recorder.take(0, 0.0, 1.0, "load"))
    assert seen.count("ws.deliveries") == 4 * 3  # each of four hears the one other member of its worker
    assert seen.count("ws.duplicates") is seen.count("ws.out_of_order") is None

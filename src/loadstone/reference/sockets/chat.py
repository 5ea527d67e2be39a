"""The chat that is spoken at /ws/chat: rooms, numbered messages, typing indicators, and an assistant that can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from loadstone.reference.simulator import answer
from loadstone.reference.sockets.rooms import Room, json_frame
from loadstone.reference.sockets.switches import DEFAULT_REPLY
from loadstone.reference.sockets.talks import Line, Misunderstood, parsed
from loadstone.reference.sockets.typing_indicator import TypingIndicator

ASSISTANT = "assistant"
_MOST_ROOMS = 64


class Chat:
    """One member; may be in several rooms. Without `room`, a message is for the room joined last."""

    def __init__(self, line: Line) -> None:
        self._line, self._hub, self._rooms = line, line.hub, line.hub.rooms
        self._user = line.query.get("user", "")[:100] or "guest"
        self._joined: dict[str, Room] = {}
        self._typing: dict[str, TypingIndicator] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.held: list[bytes] = []
        self._do: dict[str, Callable[[dict[str, Any]], None]] = {
            "message": self._message,
            "join": self._join,
            "leave": self._leave,
            "typing": self._type,
            "ask": self._ask,
            "ping": lambda value: self._say({"type": "pong", **_id_of(value)}),
        }

    def opened(self) -> None:
        """See Talk; `?room=NAME` joins at once."""
        if "room" in self._line.query:
            self._join({"room": self._line.query["room"]})

    def received(self, opcode: int, payload: bytes) -> None:
        """See Talk. What cannot be done is answered with an error, never with silence."""
        del opcode
        value: dict[str, Any] = {}
        try:
            value = parsed(payload)
            do = self._do.get(str(value.get("type")))
            if do is None:
                raise Misunderstood(f"unknown type {str(value.get('type'))[:40]!r}; known: {', '.join(self._do)}")
            do(value)
        except Misunderstood as error:
            self._say({"type": "error", "message": str(error), **_id_of(value)})

    def closed(self) -> None:
        """See Talk."""
        for room in list(self._joined.values()):
            self._out(room)
        for task in self._tasks:
            task.cancel()

    def deliver(self, frame: bytes) -> None:
        """See Reader."""
        self._line.send(frame)

    def _join(self, value: dict[str, Any]) -> None:
        name = _name(value, "room")
        self._user = _name(value, "user") if "user" in value else self._user
        if name not in self._joined and len(self._joined) >= _MOST_ROOMS:
            raise Misunderstood(f"one connection can be in at most {_MOST_ROOMS} rooms")
        self._joined.pop(name, None)
        room = self._joined[name] = self._rooms.join(name, self, self._user)
        told = {"type": "joined", "room": name, "user": self._user, "members": len(room.members), "seq": room.sequence}
        self._say({**told, **_id_of(value)})

    def _leave(self, value: dict[str, Any]) -> None:
        room = self._room(value)
        self._out(room)
        self._say({"type": "left", "room": room.name, "seq": room.sequence, **_id_of(value)})

    def _message(self, value: dict[str, Any]) -> None:
        room, text = self._room(value), _text(value)
        self._stop_typing(room, "message")
        self._rooms.say(room, {"user": self._user, "text": text, **_id_of(value)})

    def _type(self, value: dict[str, Any]) -> None:
        room = self._room(value)
        if value.get("on", True) is not True:
            self._stop_typing(room, "stopped")
            return
        indicator = self._typing.get(room.name)
        if indicator is None:
            indicator = self._typing[room.name] = self._indicator(room, self._user, but=self)
        indicator.begin()

    def _ask(self, value: dict[str, Any]) -> None:
        room = self._room(value)
        self._message(value)
        self._hub.counts.asked += 1
        task = asyncio.ensure_future(self._answer(room, str(value["text"]), _id_of(value), fails=value.get("fail") is True))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, room: Room, question: str, asked: dict[str, Any], *, fails: bool) -> None:
        switches, timer = self._line.switches, self._hub.timer
        arrival = timer.now()
        indicator = self._indicator(room, ASSISTANT)
        indicator.begin()
        why = "left"
        try:
            delay = (switches.reply or DEFAULT_REPLY).draw(Random(f"{self._hub.seed} {question} {self._hub.counts.asked}"))
            await timer.until(arrival + delay)
            why = "error" if fails else "message"
        finally:
            if not switches.typing_stuck:
                indicator.clear(why)
        self._hub.counts.answered += 1
        if fails:
            self._rooms.tell(room, {"type": "error", "user": ASSISTANT, "message": "the assistant was asked to fail", **asked})
            return
        said = answer(question, seed=self._hub.seed).text
        in_reply_to = {"in_reply_to": asked["id"]} if asked else {}
        self._rooms.say(room, {"user": ASSISTANT, "text": said, "simulated": True, **in_reply_to})

    def _indicator(self, room: Room, user: str, *, but: Chat | None = None) -> TypingIndicator:
        def tell(state: str, why: str) -> None:
            self._rooms.tell(room, {"type": "typing", "user": user, "state": state, "why": why}, but=but)

        return TypingIndicator(self._hub.timer, self._line.switches, tell, self._hub.counts, self_alive=user == ASSISTANT and but is None)

    def _stop_typing(self, room: Room, why: str) -> None:
        indicator = self._typing.pop(room.name, None)
        if indicator is not None:
            indicator.clear(why)

    def _out(self, room: Room) -> None:
        self._stop_typing(room, "left")
        self._rooms.leave(room, self)
        self._joined.pop(room.name, None)

    def _room(self, value: dict[str, Any]) -> Room:
        last = next(reversed(self._joined.values()), None)
        room = self._joined.get(str(value["room"])) if "room" in value else last
        if room is None:
            raise Misunderstood('join a room first: {"type": "join", "room": "lobby"}')
        return room

    def _say(self, value: dict[str, Any]) -> None:
        self._line.send(json_frame(value))


def _id_of(value: dict[str, Any]) -> dict[str, Any]:
    """The sender's own name for its message, handed back as it came."""
    return {"id": value["id"]} if isinstance(value.get("id"), str | int) else {}


def _name(value: dict[str, Any], field: str) -> str:
    name = value.get(field)
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        raise Misunderstood(f"{field!r} must be a text of 1 to 100 characters")
    return name


def _text(value: dict[str, Any]) -> str:
    text = value.get("text")
    if not isinstance(text, str):
        raise Misunderstood("'text' must be a text")
    return text

"""What users do over WebSockets beside talking: keep still, spread messages, break and come back, and count how many fit.

Each class reads the scenario's `settings`; `loadstone ws` sets them from its flags, and a suite of your own can subclass or use them:

    ls.Scenario("crowd", Crowd, ls.constant_users(100, "1m"), settings={"path": "/ws/chat?room=hall", "senders": 10})
"""

import contextlib
import json
from itertools import pairwise
from typing import Any

import loadstone as ls

MARK = "${mark}"
SETTLE_S = 0.5  # after everybody has joined, and after the last message was sent
OPENING_AT_ONCE = 20


class Connected(ls.User):
    """Opens one WebSocket at `path` and keeps it; `join` is what it sends first."""

    ws: Any

    async def on_start(self) -> None:
        self.ws = await self.open()

    async def open(self, **options: Any) -> Any:
        ws = await self.websocket.connect(self.settings.get("path", "/"), name=self.settings.get("name", ""), **options)
        for message in self.settings.get("join", ()):
            await ws.send(message)
        return ws

    async def on_stop(self) -> None:
        await self.ws.close()


class Holder(Connected):
    """Does nothing but stay connected."""

    think = "2s"

    @ls.task
    async def stay(self) -> None:
        self.check(self.ws.ok, "the connection is still open")


class Crowd(Connected):
    """A room in which `senders` of the `users` send, and all others should receive it; `slow` of them read with pauses.

    message: what is sent; `${mark}` in it is where the sender's mark is put
    """

    member: Any

    async def on_start(self) -> None:
        self.ws = await self.open()
        settings = self.settings
        self.room = self.websocket.fan_out(settings.get("room", ""))
        self.sends = self.index < settings.get("senders", 1)
        # The last ones are slow, so that no sender is.
        self.is_slow = self.index >= settings.get("users", 1) - settings.get("slow", 0)
        self.member = self.room.join(self.ws, reader="slow" if self.is_slow else "healthy") if self.ws.ok else None

    @ls.task
    async def talk(self) -> None:
        settings = self.settings
        if self.member is None or not self.check(self.ws.ok, "the connection is still open"):
            await self.sleep(0.25)
        elif self.is_slow:
            self.ws.pause()
            await self.sleep(settings.get("pause", 1.0))
            self.ws.resume()
            await self.sleep(0.05)
        elif not self.sends:
            await self.sleep(0.25)
        elif self.room.members < settings.get("users", 1):
            await self.sleep(0.05)  # nobody sends before all have joined
        else:
            message = settings.get("message", MARK)
            await self.member.send(lambda mark: message.replace(MARK, mark))

    async def on_stop(self) -> None:
        if self.member is not None:
            self.ws.resume()
            self.room.hush()
            await self.room.settled(self.settings.get("settle", 2.0))
            self.member.leave()
        await self.ws.close()


class Comeback(Connected):
    """Talks; the first one breaks all connections `break_at` seconds after it began, and everybody comes back by the plan's policy."""

    async def on_start(self) -> None:
        self.ws = await self.open(reconnect=True)
        if self.index == 0:
            self.websocket.break_all_in(self.settings.get("break_at", 5.0))

    @ls.task
    async def talk(self) -> None:
        if self.ws.ok or self.ws.returning:
            await self.ws.request(self.settings.get("message", "hello"), match=self.settings.get("match", "order"))
        else:
            await self.sleep(0.1)


class LimitSearch(ls.User):
    """Opens connections until one is refused, looks at the next ones, gives one back and takes its place again."""

    @ls.task
    async def search(self) -> None:
        most = self.settings.get("most", 1000)
        opened: list[Any] = []
        refused: list[Any] = []
        while len(opened) < most and not refused:
            for ws in await self.several(min(OPENING_AT_ONCE, most - len(opened))):
                (opened if ws.ok else refused).append(ws)
        self.record("ws.connection_limit", len(opened))
        if refused:
            extra = await self.several(3)
            self.check(not any(ws.ok for ws in extra), "connections above the limit are refused")
            self.check(all(ws.failure in {"status", "closed_early"} for ws in extra + refused), "a refusal is an answer, not a silence")
            opened += [ws for ws in extra if ws.ok]
        still = [ws for ws in opened if ws.ok]
        self.check(len(still) == len(opened), "those who were connected stay connected at the limit")
        if refused and still:
            await still.pop().close()
            again = await self.several(1)
            self.check(again[0].ok, "a place that was given back can be taken again")
            still += [ws for ws in again if ws.ok]
        for ws in still:
            await ws.close()

    async def several(self, count: int) -> list[Any]:
        """That many attempts at once; a server may also open a connection and close it in the next moment."""
        opening = [self.websocket.connect(self.settings.get("path", "/"), name=self.settings.get("name", "")) for _ in range(count)]
        opened = [await each for each in opening]
        await self.sleep(self.settings.get("look_after", 0.05))
        return opened


class MemorySteps(ls.User):
    """Opens `users` connections and reads the memory of the process `server_pid` idle, after one message on each, and after their end."""

    @ls.task
    async def step(self) -> None:
        settings = self.settings
        count, settle = settings.get("users", 100), settings.get("settle", 1.0)
        before = memory_of(settings["server_pid"])
        opened = [await self.websocket.connect(settings.get("path", "/"), name=settings.get("name", "")) for _ in range(count)]
        opened = [ws for ws in opened if ws.ok]
        if not self.check(opened, "connections were opened"):
            return
        await self.sleep(settle)
        self.tell("idle", before, len(opened))
        for ws in opened:
            await ws.request(settings.get("message", "hello"), match=settings.get("match", "order"))
        await self.sleep(settle)
        self.tell("used", before, len(opened))
        for ws in opened:
            await ws.close()
        await self.sleep(settle)
        self.tell("closed", before, len(opened))

    def tell(self, stage: str, before: int, count: int) -> None:
        """The memory that each connection takes at this stage."""
        grown = max(0, memory_of(self.settings["server_pid"]) - before)
        self.record(f"ws.server_memory_{stage}", grown / count)


class Typing(Connected):
    """Two in a room: one writes, the other must see it. Messages as the reference backend has them; override the four for others.

    shown_within:   seconds from the start of writing to the indicator
    cleared_within: seconds from the message to the indicator's end
    alive_every:    seconds within which it must be renewed while writing goes on
    """

    async def on_start(self) -> None:
        room = f"typing-{self.index}"
        self.writer = await self.websocket.connect(self.path(room, "writer"), name="typing")
        self.ws = await self.websocket.connect(self.path(room, "reader"), name="typing")
        self.check(self.writer.ok and self.ws.ok, "both are in the room")

    def path(self, room: str, user: str) -> str:
        """Where a user enters a room."""
        path = self.settings.get("path", "/ws/chat")
        return f"{path}{'&' if '?' in path else '?'}room={room}&user={user}"

    def begins(self) -> str:
        """What a user sends who writes."""
        return json.dumps({"type": "typing", "on": True})

    def says(self) -> str:
        """What a user sends who has written."""
        return json.dumps({"type": "message", "text": "written"})

    def is_typing(self, message: Any) -> bool | None:
        """Does the message say that somebody writes (True), has stopped (False), or nothing of it (None)?"""
        value = message.json()
        return value.get("state") == "on" if value.get("type") == "typing" else None

    @ls.task
    async def write(self) -> None:
        settings = self.settings
        if not (self.writer.ok and self.ws.ok):
            await self.sleep(0.5)
            return
        await self.writer.send(self.begins())
        shown = await self.see(True, settings.get("shown_within", 1.0))
        self.check(shown is not None, "the indicator is shown within the limit")
        if shown is not None:
            self.record("ws.typing_shown_time", shown)
        alive = settings.get("alive_every", 0.5)
        await self.sleep(alive / 2)
        await self.writer.send(self.begins())
        self.check(await self.see(True, alive) is not None, "the indicator is kept alive while writing goes on")
        await self.writer.send(self.says())
        cleared = await self.see(False, settings.get("cleared_within", 0.5))
        self.check(cleared is not None, "the indicator is cleared by the message")
        if cleared is not None:
            self.record("ws.typing_cleared_time", cleared)
        await self.ws.receive(timeout=0.2)  # the message itself

    async def see(self, state: bool, within: float) -> float | None:
        """Milliseconds until the reader saw that state; None when it did not in time."""
        began: float = self.ws.now()
        while (left := within - (self.ws.now() - began)) > 0:
            message = await self.ws.receive(timeout=left)
            if not message.ok:
                return None
            if self.is_typing(message) is state:
                return max(0.0, float(message.end_s) - began) * 1e3
        return None

    async def on_stop(self) -> None:
        await self.writer.close()
        await self.ws.close()


class Assisted(Connected):
    """Asks an assistant, and holds its typing indicator against a specification; every fourth answer is asked to fail.

    shown_within, alive_every, cleared_within: as for Typing
    answer_within: seconds from the question to the answer
    """

    async def on_start(self) -> None:
        path = self.settings.get("path", "/ws/chat")
        self.ws = await self.websocket.connect(f"{path}{'&' if '?' in path else '?'}room=desk-{self.index}&user=asker", name="assistant")
        self.asked = 0

    def asks(self, *, fail: bool) -> str:
        """What a user sends who asks."""
        return json.dumps({"type": "ask", "text": f"question {self.asked}", "fail": fail})

    def kind_of(self, message: Any) -> str:
        """`on` or `off` for the indicator, `answer` or `error` for what the assistant says, nothing for the rest."""
        value = message.json()
        if value.get("user") != "assistant":
            return ""
        return str({"typing": value.get("state"), "message": "answer", "error": "error"}.get(value.get("type"), ""))

    @ls.task
    async def ask(self) -> None:
        settings = self.settings
        if not self.check(self.ws.ok, "the connection is still open"):
            await self.sleep(0.5)
            return
        self.asked += 1
        fails = self.asked % 4 == 0
        began = self.ws.now()
        await self.ws.send(self.asks(fail=fails))
        alive, shown_at = settings.get("alive_every", 3.0), 0.0
        said_at = cleared_at = 0.0
        signs: list[float] = []
        until = began + settings.get("answer_within", 10.0)
        while (left := until - self.ws.now()) > 0 and not (said_at and (cleared_at or not shown_at)):
            message = await self.ws.receive(timeout=left)
            if not message.ok:
                break
            kind = self.kind_of(message)
            if kind == "on":
                shown_at = shown_at or message.end_s
                signs.append(message.end_s)
            elif kind == "off":
                cleared_at = message.end_s
            elif kind in {"answer", "error"}:
                said_at = message.end_s
                until = min(until, self.ws.now() + settings.get("cleared_within", 0.5))
        self.judge(began, shown_at, said_at, cleared_at, [*signs, cleared_at or said_at], alive, fails=fails)

    def judge(self, began: float, shown: float, said: float, cleared: float, signs: list[float], alive: float, *, fails: bool) -> None:
        """Hold what was seen against the specification; times are seconds by the kernel's stamps."""
        self.check(said, "the assistant answers")
        limit = self.settings.get("shown_within", 1.0)
        if not said or said - began > limit or shown:  # an answer that comes at once needs no indicator
            self.check(shown and shown - began <= limit, "the indicator is shown within the limit")
        if shown:
            self.record("ws.typing_shown_time", max(0.0, shown - began) * 1e3)
            gaps = [later - sooner for sooner, later in pairwise(signs)]
            self.check(all(gap <= alive for gap in gaps), "the indicator is kept alive while writing goes on")
            self.check(cleared, f"the indicator is cleared by {'an error' if fails else 'the answer'}")
            if cleared:
                self.record("ws.typing_cleared_time", max(0.0, cleared - said) * 1e3)


def memory_of(pid: int) -> int:
    """Resident bytes of a process and its children; a child that ends meanwhile has given its memory back."""
    import psutil

    try:
        process = psutil.Process(pid)
        whole, children = int(process.memory_info().rss), process.children(recursive=True)
    except psutil.Error as error:
        raise ls.UsageError(
            f"no memory to read: {error}", where=f"process {pid}", hint="--server-pid of a process on this machine"
        ) from None
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            whole += int(child.memory_info().rss)
    return whole

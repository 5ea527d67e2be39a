"""A written dialogue over a WebSocket in the form that sessions run."""

from __future__ import annotations

import json
from collections.abc import Callable

from loadstone.clients.frames import Payload
from loadstone.clients.message import Message
from loadstone.clients.rally import Rally
from loadstone.clients.websocket import WebSocket
from loadstone.clients.websocket_client import WebSocketClient
from loadstone.clock import SECOND, now_ns
from loadstone.load.session import Session
from loadstone.load.steps import CompiledStep
from loadstone.measure.recorder import Column
from loadstone.plan.check_text import parse_check
from loadstone.plan.extract import compile_extract
from loadstone.plan.reply import MISSING
from loadstone.plan.steps import Step
from loadstone.plan.template import compile_template, compile_value
from loadstone.plan.websocket import Dialogue, Turn

GOLDEN = 0.618033988749895  # phases of users that lie as evenly as any number of users allows


class CompiledTurn:
    """One line of a dialogue."""

    def __init__(self, turn: Turn) -> None:
        self.match, self.wait_s, self.close, self.within_s = turn.match, turn.wait_s, turn.close, turn.within_s
        self.sends = turn.send is not None
        self._fill = compile_value(turn.send)
        self.expect = parse_check(turn.expect) if turn.expect is not None else None
        self.extracts = [(name, compile_extract(text)) for name, text in turn.extract.items()]

    def content(self, session: Session) -> Payload:
        """The message as this user sends it now; raises MissingValue."""
        session.vars["seq"] = session.vars.get("seq", -1) + 1
        value = self._fill(session)
        return value if isinstance(value, (str, bytes)) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Asked:
    """What was sent last without a way to pair it: the last message expected of it is its answer."""

    __slots__ = ("due_ns", "excused_ns", "sent_ns")

    def __init__(self) -> None:
        self.due_ns = self.sent_ns = self.excused_ns = 0

    def answered_by(self, message: Message, websocket: WebSocket) -> None:
        """Record the round trip, if a message was sent and this is what came of it."""
        if self.sent_ns and message.ok and message.end_ns >= self.sent_ns:
            message.due_ns, message.sent_ns = self.due_ns, self.sent_ns
            end = message.end_ns
            websocket.columns.rows.add(self.due_ns, self.sent_ns, end, end, message.seen_ns, self.excused_ns, 0, 0)
        self.sent_ns = 0


class WebSocketStep(CompiledStep):
    """A dialogue; its connection is kept between passes unless the plan says otherwise."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        dialogue = step.websocket
        assert dialogue is not None
        self._dialogue: Dialogue = dialogue
        self._path = compile_template(dialogue.path)
        self._headers = compile_value(dialogue.headers)
        self._turns = [CompiledTurn(turn) for turn in dialogue.dialogue]
        first = self._turns[0]
        plain = not (self._checks or self._extracts or self._think or self._tags or first.extracts)
        self.is_rally = plain and len(self._turns) == 1 and first.match == "order" and dialogue.keep and dialogue.rate_per_s is None

    async def exchange(self, session: Session) -> Message:
        """See CompiledStep; the last message that was received, or the one that says why there is none."""
        client: WebSocketClient = session.speak("websocket")
        websocket = await self._open(client, session)
        if not websocket.ok:
            return Message("", failure=websocket.failure, reason=websocket.reason)
        if self._dialogue.rate_per_s is not None:
            return await self._at_rate(client, websocket, session, self._dialogue.rate_per_s)
        message, asked = Message(""), Asked()
        try:
            for turn in self._turns:
                if turn.expect is None:
                    asked.answered_by(message, websocket)
                message = await self._turn(turn, websocket, session, message, asked)
                if not message.ok:
                    break
            asked.answered_by(message, websocket)
        finally:
            if not self._dialogue.keep:
                await websocket.close()
                client.forget(websocket)
        return message

    async def rally(self, session: Session, durations: Column, go_on: Callable[[], bool]) -> bool:
        """The one message on and on; False when there is no open connection to begin with."""
        client: WebSocketClient = session.speak("websocket")
        websocket = client.kept.get(self.name)
        if websocket is None or not websocket.ok or websocket.awaited:
            return False
        turn = self._turns[0]
        reply_ns = client.reply_ns if turn.within_s is None else round(turn.within_s * SECOND)
        await Rally(websocket, lambda: turn.content(session), client.timers, reply_ns, durations, go_on).run()
        return True

    async def _open(self, client: WebSocketClient, session: Session) -> WebSocket:
        kept = client.kept.get(self.name)
        if kept is not None and (kept.ok or kept.returning):
            return kept
        dialogue = self._dialogue
        websocket = await client.connect(
            self._path.render(session), name=self.name, subprotocols=dialogue.subprotocols or None, headers=self._headers(session)
        )
        if dialogue.keep:
            client.kept[self.name] = websocket
        return websocket

    async def _turn(self, turn: CompiledTurn, websocket: WebSocket, session: Session, last: Message, asked: Asked) -> Message:
        if turn.wait_s is not None:
            await session.sleep(turn.wait_s)
        elif turn.close is not None:
            await websocket.close(turn.close)
        elif turn.expect is not None:
            last = await self._expected(turn, websocket, session)
        elif turn.match is not None:
            last = await websocket.request(turn.content(session), match=turn.match, timeout=turn.within_s)
        elif not await websocket.send(turn.content(session), note=asked):
            last = Message("", failure=websocket.failure, reason=websocket.reason)
        for name, extract in turn.extracts if last.ok else ():
            value = extract(last)
            if session.check(value is not MISSING, f"extract {name}"):
                session.vars[name] = value
        return last

    async def _expected(self, turn: CompiledTurn, websocket: WebSocket, session: Session) -> Message:
        """The first message that fulfils the check; what comes before it is passed over."""
        check = turn.expect
        assert check is not None
        until = now_ns() + round((turn.within_s or websocket.patience_s) * SECOND)
        while True:
            message = await websocket.receive(timeout=max((until - now_ns()) / SECOND, 0.0))
            if not message.ok or check.evaluate(message):
                session.check(message.ok, f"expect {check.text}")
                return message

    async def _at_rate(self, client: WebSocketClient, websocket: WebSocket, session: Session, rate_per_s: float) -> Message:
        """Each message when it is due on an even grid of its own, whether the last one was answered or not, until the load ends."""
        every_ns = SECOND / rate_per_s
        began = now_ns() + round(every_ns * (session.index * GOLDEN % 1.0))
        sent = 0
        while not session.leaving:
            turn = self._turns[sent % len(self._turns)]
            due = began + round(sent * every_ns)
            sent += 1
            await session.pause_until(due)
            if session.leaving:
                break
            if not websocket.ok:
                if not websocket.returning:
                    break
                websocket.columns.count("ws.unsent")  # due while the connection was away
                continue
            websocket.ask(turn.content(session), turn.match or "order", due, 0, None, turn.within_s)
        await websocket.answered(client.reply_ns / SECOND)
        return Message("", failure=websocket.failure, reason=websocket.reason) if not websocket.ok else Message("")

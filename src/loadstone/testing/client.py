"""A client without a network: its answers take a scripted time and are recorded like those of the real one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadstone.clients.failure import TIMEOUTS, Kind
from loadstone.clients.reply import Reply
from loadstone.clock import SECOND
from loadstone.load.scene import Scene
from loadstone.load.session import Session
from loadstone.measure.recorder import Exchanges
from loadstone.testing.clock import START_NS


@dataclass(frozen=True, slots=True)
class Answer:
    """What the scripted target does with one request.

    seconds: from sent to last byte; inf: never, the client gives up after its time-out
    failure: no response comes, for this reason
    """

    seconds: float
    status: int = 200
    body: bytes = b""
    failure: Kind | None = None


# The second of the run at which a request is sent -> its answer.
Script = Callable[[float], Answer]


def constant(seconds: float, status: int = 200) -> Script:
    """Every answer takes the same time."""
    answer = Answer(seconds, status)
    return lambda _at_s: answer


def stall(seconds: float, begin_s: float, end_s: float) -> Script:
    """As `constant`, but what is sent from `begin_s` to `end_s` is answered only after the end."""
    return lambda at_s: Answer(seconds + (end_s - at_s if begin_s <= at_s < end_s else 0.0))


def capacity(per_s: float, seconds: float = 0.0) -> Script:
    """One queue that is served in order, `per_s` requests per second; `seconds` are added to each."""
    free_s = 0.0

    def answer(at_s: float) -> Answer:
        nonlocal free_s
        free_s = max(at_s, free_s) + 1 / per_s
        return Answer(free_s - at_s + seconds)

    return answer


def failing(seconds: float, every: int, failure: Kind = Kind.RESET) -> Script:
    """As `constant`, but each `every`-th request gets no response."""
    asked = 0

    def answer(_at_s: float) -> Answer:
        nonlocal asked
        asked += 1
        return Answer(seconds, failure=failure if asked % every == 0 else None)

    return answer


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One exchange as the scripted target saw it; seconds of the run."""

    user: int
    method: str
    url: str
    due_s: float
    sent_s: float
    end_s: float
    options: Mapping[str, Any]


@dataclass(slots=True)
class ScriptedTarget:
    """What all scripted clients of a simulation talk to.

    connect_s: what the first exchange of a client that was not opened ahead takes for its connection
    timeout_s: after which a client gives an answer up
    keep:      how many exchanges are kept in `exchanged`
    """

    script: Script
    connect_s: float = 0.0
    timeout_s: float = math.inf
    keep: int = 1_000_000
    exchanged: list[Exchanged] = field(default_factory=list)
    answered: int = 0

    def sent_s(self) -> list[float]:
        """When requests were sent, in order of their ends."""
        return [exchange.sent_s for exchange in self.exchanged]

    def due_s(self) -> list[float]:
        """When requests were due, in order of their ends."""
        return [exchange.due_s for exchange in self.exchanged]


@dataclass(frozen=True, slots=True)
class ScriptedRequest:
    """What `prepare` gives and `exchange` takes."""

    method: str
    url: str
    step: Exchanges
    options: Mapping[str, Any]


class ScriptedClient:
    """The client of one simulated user; see clients.http.HttpClient for the real one."""

    def __init__(self, scene: Scene, session: Session, target: ScriptedTarget) -> None:
        self._scene, self._session, self._target = scene, session, target
        self.is_open = self.is_closed = False

    async def open(self) -> None:
        """Connect ahead of the first exchange."""
        if self._target.connect_s:
            await asyncio.sleep(self._target.connect_s)
        self.is_open = True

    def close(self) -> None:
        """Nothing is sent afterwards."""
        self.is_open, self.is_closed = False, True

    async def get(self, url: str, **options: Any) -> Reply:
        """GET."""
        return await self.exchange(self.prepare("GET", url, **options))

    async def post(self, url: str, **options: Any) -> Reply:
        """POST."""
        return await self.exchange(self.prepare("POST", url, **options))

    async def request(self, method: str, url: str, **options: Any) -> Reply:
        """Any method."""
        return await self.exchange(self.prepare(method, url, **options))

    def prepare(self, method: str, url: str, *, name: str = "", **options: Any) -> ScriptedRequest:
        """A request for `exchange`."""
        scene = self._scene
        step = scene.recorder.exchanges(scene.name, name or f"{method} {url}", self._session.tags)
        return ScriptedRequest(method, url, step, options)

    async def exchange(self, request: ScriptedRequest) -> Reply:
        """Wait as long as the script says, and record."""
        if self.is_closed:
            raise RuntimeError("an exchange on a client that was closed")
        clock, target = self._scene.timers.now_ns, self._target
        due, excused = self._session.take_due()
        reply = Reply(request.url, due or clock())
        if not self.is_open:
            asked = clock()
            await self.open()
            excused += clock() - asked
        reply.sent_ns = clock()
        answer = target.script((reply.sent_ns - START_NS) / SECOND)
        failure = answer.failure
        if failure is None and answer.seconds > target.timeout_s:
            failure = Kind.TIMEOUT_TOTAL
        await self._scene.timers.wait_until(reply.sent_ns + round(min(answer.seconds, target.timeout_s) * SECOND))
        reply.first_ns = reply.end_ns = reply.seen_ns = clock()
        target.answered += 1
        if len(target.exchanged) < target.keep:
            due_s, sent_s, end_s = ((moment - START_NS) / SECOND for moment in (reply.due_ns, reply.sent_ns, reply.end_ns))
            target.exchanged.append(Exchanged(self._session.index, request.method, request.url, due_s, sent_s, end_s, request.options))
        self._record(request.step, reply, answer, failure, excused)
        return reply

    def _record(self, step: Exchanges, reply: Reply, answer: Answer, failure: Kind | None, excused: int) -> None:
        if failure is not None:
            reply.failure, reply.reason = failure, f"scripted {failure}"
            step.no_response(timed_out=failure in TIMEOUTS, put=1, got=0)
            step.failure(failure, reply.reason)
            return
        reply.status, reply.body = answer.status, answer.body
        rows = step.rows
        if answer.status >= 400:
            reply.failure, reply.reason = Kind.STATUS, f"status {answer.status}"
            step.failure(reply.failure, reply.reason)
            rows = step.failed
        rows.add(reply.due_ns, reply.sent_ns, reply.first_ns, reply.end_ns, reply.seen_ns, excused, len(answer.body), 1)

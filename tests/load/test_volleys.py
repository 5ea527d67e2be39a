"""Users that send one request on and on, over real sockets: what is under way and what is due is told as for all others."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from loadstone.clients.wire import Wire
from loadstone.clock import now_ns
from loadstone.event_loop import new_event_loop
from loadstone.load.closed import ClosedRun
from loadstone.load.control import Pause, Resume
from loadstone.load.engine import Engine, EngineLimits
from loadstone.load.session import Session
from loadstone.load.stage import stage
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
from loadstone.testing.server import Peer, ScriptedServer, Step, always, answer, hold, read, response

HELLO = response(b"hello")
LAST = response(b"hello", "Connection: close")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what other threads or tasks bring about."""
    while not holds():  # noqa: ASYNC110  nobody tells
        await asyncio.sleep(0.001)


def played(scripts: list[list[Step]], direct: Callable[[Engine, ScriptedServer], Awaitable[None]], users: int = 1) -> Aggregate:
    """A closed run of one bare request, which `direct` brings to its end."""

    async def conduct(server: ScriptedServer) -> None:
        scenario = {"profile": {"users": users, "duration": "1h"}, "steps": [{"get": "/"}]}
        plan = Plan.model_validate({"target": server.url, "scenarios": {"main": scenario}})
        wire = Wire(asyncio.get_running_loop())
        scene = stage(plan, plan.scenarios[0], wire, recorder := Recorder(), Catalogue())
        engine = Engine([scene], recorder, wire.timers, EngineLimits(0, 0, 10), snapshots.extend)
        running = asyncio.create_task(engine.run(now_ns()))
        await direct(engine, server)
        engine.cut()
        await running
        wire.close()

    snapshots: list[Snapshot] = []
    with ScriptedServer(*scripts) as server, asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(conduct(server))
    return Aggregate(snapshots)


def test_a_request_that_is_cut_off_inside_a_volley_counts_as_interrupted() -> None:
    async def direct(_engine: Engine, server: ScriptedServer) -> None:
        await until(lambda: len(server.requests) == 9)

    seen = played([[answer(HELLO, HELLO), read(), hold()]], direct, users=3)
    assert seen.count("iteration.count") == 6
    assert seen.count("iteration.interrupted") == 3


def test_a_volley_after_a_pause_hands_its_due_time_on_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    last, dues = threading.Event(), []
    take_due = Session.take_due

    def noted(session: Session) -> tuple[int, int]:
        dues.append(session.due_ns)
        return take_due(session)

    def until_told(peer: Peer) -> None:
        while not last.is_set():
            peer.read_request()
            peer.send(HELLO)
        peer.read_request()
        peer.send(LAST)

    async def direct(engine: Engine, server: ScriptedServer) -> None:
        await until(lambda: len(server.requests) > 2)
        engine.control(Pause(), now_ns())
        (run,) = engine._runs.values()
        assert isinstance(run, ClosedRun)
        await until(lambda: bool(run._held))
        sent = len(server.requests)
        engine.control(Resume(), now_ns())
        await until(lambda: len(server.requests) > sent + 2)
        last.set()
        await until(lambda: server.connections == 2)

    monkeypatch.setattr(Session, "take_due", noted)
    played([[until_told], [always(answer(HELLO))]], direct)
    assert dues == [0, 0], "one to open each connection, none of them late"

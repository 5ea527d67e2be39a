"""`loadstone ws` against a server of another library, and the mistakes it names before it sends anything."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pytest
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve

from loadstone.cli.ws import plan_of
from loadstone.errors import ExitCode, LoadstoneError
from loadstone.judge.limits import resolve_all
from loadstone.measure.catalogue import Catalogue
from loadstone.testing.server import ScriptedServer, always, hold
from loadstone.testing.websocket import accept, answer_frames

PROGRAM = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())", "ws"]
LIMIT_S = 120
LIMIT = 7
LOSES_EVERY = 10


@dataclass
class Run:
    """What one command came to."""

    code: int
    document: dict[str, Any]

    def value(self, metric: str, figure: str = "count") -> Any:
        return self.document["metrics"][metric][figure]

    def failed_checks(self) -> set[str]:
        return {check["check"] for check in self.document["checks"] if check["failures"]}


class Rooms:
    """Echo at /echo, a room at /room, one that loses each tenth delivery at /leaky, and at most LIMIT connections at /small."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(120)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(120)
        self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        members: dict[str, set[ServerConnection]] = {"/room": set(), "/leaky": set(), "/small": set()}
        said = 0

        async def talk(connection: ServerConnection) -> None:
            nonlocal said
            assert connection.request is not None
            path = connection.request.path
            room = members.get(path)
            if room is not None:
                if path == "/small" and len(room) >= LIMIT:
                    await connection.close(1013, "full")
                    return
                room.add(connection)
            try:
                async for message in connection:
                    if path == "/leaky":
                        for other in list(members[path] - {connection}):
                            said += 1
                            if said % LOSES_EVERY:
                                broadcast({other}, message)
                    else:
                        broadcast({connection} if path != "/room" else members[path], message)
            finally:
                if room is not None:
                    room.discard(connection)

        server: Server
        async with serve(talk, "127.0.0.1", 0) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._ended.wait()


COMMANDS = {
    "echo": "/echo -c 4 -n 200 --ping 100ms",
    "grid": "/echo -c 4 -r 200/s -d 1s --match json.id",
    "room": "/room -c 6 -d 1s --fan-out --senders 2 -r 100/s --slow-readers 1",
    "leaky": "/leaky -c 3 -d 1s --fan-out -r 100/s",
    "limit": "/small --find-limit 20",
    "storm": "/echo -c 5 -d 1500ms --storm -r 50/s",
    "hold": "/echo -c 5 -d 1s --hold",
    "memory": "/echo -c 20 --hold --server-pid {pid}",
}
EXTRA = {"grid": ["-m", '{"id": ${vars.seq}}']}


@pytest.fixture(scope="module")
def runs() -> Iterator[Mapping[str, Run]]:
    with Rooms() as server:
        started = {}
        for name, line in COMMANDS.items():
            path, *flags = line.format(pid=os.getpid()).split()
            argv = [*PROGRAM, f"ws://127.0.0.1:{server.port}{path}", *flags, *EXTRA.get(name, []), "--json"]
            started[name] = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        found = {}
        for name, process in started.items():
            out, err = process.communicate(timeout=LIMIT_S)
            assert out, err
            found[name] = Run(process.returncode, json.loads(out))
        yield found


FINE = {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}  # on a busy machine the generator may say that it was late
BROKEN = {ExitCode.GATE_FAILED, ExitCode.UNTRUSTWORTHY}


def test_every_message_of_an_echo_is_a_round_trip(runs: Mapping[str, Run]) -> None:
    run = runs["echo"]
    assert run.code in FINE
    assert run.value("ws.messages_out") == run.value("ws.messages_in") == run.value("ws.round_trip_time") == 200
    assert run.value("ws.connects") == 4
    assert run.document["load"]["requests"] == 200


def test_on_a_grid_no_more_messages_leave_than_were_asked_for(runs: Mapping[str, Run]) -> None:
    run = runs["grid"]
    assert run.code in FINE
    assert run.value("ws.round_trip_time") == run.value("ws.messages_out")
    assert 20 < run.value("ws.messages_out") <= 204  # a busy machine sends fewer; without a grid there would be thousands


def test_a_room_that_keeps_everything_passes_its_ledger(runs: Mapping[str, Run]) -> None:
    run = runs["room"]
    assert run.code in FINE
    assert run.value("ws.deliveries") == run.value("ws.messages_out") * 5
    assert run.value("ws.missing") == run.value("ws.duplicates") == run.value("ws.out_of_order") == 0
    assert run.value("ws.first_delivery_time") == run.value("ws.last_delivery_time") == run.value("ws.messages_out")


def test_a_room_that_loses_each_tenth_delivery_fails_by_exactly_these(runs: Mapping[str, Run]) -> None:
    run = runs["leaky"]
    assert run.code in BROKEN
    assert "fail" in {gate["status"] for gate in run.document["gates"]}
    due = run.value("ws.messages_out") * 2
    assert run.value("ws.missing") == due // LOSES_EVERY
    assert run.value("ws.deliveries") == due - due // LOSES_EVERY


def test_the_limit_of_connections_is_found_and_a_place_can_be_taken_again(runs: Mapping[str, Run]) -> None:
    run = runs["limit"]
    assert run.value("ws.connection_limit", "last") == LIMIT
    assert run.failed_checks() == set()
    assert run.code in FINE


def test_after_a_storm_everybody_comes_back(runs: Mapping[str, Run]) -> None:
    run = runs["storm"]
    assert run.code in FINE
    assert run.value("ws.losses") == run.value("ws.reconnects") == run.value("ws.reconnect_time") == 5
    assert run.value("ws.not_reconnected") == 0


def test_connections_that_are_held_stay_open_and_their_cost_can_be_read(runs: Mapping[str, Run]) -> None:
    assert runs["hold"].code in FINE
    assert runs["hold"].value("ws.closes") == 5
    assert runs["memory"].code in FINE
    for stage in ("idle", "used", "closed"):
        assert runs["memory"].value(f"ws.server_memory_{stage}", "last") is not None


def test_nobody_at_the_port_is_exit_code_3_and_a_server_without_answers_fails() -> None:
    with ScriptedServer([hold()]) as server:
        pass
    gone = subprocess.run(
        [*PROGRAM, server.url.replace("http", "ws"), "-d", "1s", "-q"], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert gone.returncode == ExitCode.UNREACHABLE
    with ScriptedServer([accept(), always(answer_frames(1))]) as server:
        argv = [*PROGRAM, server.url.replace("http", "ws"), "-c", "2", "-n", "20", "--gate", "p50(ws.round_trip_time) < 1ns", "--json"]
        late = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert late.returncode in BROKEN, late.stderr
    assert "fail" in {gate["status"] for gate in json.loads(late.stdout)["gates"]}


FLAGS = (
    *("connections", "rate", "duration", "messages", "message", "match", "ping", "no_deflate", "reconnect", "hold", "fan_out", "senders"),
    *(
        "slow_readers",
        "storm",
        "find_limit",
        "server_pid",
        "warm_up",
        "timeout",
        "insecure",
        "workers",
        "seed",
        "ramp",
        "stamp",
        "other_clock",
    ),
)
NOTHING = {**dict.fromkeys(FLAGS), **dict.fromkeys(("headers", "gates", "subprotocols", "joins"), ())}


def judged(given: Mapping[str, Any]) -> None:
    """As far as a run goes before anything is sent."""
    plan = plan_of("ws://127.0.0.1:1/ws", {**NOTHING, **given})
    resolve_all([gate.spec() for gate in plan.gates], Catalogue())


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"hold": True, "storm": True}, "one of these"),
        ({"storm": True, "workers": "2"}, "in one worker"),
        ({"senders": "2"}, "belongs to --fan-out"),
        ({"server_pid": "1"}, "belongs to --hold"),
        ({"connections": "many"}, "not a whole number"),
        ({"connections": "0"}, "at least 1"),
        ({"rate": "0"}, "more than 0"),
        ({"rate": "5/s", "messages": "5"}, "takes --duration"),
        ({"storm": True, "messages": "5"}, "takes --duration"),
        ({"fan_out": True, "message": "hello"}, "no place for the sender's mark"),
        ({"fan_out": True, "connections": "3", "senders": "2", "slow_readers": "2"}, "more senders"),
        ({"fan_out": True, "connections": "1"}, "somebody else"),
        ({"headers": ("nonsense",)}, "not a header"),
        ({"message": "@/nowhere/at-all"}, "cannot read the message"),
        ({"message": "${nonsense}"}, "unknown place"),
        ({"match": "colour.id"}, "unknown place"),
        ({"stamp": "colour.id"}, "unknown place"),
        ({"other_clock": True}, "about stamps"),
        ({"gates": ("p95(ws.nothing) < 1s",)}, "unknown metric"),
    ],
)
def test_a_mistake_is_named_before_anything_is_sent(given: Mapping[str, Any], what: str) -> None:
    with pytest.raises(LoadstoneError) as caught:
        judged(given)
    assert what in str(caught.value)

"""What a WebSocket message costs the client, beside picows and websockets on the same server, and what an open idle connection holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import memory, ours
from benchmarks.environments import environment
from benchmarks.figures import Bound, Figure
from benchmarks.processes import Failed, Finished, run
from benchmarks.rounds import Options, attempt, ratio
from benchmarks.servers.streams import echo

CONNECTIONS = 100
MESSAGE = "x" * 64
SHORT_SHARE = 0.25  # the second run, which takes the start-up out of ours
PACKAGES = ["picows", "websockets", "uvloop"]
SUITES = Path(__file__).parent / "suites"


@dataclass(frozen=True, slots=True)
class Echoed:
    """Messages there and back, as a client counts them, and its CPU time without its start."""

    per_s: float
    cpu_us: float


def measure(options: Options) -> Iterator[Figure]:
    """Each round runs every client once, one after another, so that all meet the same machine."""
    against_picows = Figure("CPU per echoed message of loadstone ws ÷ picows client loop", "", Bound(most=2))
    against_websockets = Figure("CPU per echoed message of websockets client ÷ loadstone ws", "", Bound(least=1.5))
    cpu = {name: Figure(f"CPU per echoed message: {name}", "µs") for name in ("loadstone ws", "picows", "websockets")}
    for _ in range(options.rounds):
        mine = attempt(lambda: loadstone(options.seconds))
        picows = attempt(lambda: peer("picows_echo", options.seconds))
        websockets = attempt(lambda: peer("websockets_echo", options.seconds))
        against_picows.add(ratio(mine, picows, lambda own: own.cpu_us, lambda other: other.cpu_us))
        against_websockets.add(ratio(websockets, mine, lambda other: other.cpu_us, lambda own: own.cpu_us))
        for name, outcome in (("loadstone ws", mine), ("picows", picows), ("websockets", websockets)):
            cpu[name].add(outcome.map(lambda echoed: echoed.cpu_us))
    yield against_picows
    yield against_websockets
    yield from cpu.values()
    yield from memory_of_idle()


def loadstone(seconds: float) -> Echoed:
    """`loadstone ws` twice, the second time shorter: the difference is without start-up. The server counts the messages."""
    (long, long_messages), (short, short_messages) = ours_for(seconds), ours_for(max(1.0, seconds * SHORT_SHARE))
    messages = long_messages - short_messages
    if messages <= 0:
        raise Failed("the longer run had no more messages than the shorter one")
    return Echoed(long.number("load.achieved_rate"), (long.done.cpu_s - short.done.cpu_s) / messages * 1e6)


def ours_for(seconds: float) -> tuple[ours.Result, int]:
    """One run, and how many messages came back."""
    with echo() as server:
        result = ours.ws(server.url, "-c", str(CONNECTIONS), "-m", MESSAGE, "-d", f"{seconds:g}s", seconds=seconds)
    told, counted = result.number("metrics/ws.messages_out/count"), server.messages
    if not counted * 0.98 <= told <= counted:
        raise Failed(f"loadstone ws says {told:.0f} messages, the server had {counted}")
    if not result.number("metrics/ws.round_trip_time/count"):
        raise Failed("loadstone ws timed no round trip")
    return result, counted


def peer(script: str, seconds: float) -> Echoed:
    """One of the clients beside this file."""
    python = environment("websocket", "python", PACKAGES)
    with echo() as server:
        arguments = [server.url, str(CONNECTIONS), f"{seconds:g}", str(len(MESSAGE))]
        done = run([str(python), str(SUITES / f"{script}.py"), *arguments], limit_s=seconds + 30)
    return echoed(done, script)


def echoed(done: Finished, script: str) -> Echoed:
    """From the line of JSON that each client prints."""
    try:
        said = json.loads(done.stdout)
        return Echoed(said["messages"] / said["seconds"], said["cpu_s"] / said["messages"] * 1e6)
    except (ValueError, KeyError, ZeroDivisionError):
        raise Failed(f"{script} ended with {done.code}: {(done.stdout + done.stderr)[-400:]}") from None


def memory_of_idle() -> Iterator[Figure]:
    """One round: a level, not a time."""
    per_connection = Figure(f"memory of the worker ÷ open idle WebSockets, {memory.USERS:,} of them", "kB", Bound(most=16))
    each_more = Figure("memory of one more open idle WebSocket", "kB")
    few, many = attempt(lambda: idle_websockets(memory.FEW_USERS)), attempt(lambda: idle_websockets(memory.USERS))
    per_connection.add(many.map(lambda resident: resident / memory.USERS / 1000))
    each_more.add(memory.of_one_more(few, many).map(lambda resident: resident / 1000))
    yield per_connection
    yield each_more


def idle_websockets(users: int) -> float:
    """Resident bytes of the worker with users that keep a WebSocket open."""
    with echo() as server:
        return memory.worker_with(users, "idle_websocket", server.url.replace("ws:", "http:"))

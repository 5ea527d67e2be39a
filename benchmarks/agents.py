"""Voice agents that are not ours: one on pipecat, behind Twilio's streams and raw sound, one on the wyoming package, over TCP.

What is known of them is how long a silence must last until a turn has ended, and it is set twice: the difference of the two
gaps that the caller reads is the difference of the two settings, whatever else the agent does in between.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.environments import environment
from benchmarks.figures import Bound, Figure
from benchmarks.ours import Result, loadstone
from benchmarks.processes import Failed, free_port, server
from benchmarks.rounds import Options, Outcome, attempt

CALLS = (1, 4, 20)
LONGER_S = 0.6  # the second setting is so much more than the first
OFF_MS = 35.0  # a detector's window is 32 ms of sound: within one, nobody knows when it closes
LEAST_S, QUICK_S = 20.0, 8.0
READY_WITHIN_S = 60.0  # pipecat imports for seconds
SERVERS = Path(__file__).parent / "servers"


@dataclass(frozen=True, slots=True)
class Agent:
    """A framework behind one protocol.

    stop_s: of silence, after which a turn has ended; the first of the two settings
    """

    name: str
    program: str
    packages: tuple[str, ...]
    url: str
    flags: tuple[str, ...]
    stop_s: float


PIPECAT = ("pipecat-ai[websocket,silero]", "uvicorn", "fastapi")
AGENTS = (
    Agent("pipecat, Twilio", "pipecat_agent.py", PIPECAT, "ws://127.0.0.1:{}/twilio", ("--protocol", "twilio"), 0.2),
    Agent("pipecat, raw sound", "pipecat_agent.py", PIPECAT, "ws://127.0.0.1:{}/pcm?rate=16000", ("--protocol", "pcm"), 0.2),
    Agent("wyoming", "wyoming_agent.py", ("wyoming", "webrtcvad-wheels"), "tcp://127.0.0.1:{}", ("--protocol", "wyoming"), 0.5),
)


@dataclass(frozen=True, slots=True)
class Called:
    """What came of one run.

    cores: of the agent's process, over the time of the calls
    """

    gap_ms: float
    turns: float
    dead: float
    stall_share: float
    late_ms: float
    cores: float

    def __str__(self) -> str:
        heard = f"{self.turns:.0f} turns, {self.dead:.0f} dead, gap p50 {self.gap_ms:.0f} ms, {self.stall_share:.0%} stalled"
        return f"{heard}; agent {self.cores:.2f} cores; our frames late p99 {self.late_ms:.1f} ms"


def called(agent: Agent, stop_s: float, calls: int, seconds: float) -> Called:
    """One run against a process of its own. Raises Missing and Failed."""
    with listening(agent, stop_s) as (url, process):
        before = process.cpu_times()
        result = loadstone(["voice", url, *agent.flags, "-c", str(calls), "-d", f"{seconds:g}s", "--say", "time"], seconds=seconds)
        after = process.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    found = Called(
        result.number("metrics/voice.response_gap/p50"),
        result.number("metrics/voice.turns/count"),
        result.number("metrics/voice.dead_turn/count"),
        _stalled(result),
        result.number("metrics/voice.frame_lateness/p99"),
        used_s / result.done.wall_s,
    )
    print(f"  {agent.name}, a turn ends after {stop_s:g} s, {calls} calls: {found}", file=sys.stderr, flush=True)
    if result.number("metrics/voice.call_errors/count"):
        raise Failed(f"{agent.name}: calls were lost: {result.document.get('errors')}")
    return found


@contextlib.contextmanager
def listening(agent: Agent, stop_s: float) -> Iterator[tuple[str, psutil.Process]]:
    """The agent on a free port, and its process."""
    python = environment(agent.program.removesuffix("_agent.py"), "python", list(agent.packages))
    port = free_port()
    with server([str(python), str(SERVERS / agent.program), str(port), f"{stop_s:g}"], port, ready_within_s=READY_WITHIN_S) as running:
        yield agent.url.format(port), psutil.Process(running.process.pid)


def _stalled(result: Result) -> float:
    speech = result.number("metrics/voice.speech_time/count")
    return result.number("metrics/voice.stall_time/count") / speech if speech else 0.0


def measure(options: Options) -> Iterator[Figure]:
    """For each agent and number of calls: the gap, and how far the difference of two settings is off."""
    seconds = QUICK_S if options.seconds < 5 else max(LEAST_S, options.seconds)
    for agent in AGENTS:
        for calls in CALLS:
            short = attempt(partial(called, agent, agent.stop_s, calls, seconds))
            long = attempt(partial(called, agent, agent.stop_s + LONGER_S, calls, seconds))
            told = f"{agent.name}, {calls} call{'s' * (calls > 1)}"
            gap = Figure(f"voice.response_gap p50, {told}, a turn ends after {agent.stop_s * 1e3:.0f} ms", "ms")
            gap.add(short.map(lambda found: found.gap_ms))
            # An agent without a processor to spare answers late by as much as it is behind: no setting is seen in that.
            off = Figure(
                f"{LONGER_S * 1e3:.0f} ms more of silence in the gap, off by, {told}", "ms", Bound(most=OFF_MS) if calls == 1 else Bound()
            )
            off.add(_off(short, long))
            yield gap
            yield off


def _off(short: Outcome[Called], long: Outcome[Called]) -> Outcome[float]:
    if short.value is None or long.value is None:
        return Outcome(None, short.reason or long.reason)
    return Outcome(abs(long.value.gap_ms - short.value.gap_ms - LONGER_S * 1e3))

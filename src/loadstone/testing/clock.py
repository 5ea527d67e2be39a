"""Simulated time: an event loop whose clock jumps to the next deadline, so that ten hours pass in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from loadstone.clock import SECOND, LoopAlarm, Timers

Answer = TypeVar("Answer")

START_NS = 1_000 * SECOND
# Nothing of ours takes so many turns at one instant; a loop that does is waiting for itself.
MOST_TURNS_AT_ONCE = 200_000


class StandsStill(Exception):
    """Simulated time cannot go on: nothing is left to wait for, or something spins without waiting."""


class _Leap:
    """In the place of a selector: instead of waiting, the clock is moved."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        """Nothing ever happens from outside; time passes at once."""
        self._loop.leap(timeout)
        return []

    def get_map(self) -> dict[int, object]:
        """No descriptor is watched."""
        return {}


class SimulatedLoop(asyncio.BaseEventLoop):
    """An event loop in virtual time, which starts at 1,000 s; real sockets, pipes and threads are refused.

    turn_ns: what one turn of the loop costs in virtual time, so that code which never waits still meets its deadlines
    most_s:  virtual seconds after which whatever runs is taken to hang
    """

    _scheduled: list[asyncio.TimerHandle]  # of BaseEventLoop: a heap, the next deadline first
    _stopping: bool

    def __init__(self, turn_ns: int = 0, most_s: float = 1e6) -> None:
        super().__init__()
        self._now_ns = START_NS
        self._most_s, self._end_ns = most_s, START_NS + round(most_s * SECOND)
        self._turn_ns = turn_ns
        self._turns = 0
        self._selector = _Leap(self)
        # Deadlines are rounded to a nanosecond; the one before is not yet the deadline.
        self._clock_resolution = 6e-10

    def now_ns(self) -> int:
        """Virtual time in ns, as `loadstone.clock.now_ns` tells the real one."""
        return self._now_ns

    def time(self) -> float:
        """Virtual time in seconds."""
        return self._now_ns / SECOND

    def timers(self) -> Timers:
        """Deadlines on this loop's clock."""
        timers = Timers(self.now_ns)
        timers.use(LoopAlarm(self, timers.fire))
        return timers

    def spend(self, nanoseconds: int) -> None:
        """Let time pass inside a callback, as code does that computes or blocks."""
        self._now_ns += nanoseconds

    def leap(self, timeout: float | None) -> None:
        """Move to the next deadline when nothing is ready; the loop's own call."""
        before_ns = self._now_ns
        self._now_ns += self._turn_ns
        if timeout != 0 and not self._stopping:
            if not self._scheduled:
                raise StandsStill(f"nothing is left to wait for at {self.time():.3f} s: a task waits for what cannot happen")
            self._now_ns = max(self._now_ns, round(self._scheduled[0].when() * SECOND))
        if self._now_ns > self._end_ns:
            self._end_ns = 1 << 63  # what ends the loop now may take its time
            raise StandsStill(f"still running after {self._most_s:g} virtual seconds")
        self._turns = self._turns + 1 if self._now_ns == before_ns else 0
        if self._turns > MOST_TURNS_AT_ONCE:
            self._turns = 0
            raise StandsStill(f"{MOST_TURNS_AT_ONCE:,} turns of the loop at {self.time():.3f} s: something spins without waiting")

    # -- what BaseEventLoop asks of a concrete loop --------------------------------------------------------------------

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""


def _refuse(_loop: SimulatedLoop, *_arguments: Any, **_options: Any) -> NoReturn:
    raise RuntimeError("simulated time has no real sockets, pipes or threads: script the answers, see loadstone.testing.client")


for _name in (
    *("add_reader", "add_writer", "remove_reader", "remove_writer", "run_in_executor", "create_connection", "create_server"),
    *("connect_read_pipe", "connect_write_pipe", "subprocess_exec", "subprocess_shell", "sock_connect", "sock_recv", "sock_sendall"),
):
    setattr(SimulatedLoop, _name, _refuse)


def run_simulated(coroutine: Coroutine[Any, Any, Answer], *, turn_ns: int = 0, most_s: float = 1e6) -> Answer:
    """Run a coroutine to its end in simulated time.

    turn_ns, most_s: as in SimulatedLoop
    raises: StandsStill when nothing can happen any more, or after `most_s`
    """

    def factory() -> SimulatedLoop:
        return SimulatedLoop(turn_ns, most_s)

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(coroutine)


def simulated_loop() -> SimulatedLoop:
    """The loop that runs this code; raises RuntimeError outside `run_simulated`."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulatedLoop):
        raise RuntimeError("this code does not run in simulated time: call it through run_simulated")  # noqa: TRY004  nobody passed a value
    return loop


def at(seconds: float, call: Callable[[], object]) -> None:
    """Call something at a virtual time, counted from the loop's start."""
    loop = simulated_loop()
    loop.call_at(START_NS / SECOND + seconds, call)

"""Duets over real sockets, in this process: what is asked, in which order, and what ends them."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from loadstone.cli.duet import plans
from loadstone.duet import FIRST_LOOK, LOAD_SHARE, MOST_USERS, Terms, duet, pace_of, slice_that_fits
from loadstone.errors import ExitCode, NoSamples, TargetUnreachable
from loadstone.judge.difference import Answer
from loadstone.judge.duet_outcome import Outcome

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAILURE = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"


class Servers:
    """Servers in one thread that answer after a delay of their own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._open: list[tuple[asyncio.Server, list[asyncio.BaseTransport]]] = []

    def add(self, delay_s: float, answer: bytes = ANSWER) -> Instance:
        """One more; the answer is sent that long after the request came."""
        instance = Instance("", delay_s, answer)
        loop, transports = self.loop, []

        class Answering(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport: Any = transport
                transports.append(transport)
                if not server.is_serving():  # accepted when it was closed already: nobody else would close this one
                    self.transport.abort()  # type: ignore[attr-defined]

            def data_received(self, data: bytes) -> None:
                instance.requests += data.count(b"\r\n\r\n")
                instance.paths.add(data.split(b" ", 2)[1].decode())
                loop.call_later(instance.delay_s, self.transport.write, instance.answer)

        server = asyncio.run_coroutine_threadsafe(loop.create_server(Answering, "127.0.0.1", 0), loop).result()
        instance.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        entry = (server, transports)
        self._open.append(entry)
        instance.end = lambda: self.end(entry)
        return instance

    def end(self, entry: tuple[asyncio.Server, list[asyncio.BaseTransport]]) -> None:
        """Close the server and its connections."""

        async def close() -> None:
            entry[0].close()
            for transport in entry[1]:
                transport.abort()  # type: ignore[attr-defined]
            for _ in range(5):
                await asyncio.sleep(0)  # who has just been accepted gets its transport, and loses it

        asyncio.run_coroutine_threadsafe(close(), self.loop).result()

    def close(self) -> None:
        """End all of them."""
        for entry in self._open:
            self.end(entry)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass
class Instance:
    """One of them."""

    url: str
    delay_s: float
    answer: bytes
    requests: int = 0
    paths: set[str] = field(default_factory=set)
    end: Callable[[], None] = lambda: None


class Side:
    """A target of a test, which keeps the log of its starts and stops."""

    def __init__(self, instance: Instance, *, restarts: bool = False, name: str = "side") -> None:
        self.instance, self.restarts, self.name = instance, restarts, name
        self.launches = self.starts = self.stops = 0
        self.why = ""

    def launch(self) -> None:
        self.launches += 1

    def start(self) -> str:
        self.starts += 1
        return self.instance.url

    def stop(self) -> None:
        self.stops += 1

    def spent(self) -> None:
        return None

    def gone(self) -> str:
        return self.why


@pytest.fixture
def servers() -> Iterator[Servers]:
    found = Servers()
    yield found
    found.close()


def play(a: Side, b: Side, *, control: Side | None = None, told: Callable[[Outcome], None] = lambda _: None, **terms: Any) -> Outcome:
    given = Terms(**{"users": 2, "most_pairs": 12, "error_limit": 0.5, **terms})
    return duet(a, b, plans([], None, given), given, control=control, told=told)


def test_a_target_that_takes_twice_as_long_is_worse_and_exits_with_1(servers: Servers) -> None:
    outcome = play(Side(servers.add(0.002)), Side(servers.add(0.006)))
    assert outcome.answer is Answer.WORSE
    assert outcome.exit_code is ExitCode.GATE_FAILED
    (times,) = [each for each in outcome.differences if each.figure.startswith("p50")]
    assert times.effect is not None
    assert times.effect.ratio > 1.5
    assert times.samples_before == times.samples_after == 12 * 16


def test_the_other_way_round_it_is_better_and_exits_with_0(servers: Servers) -> None:
    outcome = play(Side(servers.add(0.006)), Side(servers.add(0.002)))
    assert outcome.answer is Answer.BETTER
    assert outcome.exit_code is ExitCode.PASS


def test_all_arms_get_the_same_number_of_requests_and_the_same_path(servers: Servers) -> None:
    a, b, control = servers.add(0.0), servers.add(0.0), servers.add(0.0)
    play(Side(a), Side(b), control=Side(control), most_pairs=3)
    assert a.requests == b.requests == control.requests > 3 * 15
    assert a.paths == b.paths == {"/"}


def test_what_can_be_restarted_has_three_instances_before_the_first_look(servers: Servers) -> None:
    a, b, fixed = Side(servers.add(0.0), restarts=True), Side(servers.add(0.0), restarts=True), Side(servers.add(0.0))
    outcome = play(a, b, control=fixed)
    assert (a.starts, b.starts, fixed.starts) == (3, 3, 1)
    assert a.stops == b.stops == 3
    assert outcome.facts.restarts == 2


def test_a_target_that_dies_in_the_middle_gives_no_verdict(servers: Servers) -> None:
    dying = servers.add(0.0)

    def end_it(outcome: Outcome) -> None:
        if outcome.pairs == 3:
            dying.end()

    with pytest.raises(TargetUnreachable, match="B is gone") as caught:
        play(Side(servers.add(0.0)), Side(dying), told=end_it)
    assert caught.value.exit_code is ExitCode.UNREACHABLE


def test_a_target_whose_process_ended_is_named_with_the_reason(servers: Servers) -> None:
    side = Side(servers.add(0.0), name="cmd:app")

    def end_it(_outcome: Outcome) -> None:
        side.why = "its process has ended with exit code 9"

    with pytest.raises(TargetUnreachable, match="A is gone: its process has ended with exit code 9") as caught:
        play(side, Side(servers.add(0.0)), told=end_it)
    assert caught.value.where == "cmd:app"


def test_a_target_that_fails_every_request_is_not_compared(servers: Servers) -> None:
    with pytest.raises(NoSamples, match="every request to B failed: status 500") as caught:
        play(Side(servers.add(0.0)), Side(servers.add(0.0, FAILURE)))
    assert caught.value.exit_code is ExitCode.INCONCLUSIVE


def test_targets_are_stopped_also_when_one_of_them_cannot_be_started(servers: Servers) -> None:
    class Absent(Side):
        def start(self) -> str:
            raise TargetUnreachable("nothing answers", where="B")

    first, second = Side(servers.add(0.0)), Absent(servers.add(0.0))
    with pytest.raises(TargetUnreachable):
        play(first, second)
    assert (first.stops, second.stops) == (1, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_what_is_known_and_stops_the_targets(servers: Servers, number: signal.Signals) -> None:
    a, b = Side(servers.add(0.001)), Side(servers.add(0.001))

    def interrupt(outcome: Outcome) -> None:
        if outcome.pairs == 5:
            os.kill(os.getpid(), number)

    outcome = play(a, b, told=interrupt, most_pairs=400)
    assert outcome.ended == "interrupted"
    assert 5 <= outcome.pairs < 400
    assert outcome.exit_code is ExitCode.INTERRUPTED
    assert (a.stops, b.stops) == (1, 1)


def test_the_time_limit_ends_it_and_nobody_can_tell_from_two_pairs(servers: Servers) -> None:
    outcome = play(Side(servers.add(0.0)), Side(servers.add(0.0)), most_s=0.0)
    assert (outcome.ended, outcome.pairs) == ("time", 1)
    assert outcome.answer is Answer.CANNOT_TELL
    assert outcome.exit_code is ExitCode.INCONCLUSIVE


def test_load_stays_below_six_tenths_of_the_capacity() -> None:
    for alone, capacity in [(50.0, 800.0), (1000.0, 1000.0), (1000.0, 3000.0), (9000.0, 13000.0), (1.0, 1e6)]:
        pace = pace_of(alone, capacity)
        assert 1 <= pace.users <= MOST_USERS
        assert pace.rate_per_s <= LOAD_SHARE * capacity * (1 + 1e-9)
        offered = 1e9 / pace.every_ns if pace.every_ns else pace.users * alone
        assert offered == pytest.approx(pace.rate_per_s, rel=1e-3)


def test_each_arm_is_first_in_half_of_the_pairs(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    from loadstone.judge.duet_figures import Judges

    firsts: list[str] = []
    take = Judges.take

    def watched(self: Judges, *slices: Any, first: str, cpu: float | None, paced: bool) -> None:
        firsts.append(first)
        take(self, *slices, first=first, cpu=cpu, paced=paced)

    monkeypatch.setattr(Judges, "take", watched)
    play(Side(servers.add(0.0)), Side(servers.add(0.0)), control=Side(servers.add(0.0)), most_pairs=10)
    assert firsts.count("A") == firsts.count("B") == 5
    assert all(set(firsts[at : at + 2]) == {"A", "B"} for at in range(0, 10, 2))


def test_turns_are_as_long_as_wanted_while_the_first_look_fits_and_never_empty() -> None:
    assert slice_that_fits(15, 0.06, 120.0) == 15
    slow = slice_that_fits(15, 3.0, 240.0)
    assert 1 <= slow < 15
    assert slow * 3.0 * FIRST_LOOK <= 240.0 / 2
    assert slice_that_fits(15, 60.0, 1.0) == 1
    assert slice_that_fits(15, 0.0, 1.0) == 15


def test_what_starts_is_launched_together_before_it_is_waited_for(servers: Servers) -> None:
    log: list[str] = []

    class Logged(Side):
        def launch(self) -> None:
            log.append(f"launch {self.name}")

        def start(self) -> str:
            log.append(f"start {self.name}")
            return super().start()

    play(Logged(servers.add(0.0), name="a"), Logged(servers.add(0.0), name="b"), most_pairs=1)
    assert log == ["launch a", "launch b", "start a", "start b"]


def test_answers_per_second_are_shown_and_judge_nothing(servers: Servers) -> None:
    outcome = play(Side(servers.add(0.002)), Side(servers.add(0.006)))
    throughput = next(each for each in outcome.shown if each.figure == "throughput")
    assert throughput.effect is not None
    assert throughput.effect.ratio < 1
    assert "throughput" not in {each.figure for each in outcome.differences}

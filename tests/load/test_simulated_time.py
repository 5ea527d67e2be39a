"""The simulated loop itself: exact, quick, and never silently stuck."""

import asyncio
import socket

import pytest

from loadstone.clock import SECOND
from loadstone.testing.clock import START_NS, StandsStill, at, run_simulated, simulated_loop


def test_ten_hours_pass_at_once_and_to_the_nanosecond() -> None:
    async def wait() -> list[int]:
        loop = simulated_loop()
        timers = loop.timers()
        await asyncio.sleep(36_000)
        rung: list[int] = []
        for k in range(100):
            timers.at(loop.now_ns() + 333_333 * k + 1, lambda: rung.append(loop.now_ns()))
        began = loop.now_ns()
        await asyncio.sleep(1)
        return [moment - began for moment in rung]

    assert run_simulated(wait()) == [333_333 * k + 1 for k in range(100)]


def test_time_starts_at_a_thousand_seconds_and_code_can_spend_it() -> None:
    async def compute() -> tuple[int, int]:
        loop = simulated_loop()
        before = loop.now_ns()
        loop.spend(SECOND)
        return before, loop.now_ns()

    assert run_simulated(compute()) == (START_NS, START_NS + SECOND)


def test_a_task_that_waits_for_what_cannot_happen_is_told() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StandsStill, match="nothing is left to wait for"):
        run_simulated(wait())


def test_a_task_that_spins_without_waiting_is_told() -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110  that is the point
            await asyncio.sleep(0)

    with pytest.raises(StandsStill, match="spins"):
        run_simulated(spin())


def test_a_task_that_never_ends_is_told() -> None:
    async def tick() -> None:
        while True:  # noqa: ASYNC110  that is the point
            await asyncio.sleep(1)

    with pytest.raises(StandsStill, match="after 100 virtual seconds"):
        run_simulated(tick(), most_s=100)


def test_real_sockets_are_refused() -> None:
    async def connect() -> None:
        with socket.socket() as sock:
            asyncio.get_running_loop().add_reader(sock, print)

    with pytest.raises(RuntimeError, match="no real sockets"):
        run_simulated(connect())


def test_calls_can_be_planned_from_the_start() -> None:
    async def wait() -> float:
        happened: list[float] = []
        at(2.5, lambda: happened.append(simulated_loop().time()))
        await asyncio.sleep(10)
        return happened[0]

    assert run_simulated(wait()) == 1002.5
